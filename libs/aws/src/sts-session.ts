import { STSClient, type Credentials } from '@aws-sdk/client-sts';
import { assert, type AwsSession } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify, isBrokenConnection, type Service } from './classify';
import { ClientPool } from './client-pool';

/** What every session of a role is asked for with. */
export interface RoleCall {
  region: string;
  roleArn: string;
  sessionName: string;
  durationSeconds: number;
  /** An inline policy: the session may do what it allows and the role allows, and nothing else. */
  policy?: string | undefined;
}

/** AWS has not half as many Regions. A tenant may name any that looks like one, and each would stay. */
const REGIONS_MAX = 64;

/** STS in each Region: regional endpoints, one client each. */
export class RegionalSts {
  private readonly clients = new ClientPool<STSClient>(REGIONS_MAX);

  constructor(private readonly transport: NodeHttpHandler) {}

  client(region: string): STSClient {
    return this.clients.get(
      region,
      region,
      () => new STSClient({ region, requestHandler: this.transport, maxAttempts: 1 }),
    );
  }
}

/** What both ways to assume a role have in common in their calls. */
export function roleParameters({ roleArn, sessionName, durationSeconds, policy }: RoleCall) {
  return {
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    DurationSeconds: durationSeconds,
    Policy: policy,
  };
}

/**
 * Sends a call that is answered with a session; once more if the connection broke.
 *
 * @throws Failure `credential.*`
 */
export async function fetchSession(
  service: Service,
  send: () => Promise<{ Credentials?: Credentials | undefined }>,
): Promise<AwsSession> {
  try {
    const { Credentials } = await send().catch((error: unknown) => {
      if (isBrokenConnection(error)) return send();
      throw error;
    });
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
    assert(
      AccessKeyId !== undefined &&
        SecretAccessKey !== undefined &&
        SessionToken !== undefined &&
        Expiration !== undefined,
      'STS answers with a whole session',
    );
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiresAt: Expiration.getTime(),
    };
  } catch (error) {
    throw classify(service, error);
  }
}
