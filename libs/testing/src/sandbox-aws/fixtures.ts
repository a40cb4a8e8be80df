// A small world for the sandbox's tests: two accounts, a user in each who may do everything, and a role that trusts an issuer.
import { startSandboxAws } from './start-sandbox-aws';
import type { SandboxAws, SandboxAwsOptions } from './start-sandbox-aws';
import type { SdkKeys } from './sdk-clients';

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';
export const REGION = 'eu-west-1';
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/logferry`;

export const ADMIN: SdkKeys = {
  accessKeyId: 'AKIAADMIN00000000001',
  secretAccessKey: 'admin-secret-of-the-first-account',
};
export const OTHER_ADMIN: SdkKeys = {
  accessKeyId: 'AKIAADMIN00000000002',
  secretAccessKey: 'admin-secret-of-the-second-account',
};

export const ALLOW_ALL = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

/** A permission policy with one statement. */
export function allow(action: string | string[], resource: string | string[]) {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: resource }],
  };
}

/** A trust policy for one subject of an OIDC issuer, as a customer would paste it. */
export function trustSubject(issuerUrl: string, subject: string, account = ACCOUNT) {
  const host = issuerUrl.replace(/^https?:\/\//u, '');
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${host}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: { [`${host}:sub`]: subject, [`${host}:aud`]: 'sts.amazonaws.com' },
        },
      },
    ],
  };
}

export async function startWorld(options: SandboxAwsOptions = {}): Promise<SandboxAws> {
  return startSandboxAws({
    port: 0,
    // What these tests ask a hundred times, AWS would answer over an hour.
    hasQuotas: false,
    ...options,
    seed: {
      accounts: [ACCOUNT, OTHER_ACCOUNT],
      users: [
        { account: ACCOUNT, name: 'admin', accessKeys: [ADMIN], policies: [ALLOW_ALL] },
        { account: OTHER_ACCOUNT, name: 'admin', accessKeys: [OTHER_ADMIN], policies: [ALLOW_ALL] },
      ],
      ...options.seed,
    },
  });
}
