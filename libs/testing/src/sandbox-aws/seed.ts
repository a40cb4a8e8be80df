// The seed: who and what exists before the first call. One JSON document, checked as a whole; every problem names its field.
import { z } from 'zod';
import { isBucketName } from './bucket-operations';
import { FaultSpec } from './fault-spec';
import { isRoleArn, parseRoleArn, randomId } from './identities';
import { MalformedPolicy, parsePolicy } from './iam-policy';
import type { PolicyKind } from './iam-policy';
import { IAM, LOGS, SANDBOX, STS } from './limits';
import { REGION_PATTERN } from './region';
import type { SandboxState } from './sandbox-state';

const Account = z.string().regex(/^\d{12}$/u, 'an account is 12 digits');
const Region = z.string().regex(REGION_PATTERN, 'is not the name of a Region');

function policy(kind: PolicyKind) {
  return z.unknown().transform((document, context) => {
    try {
      return parsePolicy(document, kind);
    } catch (error) {
      if (!(error instanceof MalformedPolicy)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

const ProviderUrl = z
  .string()
  .max(IAM.providerUrlLengthMax)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return (
      url !== undefined && /^https?:$/u.test(url.protocol) && url.search === '' && url.hash === ''
    );
  }, 'must be an http or https URL without query')
  .transform((text) => text.replace(/\/$/u, ''));

const Provider = z.strictObject({
  account: Account,
  url: ProviderUrl,
  clientIds: z
    .array(z.string().min(1).max(IAM.clientIdLengthMax))
    .min(1)
    .max(IAM.clientIdsMax)
    .default(['sts.amazonaws.com']),
});

const Role = z.strictObject({
  arn: z.string().refine(isRoleArn, 'is not the ARN of a role'),
  trustPolicy: policy('trust'),
  policies: z.array(policy('identity')).default([]),
  maxSessionDurationSeconds: z
    .number()
    .int()
    .min(STS.roleMaxSessionSecondsMin)
    .max(STS.durationSecondsMax)
    .default(STS.roleMaxSessionSecondsDefault),
});

const User = z.strictObject({
  account: Account,
  name: z.string().regex(/^[\w+=,.@-]{1,64}$/u),
  partition: z
    .string()
    .regex(/^aws[a-z-]*$/u)
    .default('aws'),
  accessKeys: z
    .array(
      // Not strict: the SDK marks the credentials object it was given, and the same object must be good for a seed.
      z.object({
        accessKeyId: z.string().regex(/^\w{16,128}$/u),
        secretAccessKey: z.string().min(1).max(128),
      }),
    )
    .max(16)
    .default([]),
  policies: z.array(policy('identity')).max(32).default([]),
});

const BucketSeed = z.strictObject({
  name: z.string().refine(isBucketName, 'is not a bucket name S3 allows'),
  region: Region,
  account: Account,
});

const LogGroupSeed = z.strictObject({
  account: Account,
  region: Region,
  name: z.string().min(1).max(LOGS.nameLengthMax).regex(LOGS.groupNamePattern),
  retentionDays: z
    .number()
    .refine((days) => (LOGS.retentionDays as readonly number[]).includes(days))
    .optional(),
  streams: z
    .array(z.string().min(1).max(LOGS.nameLengthMax).regex(LOGS.streamNamePattern))
    .default([]),
});

export const SandboxSeed = z.strictObject({
  accounts: z.array(Account).max(SANDBOX.accountsMax).default([]),
  oidcProviders: z.array(Provider).max(SANDBOX.accountsMax).default([]),
  roles: z.array(Role).max(SANDBOX.rolesMax).default([]),
  users: z.array(User).max(SANDBOX.usersMax).default([]),
  /** ARNs of KMS keys that CloudWatch Logs may use. */
  kmsKeys: z
    .array(z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/u))
    .max(SANDBOX.kmsKeysMax)
    .default([]),
  buckets: z.array(BucketSeed).max(SANDBOX.bucketsMax).default([]),
  logGroups: z.array(LogGroupSeed).max(SANDBOX.groupsMax).default([]),
  faults: z.array(FaultSpec).max(SANDBOX.faultsMax).default([]),
});

export type SandboxSeed = z.input<typeof SandboxSeed>;
type ParsedSeed = z.output<typeof SandboxSeed>;

/** Says everything that is wrong with a seed, one line for each field. */
export class InvalidSeed extends Error {}

/** Adds to what exists; what has the same name is replaced, except buckets and log groups, which keep their content. */
export function applySeed(seed: unknown, state: SandboxState): void {
  const parsed = SandboxSeed.safeParse(seed);
  if (!parsed.success) {
    throw new InvalidSeed(
      parsed.error.issues
        .map((issue) => `${issue.path.join('.') || 'seed'}: ${issue.message}`)
        .join('\n'),
    );
  }
  requireKnownAccounts(parsed.data, state);
  requireRoom(parsed.data, state);
  requireFreeBuckets(parsed.data, state);
  putIdentities(parsed.data, state);
  putResources(parsed.data, state);
  state.announceChange();
}

function requireKnownAccounts(seed: ParsedSeed, state: SandboxState): void {
  const known = new Set([...state.identities.accounts, ...seed.accounts]);
  const references = [
    ...seed.oidcProviders.map(({ account }, at) => ({
      account,
      path: `oidcProviders.${String(at)}.account`,
    })),
    ...seed.roles.map(({ arn }, at) => ({
      account: parseRoleArn(arn).account,
      path: `roles.${String(at)}.arn`,
    })),
    ...seed.users.map(({ account }, at) => ({ account, path: `users.${String(at)}.account` })),
    ...seed.buckets.map(({ account }, at) => ({ account, path: `buckets.${String(at)}.account` })),
    ...seed.logGroups.map(({ account }, at) => ({
      account,
      path: `logGroups.${String(at)}.account`,
    })),
  ];
  const unknown = references.filter(({ account }) => !known.has(account));
  if (unknown.length === 0) return;
  throw new InvalidSeed(
    unknown
      .map(({ account, path }) => `${path}: account ${account} is not among the accounts`)
      .join('\n'),
  );
}

/** Seeds add up, and what they add up to is bounded like everything a client can send. */
function requireRoom(seed: ParsedSeed, { identities, kmsKeys }: SandboxState): void {
  const newAccounts = seed.accounts.filter((account) => !identities.accounts.has(account));
  const newRoles = seed.roles.filter(({ arn }) => !identities.roles.has(arn));
  const newUsers = seed.users.filter((user) => !identities.users.has(userArn(user)));
  const totals = [
    ['accounts', newAccounts.length + identities.accounts.size, SANDBOX.accountsMax],
    ['roles', newRoles.length + identities.roles.size, SANDBOX.rolesMax],
    ['kmsKeys', seed.kmsKeys.length + kmsKeys.size, SANDBOX.kmsKeysMax],
    ['users', newUsers.length + identities.users.size, SANDBOX.usersMax],
  ] as const;
  for (const [name, count, countMax] of totals) {
    if (count > countMax) {
      throw new InvalidSeed(`${name}: the sandbox keeps no more than ${String(countMax)}`);
    }
  }
}

function userArn({ partition, account, name }: ParsedSeed['users'][number]): string {
  return `arn:${partition}:iam::${account}:user/${name}`;
}

function requireFreeBuckets(seed: ParsedSeed, state: SandboxState): void {
  seed.buckets.forEach(({ name, account, region }, at) => {
    const existing = state.buckets.bucket(name);
    if (existing && (existing.account !== account || existing.region !== region)) {
      throw new InvalidSeed(
        `buckets.${String(at)}.name: ${name} exists already, in ${existing.region} of account ${existing.account}`,
      );
    }
  });
}

function putIdentities(seed: ParsedSeed, { identities }: SandboxState): void {
  for (const account of seed.accounts) identities.accounts.add(account);
  for (const provider of seed.oidcProviders) identities.putProvider(provider);
  for (const role of seed.roles) {
    const known = identities.roles.get(role.arn);
    const roleId = known?.roleId ?? randomId('AROA');
    identities.roles.set(role.arn, { ...role, ...parseRoleArn(role.arn), roleId });
  }
  for (const { accessKeys, ...user } of seed.users) {
    const arn = userArn({ ...user, accessKeys });
    const userId = identities.users.get(arn)?.userId ?? randomId('AIDA');
    identities.putUser({ ...user, arn, userId }, accessKeys);
  }
}

function putResources(seed: ParsedSeed, state: SandboxState): void {
  const nowMs = state.nowMs();
  for (const arn of seed.kmsKeys) state.kmsKeys.add(arn);
  for (const bucket of seed.buckets) {
    if (state.buckets.bucket(bucket.name) === undefined) state.buckets.create(bucket, nowMs);
  }
  for (const { streams, ...wanted } of seed.logGroups) {
    const group = state.logs.group(wanted, wanted.name) ?? state.logs.createGroup(wanted, nowMs);
    group.retentionDays = wanted.retentionDays ?? group.retentionDays;
    for (const name of streams) {
      if (!group.streams.has(name)) state.logs.createStream(group, name, nowMs);
    }
  }
  for (const fault of seed.faults) state.faults.add(fault);
}
