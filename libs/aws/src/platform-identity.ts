import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { AwsSession } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { fetchSession, RegionalSts, roleParameters, type RoleCall } from './sts-session';

export interface AssumeRoleCall extends RoleCall {
  /** What the tenant's trust policy demands of us, so that we cannot be made to assume it for somebody else. */
  externalId?: string | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
  /** Whether the tags stay with whatever role is assumed with the session. */
  areTagsTransitive?: boolean | undefined;
}

/**
 * Assumes a role in the tenant's account with the platform's own AWS identity, which the SDK finds where it finds it everywhere: the
 * environment, a shared file, the container, the instance.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export class PlatformIdentitySts {
  private readonly sts: RegionalSts;

  constructor(transport: NodeHttpHandler) {
    this.sts = new RegionalSts(transport);
  }

  /** @throws Failure `credential.*` */
  assumeRole(call: AssumeRoleCall): Promise<AwsSession> {
    const { externalId, tags = {}, areTagsTransitive = false } = call;
    const keys = Object.keys(tags);
    return fetchSession('sts_signed', () =>
      this.sts.client(call.region).send(
        new AssumeRoleCommand({
          ...roleParameters(call),
          ExternalId: externalId,
          Tags: keys.map((Key) => ({ Key, Value: tags[Key] })),
          TransitiveTagKeys: areTagsTransitive ? keys : [],
        }),
      ),
    );
  }
}
