// What a customer is told to change, by AWS's own words: each policy that can deny has an answer of its own, and what is to be pasted goes
// where it helps.
import { accountSetup, type AccountSetup, type Platform } from '@logferry/aws';
import { Destination, Failure, type FailureCode } from '@logferry/core';
import { explainFailure } from './connection-remedy';
import type { Verdict } from './connection-step';

const account = '123456789012';
const stranger = '222222222222';
const region = 'eu-central-1';
const roleArn = `arn:aws:iam::${account}:role/logferry`;
const logsKey = `arn:aws:kms:${region}:${account}:key/1234abcd`;
const strangersKey = `arn:aws:kms:${region}:${stranger}:key/1234abcd`;
const session = `arn:aws:sts::${account}:assumed-role/logferry/logferry-acme`;
const platform: Platform = {
  issuerUrl: 'https://oidc.logs.example.com',
  principalArn: 'arn:aws:iam::999999999999:role/broker',
  hasSessionTags: false,
};

const byToken = { kind: 'web_identity', roleArn };
const byExternalId = { ...byToken, kind: 'assume_role', externalId: 'logferry-0123456789abcdef' };
const byKey = {
  kind: 'access_key',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  account,
  sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}`,
};

const logs = (over: object = {}) =>
  Destination.parse({
    id: 'logs',
    type: 'cloudwatch',
    preset: 'env0',
    region,
    credentials: byToken,
    cloudwatch: { kmsKeyId: logsKey },
    ...over,
  });
const objects = (s3: object = {}, credentials: object = byToken) =>
  Destination.parse({
    id: 'objects',
    type: 's3',
    region,
    credentials,
    s3: { bucket: 'acme-logs', ...s3 },
  });
const theirBucket = { expectedBucketOwner: stranger };
const theirKey = { encryption: { kind: 'sse_kms', kmsKeyId: strangersKey } };

function setupOf(destination: Destination): AccountSetup {
  const setup = accountSetup('acme', destination, platform);
  if ('problem' in setup) throw new Error(setup.problem);
  return setup;
}

function explained(destination: Destination, code: FailureCode, says = ''): Verdict {
  const failure = new Failure(code, { cause: new Error(says) });
  const setup = setupOf(destination);
  return explainFailure(failure, { tenantId: 'acme', destination, account, setup });
}

/** In AWS's words. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
const denied = (action: string, why: string, resource = 'arn:aws:s3:::acme-logs/k'): string =>
  `User: ${session} is not authorized to perform: ${action} on resource: "${resource}" ${why}`;
const noneAllows = (policy: string, action: string): string =>
  `because no ${policy} allows the ${action} action`;

describe('an account without the identity provider', () => {
  test('is told which to make', () => {
    const { code, remedies } = explained(logs(), 'credential.provider_missing');
    expect({ code, remedies }).toEqual({
      code: 'credential.provider_missing',
      remedies: [
        {
          to: 'identity_provider',
          add: { url: 'https://oidc.logs.example.com', audience: 'sts.amazonaws.com' },
        },
      ],
    });
  });

  test('has none to make for a role that is assumed otherwise', () => {
    const destination = logs({ credentials: byExternalId });
    expect(explained(destination, 'credential.provider_missing').remedies).toEqual([]);
  });
});

test.each([
  ['a role', byToken],
  ['a user', byKey],
])(
  "with %s, a key that CloudWatch Logs may not use is told the statement of the key's own policy",
  (_, credentials) => {
    const destination = logs({ credentials });
    expect(explained(destination, 'cloudwatch.kms_denied').remedies).toEqual([
      {
        to: 'key_policy',
        add: expect.objectContaining({
          Sid: 'EncryptLogGroups',
          Principal: { Service: `logs.${region}.amazonaws.com` },
        }) as object,
      },
    ]);
  },
);

interface Told {
  destination?: Destination;
  code?: FailureCode;
  aws: string;
  says: RegExp;
  missing?: string[];
  /** Where something is to be added, and whom or what it is for. */
  add?: [to: string, text: string][];
}

const PUT = 's3:PutObject';
const KEY = 'kms:GenerateDataKey';
const LOG = 'logs:PutLogEvents';

test.each<[string, Told]>([
  [
    "the role's own policy lacks it",
    {
      aws: denied(PUT, noneAllows('identity-based policy', PUT)),
      says: /The role may not s3:PutObject on arn:aws:s3:::acme-logs\/\*.*Add that to its policy/,
      missing: [PUT],
      add: [['role_policy', 'arn:aws:s3:::acme-logs/']],
    },
  ],
  [
    "the user's own policy lacks it",
    {
      destination: objects({}, byKey),
      aws: denied(PUT, noneAllows('identity-based policy', PUT)),
      says: /The user may not s3:PutObject/,
      missing: [PUT],
      add: [['user_policy', 'arn:aws:s3:::acme-logs/']],
    },
  ],
  [
    "the role's own policy denies it",
    {
      aws: denied(PUT, 'with an explicit deny in an identity-based policy'),
      says: /a policy of the role denies it. Remove that Deny/,
    },
  ],
  [
    "a key that only the bucket's settings name is not in the role's policy",
    {
      code: 'kms.denied',
      aws: denied(KEY, noneAllows('identity-based policy', KEY), logsKey),
      says: /may not kms:GenerateDataKey on arn:aws:kms:.*see that the key's own policy leaves it to IAM/,
      missing: [KEY],
      add: [['role_policy', logsKey]],
    },
  ],
  [
    "another account's bucket does not let us in",
    {
      destination: objects(theirBucket),
      aws: denied(PUT, noneAllows('resource-based policy', PUT)),
      says: /the bucket's own policy does not allow it/,
      missing: [PUT],
      add: [['bucket_policy', roleArn]],
    },
  ],
  [
    "another account's bucket does not let the user in",
    {
      destination: objects(theirBucket, byKey),
      aws: denied(PUT, noneAllows('resource-based policy', PUT)),
      says: /the bucket's own policy does not allow it/,
      missing: [PUT],
      add: [['bucket_policy', `arn:aws:iam::${account}:user/logferry-acme`]],
    },
  ],
  [
    "another account's bucket refuses without a word",
    {
      destination: objects(theirBucket),
      aws: 'Access Denied',
      says: new RegExp(
        `acme-logs is not one of ${stranger}, or its owner's policy does not let us`,
      ),
      add: [['bucket_policy', roleArn]],
    },
  ],
  [
    "the bucket's own policy denies it",
    {
      destination: objects(theirBucket),
      aws: denied(PUT, 'with an explicit deny in a resource-based policy'),
      says: /the bucket's own policy denies it. The role's policy is not the problem: change the Deny/,
    },
  ],
  [
    "another account's key does not let us in",
    {
      destination: objects(theirKey),
      code: 'kms.denied',
      aws: denied(KEY, noneAllows('resource-based policy', KEY), strangersKey),
      says: /the KMS key's own policy does not allow it/,
      missing: [KEY],
      add: [['key_policy', roleArn]],
    },
  ],
  [
    "a key's own policy denies it",
    {
      destination: objects(theirKey),
      code: 'kms.denied',
      aws: denied(KEY, 'with an explicit deny in a resource-based policy', strangersKey),
      says: /the KMS key's own policy denies it/,
    },
  ],
  [
    'the permissions boundary is too narrow',
    {
      aws: denied(PUT, noneAllows('permissions boundary', PUT)),
      says: /the role's permissions boundary does not allow it. Widen the boundary/,
      missing: [PUT],
    },
  ],
  [
    "the user's permissions boundary denies it",
    {
      destination: objects({}, byKey),
      aws: denied(PUT, 'with an explicit deny in a permissions boundary'),
      says: /outright: the user's permissions boundary denies it. Change that Deny/,
    },
  ],
  [
    'a VPC endpoint does not let it through',
    {
      aws: denied(PUT, noneAllows('VPC endpoint policy', PUT)),
      says: /by the policy of a VPC endpoint. Allow it there/,
    },
  ],
  [
    'the organization denies it',
    {
      destination: logs(),
      code: 'cloudwatch.access_denied',
      aws: denied(LOG, 'with an explicit deny in a service control policy'),
      says: /refuses logs:PutLogEvents by a policy of the account's AWS Organization/,
    },
  ],
  [
    'the organization does not allow it for what is written to',
    {
      aws: denied(PUT, noneAllows('resource control policy', PUT)),
      says: /AWS Organization.*the role's own policy does not help/,
    },
  ],
  [
    'our own session was narrowed to something else',
    {
      aws: denied(PUT, noneAllows('session policy', PUT)),
      says: /our own session was narrowed to another target/,
    },
  ],
])('%s: that is told, and what to add where', (_, told) => {
  const { destination = objects(), code = 's3.access_denied', aws, says } = told;
  const verdict = explained(destination, code, aws);
  expect(verdict).toMatchObject({ outcome: 'failed', code });
  expect(verdict.message).toMatch(says);
  expect(verdict.missing ?? []).toEqual(told.missing ?? []);
  const { remedies = [] } = verdict;
  expect(remedies.map(({ to }) => to)).toEqual((told.add ?? []).map(([to]) => to));
  for (const [i, [, text]] of (told.add ?? []).entries())
    expect(JSON.stringify(remedies[i]?.add)).toContain(text);
  expect(JSON.stringify(verdict)).not.toContain('is not authorized');
});
