// What a customer makes in their AWS account so that we can deliver to a destination: whole, and filled in. The renderings say the same
// in the language of a tool.
import {
  logGroupPatterns,
  partitionOf,
  subjectOf,
  TOKEN_AUDIENCE,
  type Credentials,
  type Destination,
} from '@logferry/core';
import { permissionPolicy, type PolicyDocument, type PolicyStatement } from './permission-policy';
import { trustPolicy, type Trust, type TrustPolicy } from './trust-policy';

/** What all customers of an installation have in common. */
export interface Platform {
  /** Whose identity tokens STS is shown, for whom they are, and for which tenant. */
  issuerUrl: string;
  audience?: string;
  subjectPattern?: string;
  /** Who assumes roles that are not assumed by identity tokens. */
  principalArn: string | undefined;
  hasSessionTags: boolean;
}

export interface RoleSetup {
  kind: 'role';
  name: string;
  /** IAM's own folders for roles; mostly the root. */
  path: string;
  maxSessionSeconds: number;
  trust: Trust;
  trustPolicy: TrustPolicy;
}

/** A policy of somebody else's: of a key, or of another account's bucket. It is added to what is there. */
export interface ResourcePolicy {
  on: 'kms_key' | 'bucket';
  resource: string;
  statement: Omit<PolicyStatement, 'Condition'> & {
    Principal: Record<string, string>;
    Condition?: Record<string, Record<string, string | string[]>>;
  };
}

export interface AccountSetup {
  partition: string;
  account: string;
  region: string;
  /** Who is given the permissions: a role that we assume, or a user whose access key we have. */
  identity: RoleSetup | { kind: 'user'; name: string };
  policyName: string;
  permissions: PolicyDocument;
  resourcePolicies: ResourcePolicy[];
}

/** IAM lets no role have a shorter maximum. */
const MAX_SESSION_SECONDS_MIN = 3_600;

/** Where nobody knows the account: in a policy it means any, and a policy of a user reaches no other than the user's own. */
const ANY_ACCOUNT = '*';

/**
 * @returns a problem instead if the platform is not set up for these credentials
 */
export function accountSetup(
  tenantId: string,
  destination: Destination,
  platform: Platform,
): AccountSetup | { problem: string } {
  const { credentials, region } = destination;
  const partition = partitionOf(region);
  const base = { partition, region, policyName: `logferry-${destination.id}` };
  if (credentials.kind === 'access_key') {
    const { account = ANY_ACCOUNT } = credentials;
    const permissions = permissionPolicy(destination, { tenantId, account });
    const name = `logferry-${tenantId}`.slice(0, 64);
    const principalArn = `arn:${partition}:iam::${account}:user/${name}`;
    return {
      ...base,
      account,
      permissions,
      identity: { kind: 'user', name },
      resourcePolicies: resourcePolicies(destination, {
        tenantId,
        account,
        permissions,
        // A policy of somebody else's names whom it lets in whole, and so it cannot be written for an account that nobody knows.
        principalArn: account === ANY_ACCOUNT ? undefined : principalArn,
      }),
    };
  }
  const trust = trustOf(tenantId, credentials, platform);
  if ('problem' in trust) return trust;
  const { roleArn, sessionDurationSeconds } = credentials;
  const account = roleArn.split(':')[4] ?? ANY_ACCOUNT;
  const { hasSessionTags } = platform;
  const [, path = '/', name = ''] = /:role(\/(?:.*\/)?)([^/]+)$/.exec(roleArn) ?? [];
  const permissions = permissionPolicy(destination, { tenantId, account });
  return {
    ...base,
    account,
    permissions,
    identity: {
      kind: 'role',
      name,
      path,
      maxSessionSeconds: Math.max(MAX_SESSION_SECONDS_MIN, sessionDurationSeconds),
      trust,
      trustPolicy: trustPolicy(trust, { partition, account, hasSessionTags }),
    },
    resourcePolicies: resourcePolicies(destination, {
      tenantId,
      account,
      permissions,
      principalArn: roleArn,
    }),
  };
}

function trustOf(
  tenantId: string,
  credentials: Exclude<Credentials, { kind: 'access_key' }>,
  { issuerUrl, audience = TOKEN_AUDIENCE, subjectPattern, principalArn }: Platform,
): Trust | { problem: string } {
  if (credentials.kind === 'web_identity') {
    const subject = subjectOf(tenantId, subjectPattern);
    return { kind: 'web_identity', issuerUrl, audience, subject };
  }
  if (principalArn === undefined) {
    return {
      problem:
        'the platform has not said which AWS identity of its own assumes roles (LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN)',
    };
  }
  return { kind: 'assume_role', principalArn, externalId: credentials.externalId };
}

interface Grantee {
  tenantId: string;
  account: string;
  /** The role or the user, if it is known. */
  principalArn: string | undefined;
  permissions: PolicyDocument;
}

function resourcePolicies(destination: Destination, grantee: Grantee): ResourcePolicy[] {
  return destination.type === 'cloudwatch'
    ? logGroupKeyPolicy(destination, grantee)
    : [...objectKeyPolicy(destination, grantee), ...bucketPolicy(destination, grantee)];
}

/**
 * It is CloudWatch Logs that uses a group's key, and not whoever writes.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
 */
function logGroupKeyPolicy(
  destination: Extract<Destination, { type: 'cloudwatch' }>,
  { tenantId, account }: Grantee,
): ResourcePolicy[] {
  const { region, cloudwatch, filter } = destination;
  const { kmsKeyId } = cloudwatch;
  if (kmsKeyId === undefined) return [];
  const partition = partitionOf(region);
  const groups = logGroupPatterns(tenantId, destination, filter.types).map(
    (name) => `arn:${partition}:logs:${region}:${account}:log-group:${name}`,
  );
  const suffix = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return [
    {
      on: 'kms_key',
      resource: kmsKeyId,
      statement: {
        Sid: 'EncryptLogGroups',
        Effect: 'Allow',
        Principal: { Service: `logs.${region}.${suffix}` },
        Action: [
          'kms:Encrypt*',
          'kms:Decrypt*',
          'kms:ReEncrypt*',
          'kms:GenerateDataKey*',
          'kms:Describe*',
        ],
        Resource: ['*'],
        Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
      },
    },
  ];
}

/** A key of one's own account mostly leaves it to IAM who may use it; one of another account never does. */
function objectKeyPolicy(
  { s3 }: Extract<Destination, { type: 's3' }>,
  { account, principalArn, permissions }: Grantee,
): ResourcePolicy[] {
  const { kmsKeyId } = s3.encryption;
  const use = permissions.Statement.find(({ Sid }) => Sid === 'UseKmsKey');
  const keyAccount = kmsKeyId?.startsWith('arn:') === true ? kmsKeyId.split(':')[4] : account;
  if (principalArn === undefined || kmsKeyId === undefined || use === undefined) return [];
  if (keyAccount === account) return [];
  const { Sid, Effect, Action } = use;
  const statement = { Sid, Effect, Principal: { AWS: principalArn }, Action, Resource: ['*'] };
  return [{ on: 'kms_key', resource: kmsKeyId, statement }];
}

/** A bucket of another account than that of the role or the user lets it in by its own policy only. */
function bucketPolicy(
  { s3 }: Extract<Destination, { type: 's3' }>,
  { account, principalArn, permissions }: Grantee,
): ResourcePolicy[] {
  const write = permissions.Statement.find(({ Sid }) => Sid === 'WriteObjects');
  const { bucket, expectedBucketOwner = account } = s3;
  if (principalArn === undefined || expectedBucketOwner === account || write === undefined)
    return [];
  const { Sid, Effect, Action, Resource } = write;
  const statement = { Sid, Effect, Principal: { AWS: principalArn }, Action, Resource };
  return [{ on: 'bucket', resource: bucket, statement }];
}
