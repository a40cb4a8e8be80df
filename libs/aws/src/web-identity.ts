import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import type { AwsSession } from '@logferry/core';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { fetchSession, RegionalSts, roleParameters, type RoleCall } from './sts-session';

export interface WebIdentityCall extends RoleCall {
  token: string;
}

/**
 * Trades an identity token for a session in the tenant's account. The call is not signed: the token is all the proof there is, so
 * the process needs no AWS identity of its own.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export class WebIdentitySts {
  private readonly sts: RegionalSts;

  constructor(transport: NodeHttpHandler) {
    this.sts = new RegionalSts(transport);
  }

  /** @throws Failure `credential.*` */
  assumeRole(call: WebIdentityCall): Promise<AwsSession> {
    return fetchSession('sts', () =>
      this.sts.client(call.region).send(
        new AssumeRoleWithWebIdentityCommand({
          ...roleParameters(call),
          WebIdentityToken: call.token,
        }),
      ),
    );
  }
}
