// Goal: AssumeRole decides as AWS does between trust policy, ExternalId and the caller's own policies. Method: the real SDK. Doubles: none.
import {
  ACCOUNT,
  ADMIN,
  allow,
  ALLOW_ALL,
  OTHER_ACCOUNT,
  OTHER_ADMIN,
  startWorld,
} from './fixtures';
import { refusalOf, sts, stsClient } from './sdk-clients';
import type { SdkKeys } from './sdk-clients';
import type { SandboxAws } from './start-sandbox-aws';

const PLATFORM: SdkKeys = { accessKeyId: 'AKIAPLATFORM00000001', secretAccessKey: 'platform' };
const PLATFORM_ARN = `arn:aws:iam::${OTHER_ACCOUNT}:user/platform`;
const TENANT_ROLE = `arn:aws:iam::${ACCOUNT}:role/path/to/tenant`;

let sandbox: SandboxAws;

beforeAll(async () => {
  sandbox = await startWorld();
});

afterAll(async () => {
  await sandbox.stop();
});

function seed(
  trust: { AWS: string | string[] },
  more: { condition?: object; policies?: object[]; action?: string[] } = {},
) {
  const { condition, policies = [allow('sts:*', '*')], action = ['sts:AssumeRole'] } = more;
  sandbox.seed({
    accounts: [ACCOUNT, OTHER_ACCOUNT],
    users: [{ account: OTHER_ACCOUNT, name: 'platform', accessKeys: [PLATFORM], policies }],
    roles: [
      {
        arn: TENANT_ROLE,
        trustPolicy: {
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Principal: trust,
            Action: action,
            ...(condition && { Condition: condition }),
          },
        },
        policies: [ALLOW_ALL],
      },
    ],
  });
}

async function assume(input: Partial<sts.AssumeRoleCommandInput> = {}, credentials = PLATFORM) {
  const client = stsClient({ endpoint: sandbox.url, credentials });
  return client
    .send(
      new sts.AssumeRoleCommand({ RoleArn: TENANT_ROLE, RoleSessionName: 'logferry', ...input }),
    )
    .finally(() => {
      client.destroy();
    });
}

const DENIED = {
  code: 'AccessDenied',
  httpStatus: 403,
  message: `User: ${PLATFORM_ARN} is not authorized to perform: sts:AssumeRole on resource: ${TENANT_ROLE}`,
};

test('the session’s ARN carries the role’s name without its path', async () => {
  seed({ AWS: PLATFORM_ARN });
  expect((await assume()).AssumedRoleUser?.Arn).toBe(
    `arn:aws:sts::${ACCOUNT}:assumed-role/tenant/logferry`,
  );
});

test.each([
  ['the user itself', PLATFORM_ARN],
  ['the account by its root', `arn:aws:iam::${OTHER_ACCOUNT}:root`],
  ['the account by its number', OTHER_ACCOUNT],
  ['everyone', '*'],
])(
  'from another account, trust in %s needs the caller’s own permission too',
  async (_name, principal) => {
    seed({ AWS: principal });
    expect((await assume()).Credentials).toBeDefined();
    seed({ AWS: principal }, { policies: [] });
    expect(await refusalOf(assume())).toEqual(DENIED);
    seed({ AWS: principal }, { policies: [allow('sts:AssumeRole', `${TENANT_ROLE}-other`)] });
    expect(await refusalOf(assume())).toEqual(DENIED);
  },
);

test.each([
  ['another user', `${PLATFORM_ARN}2`],
  ['another account', '333333333333'],
])('trust in %s does not help', async (_name, principal) => {
  seed({ AWS: principal });
  expect(await refusalOf(assume())).toEqual(DENIED);
});

test('a role that does not exist is refused in the same words', async () => {
  seed({ AWS: '*' });
  sandbox.removeRole(TENANT_ROLE);
  expect(await refusalOf(assume())).toEqual(DENIED);
});

test('within one account, trust in the caller by name is enough, trust in the account is not', async () => {
  const local: SdkKeys = { accessKeyId: 'AKIALOCAL00000000001', secretAccessKey: 'local' };
  const user = { account: ACCOUNT, name: 'local', accessKeys: [local] };
  seed({ AWS: `arn:aws:iam::${ACCOUNT}:user/local` });
  sandbox.seed({ accounts: [ACCOUNT], users: [{ ...user, policies: [] }] });
  expect((await assume({}, local)).Credentials).toBeDefined();
  seed({ AWS: ACCOUNT });
  expect(await refusalOf(assume({}, local))).toMatchObject({ code: 'AccessDenied' });
  seed({ AWS: `arn:aws:iam::${ACCOUNT}:user/local` });
  const deny = { Statement: { Effect: 'Deny', Action: 'sts:*', Resource: '*' } };
  sandbox.seed({ accounts: [ACCOUNT], users: [{ ...user, policies: [deny] }] });
  expect(await refusalOf(assume({}, local))).toMatchObject({ code: 'AccessDenied' });
});

test('a deny in the trust policy wins over every allow', async () => {
  seed({ AWS: '*' });
  const Statement = [
    { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' },
    { Effect: 'Deny', Principal: { AWS: PLATFORM_ARN }, Action: 'sts:AssumeRole' },
  ];
  sandbox.seed({ accounts: [ACCOUNT], roles: [{ arn: TENANT_ROLE, trustPolicy: { Statement } }] });
  expect(await refusalOf(assume())).toEqual(DENIED);
  expect((await assume({}, OTHER_ADMIN)).Credentials).toBeDefined();
});

test('the ExternalId must be the one the trust policy asks for', async () => {
  seed({ AWS: PLATFORM_ARN }, { condition: { StringEquals: { 'sts:ExternalId': 'minted-7' } } });
  expect((await assume({ ExternalId: 'minted-7' })).Credentials).toBeDefined();
  expect(await refusalOf(assume({ ExternalId: 'minted-8' }))).toEqual(DENIED);
  expect(await refusalOf(assume())).toEqual(DENIED);
});

test.each([
  [{ ExternalId: 'x' }, 'ValidationError'],
  [{ ExternalId: 'x'.repeat(1_225) }, 'ValidationError'],
  [{ ExternalId: 'no spaces' }, 'ValidationError'],
  [{ DurationSeconds: 899 }, 'ValidationError'],
  [{ DurationSeconds: 3_601 }, 'ValidationError'],
  [{ Policy: '{' }, 'MalformedPolicyDocumentException'],
  [{ Policy: JSON.stringify({ Statement: [] }).padEnd(2_049) }, 'PackedPolicyTooLargeException'],
  [{ SourceIdentity: 'someone' }, 'NotImplemented'],
])('%j is refused with %s', async (input, code) => {
  seed({ AWS: PLATFORM_ARN });
  expect(await refusalOf(assume(input))).toMatchObject({ code });
});

test('tags need sts:TagSession from both sides', async () => {
  const Tags = [{ Key: 'team', Value: 'red' }];
  seed({ AWS: PLATFORM_ARN });
  expect((await refusalOf(assume({ Tags }))).message).toContain('sts:TagSession');
  seed({ AWS: PLATFORM_ARN }, { action: ['sts:AssumeRole', 'sts:TagSession'] });
  expect((await assume({ Tags })).PackedPolicySize).toBeGreaterThan(0);
  seed(
    { AWS: PLATFORM_ARN },
    { action: ['sts:AssumeRole', 'sts:TagSession'], policies: [allow('sts:AssumeRole', '*')] },
  );
  expect((await refusalOf(assume({ Tags }))).message).toContain('sts:TagSession');
});

test('a session may assume a role, but for an hour at most', async () => {
  seed({ AWS: '*' });
  sandbox.seed({
    accounts: [ACCOUNT],
    roles: [
      {
        arn: `arn:aws:iam::${ACCOUNT}:role/second`,
        trustPolicy: {
          Statement: { Effect: 'Allow', Principal: { AWS: TENANT_ROLE }, Action: 'sts:AssumeRole' },
        },
        maxSessionDurationSeconds: 43_200,
      },
    ],
  });
  const { Credentials } = await assume();
  const session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
  const second = { RoleArn: `arn:aws:iam::${ACCOUNT}:role/second` };
  expect((await assume(second, session)).Credentials).toBeDefined();
  expect(await refusalOf(assume({ ...second, DurationSeconds: 3_601 }, session))).toMatchObject({
    code: 'ValidationError',
    message:
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
  });
});

test('GetCallerIdentity tells who is calling, whatever they may do', async () => {
  seed({ AWS: '*' }, { policies: [] });
  const identities: unknown[] = [];
  for (const credentials of [PLATFORM, ADMIN, OTHER_ADMIN]) {
    const client = stsClient({ endpoint: sandbox.url, credentials });
    identities.push((await client.send(new sts.GetCallerIdentityCommand({}))).Arn);
    client.destroy();
  }
  expect(identities).toEqual([
    PLATFORM_ARN,
    `arn:aws:iam::${ACCOUNT}:user/admin`,
    `arn:aws:iam::${OTHER_ACCOUNT}:user/admin`,
  ]);
});

test('an action STS does not have is refused', async () => {
  const client = stsClient({ endpoint: sandbox.url, credentials: ADMIN });
  expect(await refusalOf(client.send(new sts.GetSessionTokenCommand({})))).toMatchObject({
    code: 'InvalidAction',
  });
  client.destroy();
});
