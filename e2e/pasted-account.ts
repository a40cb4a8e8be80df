// A customer's AWS account, in which was done what the console prints, or something else; and the platform's, which assumes roles in it.
import type { SandboxAws, SandboxSeed } from '@logferry/testing';

export const ACCOUNT = '210987654321';
export const STRANGER = '222222222222';
export const PLATFORM = '999999999999';
export const REGION = 'us-east-2';
export const OTHER_REGION = 'us-west-2';
export const BUCKET = 'new-customer-logs';
export const platformKey = {
  accessKeyId: 'AKIAPLATFORM2345ABCD',
  secretAccessKey: 'of-the-platform-itself-and-nobody-else12',
};
export const accessKey = {
  accessKeyId: 'AKIANEWCUSTOMER2345Q',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYNEWCUSTOMER',
};

/** Each way to connect has its own: that one of them trusts others is remembered of the role. */
export const role = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;

interface Statement {
  Action: string | string[];
  Resource?: string[];
  Condition?: Record<string, Record<string, string>>;
}

interface Policy {
  Version: string;
  Statement: Statement[];
}

export interface Printed {
  identityProvider: { url: string; audience: string } | null;
  role: { name: string; maxSessionSeconds: number } | null;
  trustPolicy: Policy | null;
  user: { name: string } | null;
  permissionPolicy: { document: Policy };
}

export interface Step {
  step: string;
  outcome: string;
  message: string;
  code?: string;
  remedies?: { to: string; add: Statement & Policy & { url?: string } }[];
}

/** What a customer has in AWS. */
export interface Account {
  provider: SandboxSeed['oidcProviders'];
  roleArn: string;
  trustPolicy: Policy | null;
  permissions: Policy;
  user: string | undefined;
  keys: { accessKeyId: string; secretAccessKey: string }[];
  bucket: { name: string; region: string; account: string } | undefined;
  maxSessionDurationSeconds: number;
}

/** AWS takes https only, and so that is what is printed; here the issuer has none. */
const providerOf = (url: string) => ({ account: ACCOUNT, url: url.replace('https:', 'http:') });

/** An account in which was done what is printed, and nothing else. */
export function asPrinted({ identityProvider, trustPolicy, user, ...printed }: Printed): Account {
  return {
    roleArn: role(printed.role?.name ?? ''),
    provider: identityProvider === null ? [] : [providerOf(identityProvider.url)],
    trustPolicy,
    permissions: printed.permissionPolicy.document,
    user: user?.name,
    keys: user === null ? [] : [accessKey],
    bucket: { name: BUCKET, region: REGION, account: ACCOUNT },
    maxSessionDurationSeconds: printed.role?.maxSessionSeconds ?? 3_600,
  };
}

/** AWS as it is with this account, whatever was there before. */
export function seedAccount(aws: SandboxAws, account: Account): void {
  const { roleArn, trustPolicy, permissions, maxSessionDurationSeconds } = account;
  const { user, keys, bucket } = account;
  const mayAssume = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' };
  const platform = {
    account: PLATFORM,
    name: 'broker',
    accessKeys: [platformKey],
    policies: [{ Version: '2012-10-17', Statement: [mayAssume] }],
  };
  const owner = { account: ACCOUNT, name: user ?? '', accessKeys: keys, policies: [permissions] };
  aws.reset();
  aws.seed({
    accounts: [ACCOUNT, STRANGER, PLATFORM],
    oidcProviders: account.provider,
    users: [platform, ...(user === undefined ? [] : [owner])],
    roles:
      trustPolicy === null
        ? []
        : [{ arn: roleArn, trustPolicy, policies: [permissions], maxSessionDurationSeconds }],
    buckets: bucket === undefined ? [] : [bucket],
  });
}

/** Does what the test says to do. */
export function mended(account: Account, failed: Step): Account {
  const all = { ...account };
  for (const { to, add } of failed.remedies ?? []) {
    if (to === 'trust_policy') all.trustPolicy = add;
    if (to === 'identity_provider') all.provider = [providerOf(add.url ?? '')];
    if (to === 'role_policy' || to === 'user_policy')
      all.permissions = { ...all.permissions, Statement: [...all.permissions.Statement, add] };
  }
  return all;
}
