// Customers connect an account in their platform's own terms: the documented variables, and nothing in AWS but what is printed for the
// destination that they make.
import { until, type SandboxSeed } from '@logferry/testing';
import { PLATFORM_KEY } from './app-environment';
import { Stack, TENANT } from './stack';

const ACCOUNT = '210987654321';
const REGION = 'us-east-2';
const BUCKET = 'new-customer-logs';
/** What the test of a connection writes has it in its name. */
const TEST_MARK = 'logferry-test';
const accessKey = {
  accessKeyId: 'AKIANEWCUSTOMER2345Q',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYNEWCUSTOMER',
};

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start({
    environment: {
      'credential-broker': {
        LOGFERRY_BROKER_SEALING_KEYS: `one:${Buffer.alloc(32, 7).toString('base64')}`,
      },
    },
  });
  // An account in which there is nothing yet but the bucket, which Logferry makes for nobody.
  stack.aws.seed({
    accounts: [ACCOUNT],
    buckets: [{ name: BUCKET, region: REGION, account: ACCOUNT }],
  });
}, 120_000);

afterAll(() => stack.stop(), 30_000);

interface Variables {
  destinations: { id: string; preset: string; type: string; scope: string; enabled: boolean }[];
  problems: { kind: string; name: string }[];
}

const at = (scope: string): string =>
  scope === '' ? '/variables' : `/scopes/${encodeURIComponent(scope)}/variables`;

/** Sets variables on a scope; comes back with the id of the destination of this type that its log events reach. */
async function set(scope: string, variables: object, over: object = {}): Promise<string> {
  const { status, body } = await stack.tenantApi<Variables>(at(scope), 'PUT', {
    variables,
    ...over,
  });
  expect({ status, problems: body.problems }).toEqual({ status: 201, problems: [] });
  const made = body.destinations.filter((destination) => destination.scope === scope);
  expect(made).toHaveLength(1);
  return made[0]?.id ?? '';
}

interface Printed {
  identityProvider: { url: string; audience: string } | null;
  trustPolicy: object | null;
  user: { name: string } | null;
  permissionPolicy: { document: object };
}

const pasted = new Map<string, object[]>();

/** Does in the account what is printed for a destination, and nothing else; then its connection is tested. */
async function paste(destinationId: string, roleArn?: string): Promise<void> {
  const { status, body } = await stack.tenantApi<Printed>(`/destinations/${destinationId}/policy`);
  expect(status).toBe(200);
  const { identityProvider, trustPolicy, user, permissionPolicy } = body;
  const name = roleArn ?? user?.name ?? '';
  const policies = [...(pasted.get(name) ?? []), permissionPolicy.document];
  pasted.set(name, policies);
  const seed: SandboxSeed = {
    oidcProviders:
      identityProvider === null
        ? []
        : [
            {
              account: ACCOUNT,
              // AWS takes https only, and so that is what is printed; here the issuer has none.
              url: identityProvider.url.replace('https:', 'http:'),
              clientIds: [identityProvider.audience],
            },
          ],
    roles: roleArn === undefined ? [] : [{ arn: roleArn, trustPolicy, policies }],
    users: user === null ? [] : [{ account: ACCOUNT, ...user, accessKeys: [accessKey], policies }],
  };
  stack.aws.seed(seed);
  const tested = await stack.tenantApi<Tested>(`/destinations/${destinationId}/test`, 'POST');
  expect(tested).toMatchObject({ status: 200, body: { outcome: 'passed' } });
}

interface Tested {
  outcome: string;
  steps: object[];
}

const role = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;

async function send(type: string, scope: string, attributes: object): Promise<void> {
  const url = `${stack.ingestUrl}/v1/tenants/${TENANT}/events?type=${type}&scope=${scope}`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${PLATFORM_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify([{ message: `${type} of ${scope}`, attributes }]),
  });
  expect(await answer.json()).toMatchObject({ accepted: 1 });
}

const messages = (group: string, stream: string): string[] =>
  stack.aws
    .logEvents({ account: ACCOUNT, region: REGION, group, stream })
    .map(({ message }) => message);

/** Everything that has arrived in the new account: group, stream, how many. */
const arrived = (): string[] =>
  stack.aws
    .logGroups()
    .filter(({ account }) => account === ACCOUNT)
    .flatMap(({ group, streams }) => streams.map(({ stream }) => `${group} ${stream}`))
    .filter((line) => !line.includes(TEST_MARK))
    .sort();

/** Sends until it arrives: ingest hears of new variables within a second. */
async function arrives(sent: () => Promise<void>, group: string, stream: string): Promise<void> {
  await until(
    async () => {
      await sent();
      return messages(group, stream).length > 0;
    },
    { intervalMs: 300, timeoutMs: 15_000, what: `${group} ${stream}` },
  );
}

test('env0, CloudWatch: the nearest variables say where deployment logs go, and nothing of audit logs', async () => {
  const organization = await set('', {
    ENV0_CLOUDWATCH_ROLE_ARN: role('env0'),
    ENV0_CLOUDWATCH_AWS_REGION: REGION,
  });
  await paste(organization, role('env0'));
  const prod = await set('project/web/environment/prod', {
    ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'prod/',
    ENV0_CLOUDWATCH_SESSION_DURATION: '900',
  });
  await paste(prod, role('env0'));
  await arrives(
    () => send('deployment', 'project/web/environment/prod', { deploymentId: 'd-prod' }),
    'prod/env0-deployments',
    'd-prod',
  );
  await arrives(
    () => send('deployment', 'project/web', { deploymentId: 'd-web' }),
    'env0-deployments',
    'd-web',
  );
  expect(arrived()).toEqual(['env0-deployments d-web', 'prod/env0-deployments d-prod']);
  await send('audit', 'project/web/environment/prod', { organizationId: 'o-1' });
  await until(() => stack.messages('o-1', 'env0-audits').length === 1);
  expect(arrived()).toHaveLength(2);
}, 40_000);

test('env zero, S3: objects come under the documented keys, behind the path', async () => {
  const scope = 'project/s3';
  const id = await set(scope, {
    ENV0_S3_LOG_ROLE_ARN: role('env0-s3'),
    ENV0_S3_LOG_BUCKET_NAME: BUCKET,
    ENV0_S3_LOG_AWS_REGION: REGION,
    ENV0_S3_LOG_BUCKET_PATH: '/our/logs/',
  });
  await paste(id, role('env0-s3'));
  const keys = () =>
    stack.aws
      .objects(BUCKET)
      .map(({ key }) => key)
      .filter((key) => !key.includes(TEST_MARK));
  await until(
    async () => {
      await send('deployment', scope, { deploymentId: 'd-s3' });
      await deliverNow(id);
      return keys().length > 0;
    },
    { intervalMs: 300, timeoutMs: 15_000 },
  );
  for (const key of keys())
    expect(key).toMatch(
      /^our\/logs\/env0-deployments\/\d{4}\/\d\d\/\d\d\/\d\d:\d\d:\d\d_[a-z0-9]{5}\.log$/,
    );
}, 40_000);

/** An object waits a minute for more, unless somebody presses the button at the console. */
async function deliverNow(destinationId: string): Promise<void> {
  interface Jobs {
    queues: { name: string; jobs: { id: string; data: object }[] }[];
  }
  const answer = await stack.console(
    '/queues/api/queues?activeQueue=s3&status=delayed&page=1&jobsPerPage=50',
  );
  const { queues } = (await answer.json()) as Jobs;
  const jobs = queues.find(({ name }) => name === 's3')?.jobs ?? [];
  const own = jobs.filter(({ data }) => JSON.stringify(data).includes(destinationId));
  for (const { id } of own)
    await stack.console(`/queues/api/queues/s3/${encodeURIComponent(id)}/promote`, {
      method: 'PUT',
    });
}

test('Astro: task logs of each Deployment have a stream, once the switch says so; the stream has two names', async () => {
  const workspace = 'workspace/w1';
  const deployment = { workspaceId: 'w1', clusterId: 'c1', deploymentId: 'a1' };
  const id = await set(
    workspace,
    { ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'True', ASTRO_CLOUDWATCH_ROLE_ARN: role('astro') },
    { region: REGION },
  );
  await paste(id, role('astro'));
  const group = 'astro-task-logs/w1/c1';
  await arrives(() => send('task', `${workspace}/deployment/a1`, deployment), group, 'a1');

  for (const [name, spelling] of [
    ['a2', 'ASTRO_CLOUDWATCH_TASK_LOGS_GROUP_STREAM'],
    ['a3', 'ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM'],
  ] as const) {
    const scope = `${workspace}/deployment/${name}`;
    await paste(await set(scope, { [spelling]: `stream-of-${name}` }), role('astro'));
    await arrives(() => send('task', scope, deployment), group, `stream-of-${name}`);
  }

  const off = `${workspace}/deployment/a4`;
  await stack.tenantApi(at(off), 'PUT', {
    variables: { ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'False' },
  });
  // Ingest reads a tenant whole: when it has heard of what was set behind it, it has heard of it as well.
  const behind = `${workspace}/deployment/a5`;
  const spelling = 'ASTRO_CLOUDWATCH_TASK_LOGS_LOG_STREAM';
  await paste(await set(behind, { [spelling]: 'stream-of-a5' }), role('astro'));
  await arrives(() => send('task', behind, deployment), group, 'stream-of-a5');
  const before = messages(group, 'stream-of-a5').length;
  await send('task', off, { ...deployment, deploymentId: 'a4' });
  await send('task', behind, deployment);
  await until(() => messages(group, 'stream-of-a5').length > before);
  expect(arrived().filter((line) => line.startsWith('astro'))).toEqual([
    `${group} a1`,
    `${group} stream-of-a2`,
    `${group} stream-of-a3`,
    `${group} stream-of-a5`,
  ]);
}, 40_000);

test("Auth0: a tenant's logs go to one stream of one group, with the keys of a user who may do no more", async () => {
  const id = await set('auth0', {
    CLOUDWATCH_LOG_GROUP_NAME: 'auth0/logs',
    CLOUDWATCH_LOG_STREAM_NAME: 'our-tenant',
    AWS_ACCESS_KEY_ID: accessKey.accessKeyId,
    AWS_SECRET_KEY: accessKey.secretAccessKey,
    AWS_REGION: REGION,
  });
  await paste(id);
  await arrives(() => send('tenant', 'auth0', {}), 'auth0/logs', 'our-tenant');
}, 40_000);

test.each([
  [{ ENV0_CLOUDWATCH_REGION: REGION }, 'ENV0_CLOUDWATCH_REGION', 'ENV0_CLOUDWATCH_AWS_REGION'],
  [{ ENV0_CLOUDWATCH_AWS_REGION: 'Frankfurt' }, 'ENV0_CLOUDWATCH_AWS_REGION', 'Region'],
  [{ ENV0_CLOUDWATCH_SESSION_DURATION: '60' }, 'ENV0_CLOUDWATCH_SESSION_DURATION', '900'],
  [{ ENV0_CLOUDWATCH_ROLE_ARN: 'logferry' }, 'ENV0_CLOUDWATCH_ROLE_ARN', 'arn:aws:iam::'],
  [{ ENV0_S3_LOG_BUCKET_NAME: 'My_Bucket' }, 'ENV0_S3_LOG_BUCKET_NAME', 'bucket'],
  [{ ENV0_S3_LOG_BUCKET_PATH: '../other' }, 'ENV0_S3_LOG_BUCKET_PATH', ''],
  [{ ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED: 'perhaps' }, 'ASTRO_CLOUDWATCH_TASK_LOGS_ENABLED', 'True'],
  [{ AWS_ACCESS_KEY_ID: 'mine' }, 'AWS_ACCESS_KEY_ID', 'access key'],
])(
  '%j is refused, with the name of the variable and what it must be',
  async (wrong, name, what) => {
    const { status, body } = await stack.tenantApi<{
      problems: { path: string; message: string }[];
    }>(at('wrong'), 'PUT', { variables: wrong });
    expect({ status, paths: body.problems.map(({ path }) => path) }).toEqual({
      status: 422,
      paths: [`$.variables.${name}`],
    });
    expect(body.problems[0]?.message).toContain(what);
    expect((await stack.tenantApi<Variables>(at('wrong'))).body).toMatchObject({ variables: {} });
  },
);
