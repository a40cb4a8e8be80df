// Customers connect an account in each of the ways that there are, with nothing in AWS but what is printed: it works, and each wrong
// turn on the way is told with its own remedy, which is one.
import { until } from '@logferry/testing';
import { PLATFORM_KEY } from './app-environment';
import {
  ACCOUNT,
  accessKey,
  asPrinted,
  BUCKET,
  mended,
  OTHER_REGION,
  PLATFORM,
  platformKey,
  REGION,
  seedAccount,
  STRANGER,
  type Account,
  type Printed,
  type Step,
} from './pasted-account';
import { Stack, TENANT } from './stack';
import { byExternalId, cloudwatch, ways } from './ways-to-connect';

let stack: Stack;
const seed = (account: Account): void => seedAccount(stack.aws, account);

beforeAll(async () => {
  stack = await Stack.start({
    environment: {
      'credential-broker': {
        LOGFERRY_BROKER_SEALING_KEYS: `one:${Buffer.alloc(32, 7).toString('base64')}`,
        LOGFERRY_BROKER_EXTERNAL_ID_SECRET: 'what ExternalIds are derived from',
        AWS_ACCESS_KEY_ID: platformKey.accessKeyId,
        AWS_SECRET_ACCESS_KEY: platformKey.secretAccessKey,
      },
      console: {
        LOGFERRY_CONSOLE_PLATFORM_PRINCIPAL_ARN: `arn:aws:iam::${PLATFORM}:user/broker`,
      },
    },
  });
}, 120_000);

afterAll(() => stack.stop(), 30_000);

interface Tested {
  outcome: string;
  steps: Step[];
}

const names = Object.keys(ways);
const scopeOf = (name: string): string => `way/${names.indexOf(name)}`;

/** Says where logs go; comes back with the destination's id. */
async function connect(name: string): Promise<string> {
  const way = ways[name];
  if (way === undefined) throw new Error(`there is no way ${name}`);
  if ('destination' in way) {
    const id = `d${names.indexOf(name)}`;
    const filter = { types: [id] };
    const body = { region: REGION, ...way.destination, filter };
    expect((await stack.tenantApi(`/destinations/${id}`, 'PUT', body)).status).toBeLessThan(300);
    return id;
  }
  const scope = scopeOf(name);
  interface Variables {
    destinations: { id: string; scope: string }[];
  }
  const address = `/scopes/${encodeURIComponent(scope)}/variables`;
  const { status, body } = await stack.tenantApi<Variables>(address, 'PUT', {
    variables: way.variables,
  });
  expect(status).toBeLessThan(300);
  return body.destinations.find((one) => one.scope === scope)?.id ?? '';
}

async function printedFor(id: string): Promise<Printed> {
  const { status, body } = await stack.tenantApi<Printed>(`/destinations/${id}/policy`);
  expect(status).toBe(200);
  return body;
}

const tested = async (id: string): Promise<Tested> =>
  (await stack.tenantApi<Tested>(`/destinations/${id}/test`, 'POST')).body;

const firstFailed = ({ steps }: Tested): Step | undefined =>
  steps.find(({ outcome }) => outcome === 'failed');

const replaced = <T>(document: T, from: string | RegExp, to: string): T =>
  JSON.parse(JSON.stringify(document).replaceAll(from, to)) as T;

interface Turn {
  /** The account that the customer has made, instead of the right one. */
  account: (right: Account) => Account;
  step: string;
  code: string | RegExp;
  says: RegExp;
  /** What else is to be done than to paste what the test says: then the account is the right one. */
  isMendedByHand?: boolean;
}

const roleTurns: Record<string, Turn> = {
  'the wrong tenant, or ExternalId, is trusted': {
    account: (right) => ({
      ...right,
      trustPolicy: replaced(
        right.trustPolicy,
        /"tenant:[^"]*"|("sts:ExternalId":)"[^"]*"/g,
        '$1"tenant:somebody-else"',
      ),
    }),
    step: 'session',
    code: 'credential.trust_denied',
    says: /trust policy/,
  },
  'whoever comes is trusted': {
    account: (right) => ({
      ...right,
      trustPolicy: replaced(
        right.trustPolicy,
        /"[^"]*:sub":"[^"]*",|,"Condition":{"StringEquals":{"sts:ExternalId":"[^"]*"}}/g,
        '',
      ),
    }),
    step: 'decoy',
    code: 'credential.trusts_others',
    says: /trust policy must compare the whole subject, or the ExternalId/,
  },
  'there is no such role': {
    account: (right) => ({ ...right, trustPolicy: null }),
    step: 'session',
    code: 'credential.trust_denied',
    says: /trust policy/,
  },
};

const tokenTurn: Record<string, Turn> = {
  'the account does not know the issuer': {
    account: (right) => ({ ...right, provider: [] }),
    step: 'session',
    code: 'credential.provider_missing',
    says: /identity provider/,
  },
};

const durationTurn: Record<string, Turn> = {
  "sessions are longer than the role's maximum": {
    account: (right) => ({ ...right, maxSessionDurationSeconds: 3_600 }),
    step: 'session',
    code: 'credential.duration_too_long',
    says: /shorter than 7200 s. Raise the role's MaxSessionDuration to that, or lower .*: 3600 is/,
    isMendedByHand: true,
  },
};

const keyTurns: Record<string, Turn> = {
  'the key was deactivated or deleted': {
    account: (right) => ({ ...right, keys: [] }),
    step: 'identity',
    code: 'credential.key_refused',
    says: /there and active/,
    isMendedByHand: true,
  },
  'the secret is of another key': {
    account: (right) => ({
      ...right,
      keys: [{ ...accessKey, secretAccessKey: 'another/secret/than/was/entered000000000' }],
    }),
    step: 'identity',
    code: 'credential.key_refused',
    says: /enter its id and its secret anew/,
    isMendedByHand: true,
  },
};

const logTurns: Record<string, Turn> = {
  'the policy is for another Region': {
    account: (right) => ({
      ...right,
      permissions: replaced(right.permissions, `:${REGION}:`, `:${OTHER_REGION}:`),
    }),
    step: 'write',
    code: 'cloudwatch.access_denied',
    says: new RegExp(`may not logs:\\w+ on arn:aws:logs:${REGION}:.*Add that to its policy`),
  },
  'the policy is for log groups of another name': {
    account: (right) => ({
      ...right,
      permissions: replaced(right.permissions, 'log-group:', 'log-group:staging/'),
    }),
    step: 'write',
    code: 'cloudwatch.access_denied',
    says: /may not logs:\w+ on arn:aws:logs:[^ ]*:log-group:(?!staging)/,
  },
};

const objectTurns: Record<string, Turn> = {
  'the bucket lies in another Region': {
    account: (right) => ({
      ...right,
      bucket: { name: BUCKET, region: OTHER_REGION, account: ACCOUNT },
    }),
    step: 'region',
    code: 's3.wrong_region',
    says: new RegExp(`Set the destination's region to ${OTHER_REGION}`),
    isMendedByHand: true,
  },
  'the policy is for another prefix': {
    account: (right) => ({
      ...right,
      permissions: replaced(right.permissions, `${BUCKET}/our/`, `${BUCKET}/their/`),
    }),
    step: 'write',
    code: 's3.access_denied',
    says: new RegExp(`may not s3:PutObject on arn:aws:s3:::${BUCKET}/our/logs/.*Add that`),
  },
  'there is no such bucket': {
    account: (right) => ({ ...right, bucket: undefined }),
    step: 'region',
    code: 's3.bucket_missing',
    says: /does not exist. Create it, or correct its name/,
    isMendedByHand: true,
  },
  "the bucket is another owner's": {
    account: (right) => ({
      ...right,
      bucket: { name: BUCKET, region: REGION, account: STRANGER },
    }),
    step: 'write',
    code: 's3.access_denied',
    says: new RegExp(`${BUCKET} is not one of ${ACCOUNT}`),
    isMendedByHand: true,
  },
};

describe.each(names)('%s', (name) => {
  let id: string;
  let printed: Printed;

  beforeAll(async () => {
    id = await connect(name);
    printed = await printedFor(id);
  });

  const isByKey = (): boolean => printed.user !== null;
  const actions = (): string[] =>
    printed.permissionPolicy.document.Statement.flatMap(({ Action }) => Action);

  test('with only what is printed, the test is green and logs arrive', async () => {
    seed(asPrinted(printed));
    const { outcome, steps } = await tested(id);
    expect({ outcome, steps: steps.map(({ outcome }) => outcome) }).toEqual({
      outcome: 'passed',
      steps: steps.map(() => 'ok'),
    });
    await until(() => arrived(name, id), { intervalMs: 300, timeoutMs: 20_000 });
  }, 40_000);

  test('of each action that is missing, the line to add is told', async () => {
    for (const action of actions()) {
      const Statement = printed.permissionPolicy.document.Statement.map((statement) => ({
        ...statement,
        Action: [statement.Action].flat().filter((one) => one !== action),
      })).filter(({ Action }) => Action.length > 0);
      const right = asPrinted(printed);
      const account = { ...right, permissions: { ...right.permissions, Statement } };
      const failed = await isTold(account);
      expect(failed).toMatchObject({
        step: 'write',
        message: expect.stringContaining(
          `The ${isByKey() ? 'user' : 'role'} may not ${action} on `,
        ) as string,
        remedies: [{ to: isByKey() ? 'user_policy' : 'role_policy', add: { Action: [action] } }],
      });
      await isMended(mended(account, failed));
    }
  }, 60_000);

  test('each wrong turn is told with its own remedy', async () => {
    const turns = {
      ...(isByKey() ? keyTurns : roleTurns),
      ...(printed.identityProvider === null ? {} : tokenTurn),
      ...((printed.role?.maxSessionSeconds ?? 0) > 3_600 ? durationTurn : {}),
      ...(actions().some((action) => action.startsWith('s3:')) ? objectTurns : logTurns),
    };
    for (const [what, { account, step, code, says, isMendedByHand = false }] of Object.entries(
      turns,
    )) {
      const right = asPrinted(printed);
      const wrong = account(right);
      expect({ what, isRight: JSON.stringify(wrong) === JSON.stringify(right) }).toEqual({
        what,
        isRight: false,
      });
      const failed = await isTold(wrong);
      expect({ what, ...failed }).toMatchObject({
        what,
        step,
        code,
        message: expect.stringMatching(says) as string,
      });
      if (isMendedByHand) await isMended(right);
      else await isMended(mended(wrong, failed), actions().length);
    }
  }, 60_000);

  async function isTold(account: Account): Promise<Step> {
    seed(account);
    const failed = firstFailed(await tested(id));
    if (failed === undefined) throw new Error('the test is green');
    return failed;
  }

  /** Of several actions that are missing, each test tells the first that AWS has met. */
  async function isMended(account: Account, rounds = 1): Promise<void> {
    seed(account);
    const failed = firstFailed(await tested(id));
    if (failed === undefined) return;
    if (rounds > 1) await isMended(mended(account, failed), rounds - 1);
    else expect(failed).toBeUndefined();
  }
});

test.each([
  ['demands no ExternalId', {}],
  ['takes any ExternalId', { Condition: { StringLike: { 'sts:ExternalId': '*' } } }],
])('with a role that %s, a destination cannot be switched on', async (_, condition) => {
  const address = '/destinations/wide';
  const destination = {
    region: REGION,
    ...cloudwatch,
    credentials: byExternalId('wide'),
    filter: { types: ['wide'] },
  };
  const { body: printed } = await stack.tenantApi<Printed>(
    `${address}/policy`,
    'POST',
    destination,
  );
  const right = asPrinted(printed);
  const [{ Condition: asked, ...statement } = { Action: '' }] = right.trustPolicy?.Statement ?? [];
  expect(asked?.StringEquals?.['sts:ExternalId']).toMatch(/^logferry-/);
  const Statement = [{ ...statement, ...condition }];
  seed({ ...right, trustPolicy: { Version: '2012-10-17', Statement } });
  expect(await stack.tenantApi(address, 'PUT', destination)).toMatchObject({
    status: 422,
    body: {
      code: 'config.refused',
      message: expect.stringContaining('switch the destination on then') as string,
    },
  });
  expect((await stack.tenantApi(address)).status).toBe(404);
  seed(right);
  expect((await stack.tenantApi(address, 'PUT', destination)).status).toBe(201);
  expect(await tested('wide')).toMatchObject({ outcome: 'passed' });
  await stack.tenantApi(address, 'DELETE');
});

async function arrived(name: string, id: string): Promise<boolean> {
  const preset = { 'env0, CloudWatch': 'deployment', 'env zero, S3': 'deployment', Astro: 'task' };
  const type = { ...preset, Auth0: 'tenant' }[name] ?? id;
  const attributes = { deploymentId: 'd1', workspaceId: 'w1', clusterId: 'c1' };
  const message = `sent by ${name}`;
  await fetch(
    `${stack.ingestUrl}/v1/tenants/${TENANT}/events?type=${type}&scope=${scopeOf(name)}`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${PLATFORM_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify([{ message, attributes }]),
    },
  );
  if (name.endsWith('S3')) await deliverNow(id);
  const messages = stack.aws
    .logGroups()
    .flatMap(({ account, region, group, streams }) =>
      streams.flatMap(({ stream }) => stack.aws.logEvents({ account, region, group, stream })),
    );
  const objects = stack.aws.objects(BUCKET).map(({ content }) => content?.toString() ?? '');
  return [...messages.map(({ message }) => message), ...objects].some((text) =>
    text.includes(message),
  );
}

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
  for (const { id, data } of jobs)
    if (JSON.stringify(data).includes(destinationId))
      await stack.console(`/queues/api/queues/s3/${encodeURIComponent(id)}/promote`, {
        method: 'PUT',
      });
}
