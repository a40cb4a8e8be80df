// Goal: a seed is taken whole or refused with every bad field named. Method: seeds as a user would write them. Doubles: none.
import { ACCOUNT, allow, ALLOW_ALL, OTHER_ACCOUNT, REGION, trustSubject } from './fixtures';
import { SandboxControl } from './sandbox-control';
import { SandboxState } from './sandbox-state';
import { InvalidSeed } from './seed';

function control(): SandboxControl {
  return new SandboxControl(new SandboxState(Date.now, 1_000_000));
}

function problemsOf(seed: unknown): string[] {
  try {
    control().seed(seed as Parameters<SandboxControl['seed']>[0]);
  } catch (error) {
    if (error instanceof InvalidSeed) return error.message.split('\n');
    throw error;
  }
  return [];
}

const ROLE = {
  arn: `arn:aws:iam::${ACCOUNT}:role/logferry`,
  trustPolicy: trustSubject('https://broker.example/issuer', 'tenant:1'),
  policies: [ALLOW_ALL],
};

const SEED = {
  accounts: [ACCOUNT],
  oidcProviders: [{ account: ACCOUNT, url: 'https://broker.example/issuer/' }],
  roles: [ROLE],
  users: [
    {
      account: ACCOUNT,
      name: 'platform',
      accessKeys: [{ accessKeyId: 'AKIAPLATFORM00000001', secretAccessKey: 'secret' }],
    },
  ],
  buckets: [{ name: 'a-bucket', region: REGION, account: ACCOUNT }],
  logGroups: [{ account: ACCOUNT, region: REGION, name: 'g', retentionDays: 14, streams: ['s'] }],
  faults: [{ match: { bucket: 'a-bucket' }, action: { kind: 'throttle' as const }, times: 3 }],
};

test('a whole seed is there afterwards, and its secrets are not shown', () => {
  const sandbox = control();
  sandbox.seed(SEED);
  expect(sandbox.identities()).toMatchObject({
    accounts: [ACCOUNT],
    oidcProviders: [{ url: 'https://broker.example/issuer', clientIds: ['sts.amazonaws.com'] }],
    roles: [{ maxSessionDurationSeconds: 3_600 }],
    users: [{ arn: `arn:aws:iam::${ACCOUNT}:user/platform` }],
  });
  expect(sandbox.logGroups()).toMatchObject([
    { group: 'g', retentionDays: 14, streams: [{ stream: 's' }] },
  ]);
  expect(sandbox.buckets()).toMatchObject([{ name: 'a-bucket', objects: 0 }]);
  expect(sandbox.faults()).toMatchObject([{ times: 3 }]);
  expect(JSON.stringify(sandbox.identities())).not.toContain('secret');
});

test('a second seed adds and replaces, and leaves logs and buckets their content', () => {
  const sandbox = control();
  sandbox.seed(SEED);
  sandbox.seed({
    ...SEED,
    faults: [],
    roles: [{ ...ROLE, maxSessionDurationSeconds: 7_200 }],
  });
  sandbox.seed({
    accounts: [OTHER_ACCOUNT],
    logGroups: [{ account: OTHER_ACCOUNT, region: REGION, name: 'g' }],
  });
  expect(sandbox.identities().accounts).toEqual([ACCOUNT, OTHER_ACCOUNT]);
  expect(sandbox.identities().roles).toMatchObject([{ maxSessionDurationSeconds: 7_200 }]);
  expect(sandbox.logGroups()).toHaveLength(2);
  sandbox.reset();
  expect(sandbox.identities()).toEqual({
    accounts: [],
    oidcProviders: [],
    roles: [],
    users: [],
    sessions: 0,
  });
  expect(sandbox.logGroups()).toEqual([]);
  expect(sandbox.buckets()).toEqual([]);
});

test('every problem is named with its field', () => {
  expect(
    problemsOf({
      accounts: ['12'],
      roles: [
        { arn: 'x', trustPolicy: {} },
        { arn: `arn:aws:iam::${ACCOUNT}:role/y`, trustPolicy: ALLOW_ALL },
      ],
      buckets: [{ name: 'Bad', region: 'nowhere', account: ACCOUNT }],
      colour: 'red',
    }),
  ).toEqual([
    'accounts.0: an account is 12 digits',
    'roles.0.arn: is not the ARN of a role',
    expect.stringMatching(/^roles\.0\.trustPolicy: Statement /u) as unknown,
    'roles.1.trustPolicy: Statement.0 has a prohibited field Resource',
    'buckets.0.name: is not a bucket name S3 allows',
    'buckets.0.region: is not the name of a Region',
    'seed: Unrecognized key: "colour"',
  ]);
});

test.each([
  ['no object', 7, 'seed: Invalid input: expected object, received number'],
  [
    'an account nobody declared',
    { roles: SEED.roles },
    `roles.0.arn: account ${ACCOUNT} is not among the accounts`,
  ],
  [
    'a provider that is no URL',
    { accounts: [ACCOUNT], oidcProviders: [{ account: ACCOUNT, url: 'broker' }] },
    'oidcProviders.0.url: must be an http or https URL without query',
  ],
  [
    'a session duration beyond AWS’s',
    { accounts: [ACCOUNT], roles: [{ ...ROLE, maxSessionDurationSeconds: 43_201 }] },
    'roles.0.maxSessionDurationSeconds: Too big: expected number to be <=43200',
  ],
  [
    'a trust policy in place of a permission policy',
    {
      accounts: [ACCOUNT],
      users: [{ account: ACCOUNT, name: 'u', policies: [trustSubject('https://x', 's')] }],
    },
    'users.0.policies.0: Statement.0 must not have a Principal: the policy belongs to one already',
  ],
  [
    'a condition operator it does not know',
    {
      accounts: [ACCOUNT],
      users: [
        {
          account: ACCOUNT,
          name: 'u',
          policies: [
            {
              Statement: {
                ...allow('*', '*').Statement[0],
                Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
              },
            },
          ],
        },
      ],
    },
    expect.stringContaining('is no condition operator this sandbox knows') as unknown as string,
  ],
])('%s is refused', (_name, seed, problem) => {
  expect(problemsOf(seed)).toEqual([problem]);
});

test('a bucket that exists elsewhere cannot be claimed', () => {
  const sandbox = control();
  sandbox.seed(SEED);
  const claim = () => {
    sandbox.seed({
      accounts: [OTHER_ACCOUNT],
      buckets: [{ name: 'a-bucket', region: REGION, account: OTHER_ACCOUNT }],
    });
  };
  expect(claim).toThrow(
    `buckets.0.name: a-bucket exists already, in ${REGION} of account ${ACCOUNT}`,
  );
});
