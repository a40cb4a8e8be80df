// A world for tests of web identity: a sandbox whose clock can be held, a real OIDC issuer, and one role that trusts one subject.
import type { OidcIssuer } from '../oidc-issuer';
import { startOidcIssuer } from '../oidc-issuer';
import { ACCOUNT, ADMIN, ALLOW_ALL, ROLE_ARN, startWorld, trustSubject } from './fixtures';
import { sts, stsClient } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

export const SUBJECT = 'tenant:1f6c';

export interface RoleChange {
  readonly trustPolicy?: object;
  readonly policies?: object[];
  readonly maxSessionDurationSeconds?: number;
}

export class WebIdentityWorld {
  nowMs = Date.now();

  constructor(
    readonly sandbox: SandboxAws,
    readonly issuer: OidcIssuer,
    private readonly client: sts.STSClient,
  ) {}

  seedRole(role: RoleChange = {}): void {
    const { url } = this.issuer;
    this.sandbox.seed({
      accounts: [ACCOUNT],
      oidcProviders: [{ account: ACCOUNT, url, clientIds: ['sts.amazonaws.com', 'other'] }],
      roles: [
        {
          arn: ROLE_ARN,
          trustPolicy: trustSubject(url, SUBJECT),
          policies: [ALLOW_ALL],
          ...role,
        },
      ],
    });
  }

  async assume(
    input: Partial<sts.AssumeRoleWithWebIdentityCommandInput> = {},
  ): Promise<sts.AssumeRoleWithWebIdentityCommandOutput> {
    const token = input.WebIdentityToken ?? (await this.issuer.token({ sub: SUBJECT }, this.nowMs));
    return this.client.send(
      new sts.AssumeRoleWithWebIdentityCommand({
        RoleArn: ROLE_ARN,
        RoleSessionName: 'logferry-tests',
        WebIdentityToken: token,
        ...input,
      }),
    );
  }

  /** With a token that has these claims instead of the usual ones; undefined leaves a claim out. */
  async assumeWith(
    claims: Parameters<OidcIssuer['token']>[0],
  ): Promise<sts.AssumeRoleWithWebIdentityCommandOutput> {
    const token = await this.issuer.token({ sub: SUBJECT, ...claims }, this.nowMs);
    return this.assume({ WebIdentityToken: token });
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await Promise.all([this.sandbox.stop(), this.issuer.stop()]);
  }
}

export async function startWebIdentityWorld(): Promise<WebIdentityWorld> {
  const clock = { nowMs: (): number => Date.now() };
  const issuer = await startOidcIssuer();
  const sandbox = await startWorld({ nowMs: () => clock.nowMs() });
  const client = stsClient({ endpoint: sandbox.url, credentials: ADMIN });
  const world = new WebIdentityWorld(sandbox, issuer, client);
  clock.nowMs = () => world.nowMs;
  return world;
}

export function keysOf({ Credentials }: { Credentials?: sts.Credentials | undefined }): SdkKeys {
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}
