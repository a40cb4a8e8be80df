import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { assert, type AwsSession } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { classify, isBrokenConnection } from './classify';

export interface WebIdentityCall {
  region: string;
  roleArn: string;
  sessionName: string;
  durationSeconds: number;
  token: string;
}

/**
 * Trades an identity token for a session in the tenant's account. The call is not signed: the token is all the proof there is, so
 * the process needs no AWS identity of its own.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export class WebIdentitySts {
  private readonly clients = new Map<string, STSClient>();

  constructor(private readonly transport: NodeHttpHandler) {}

  /** @throws Failure `credential.*` */
  async assumeRole(call: WebIdentityCall): Promise<AwsSession> {
    const { roleArn, sessionName, durationSeconds, token } = call;
    const send = () =>
      this.client(call.region).send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: roleArn,
          RoleSessionName: sessionName,
          DurationSeconds: durationSeconds,
          WebIdentityToken: token,
        }),
      );
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
      throw classify('sts', error);
    }
  }

  /** Regional endpoints, one client each; there are only so many Regions. */
  private client(region: string): STSClient {
    let client = this.clients.get(region);
    if (client === undefined) {
      client = new STSClient({ region, requestHandler: this.transport, maxAttempts: 1 });
      this.clients.set(region, client);
    }
    return client;
  }
}
