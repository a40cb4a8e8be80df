// Variables over HTTP: what they make, what they say of what is wrong, and that a secret among them comes back from nowhere.
import { Destination, LOG_EVENT, type Credentials } from '@logferry/core';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { aCloudWatchLane, startSessionBroker, type SessionBroker } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';
import { VariablesDesk } from './variables-desk';
import type { VariablesView } from './variables-view';
import { WaitingLogEvents } from './waiting-log-events';

const bed = useConsoleTestbed();

const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
const role = 'arn:aws:iam::123456789012:role/logs';
const env0 = { ENV0_CLOUDWATCH_ROLE_ARN: role, ENV0_CLOUDWATCH_AWS_REGION: 'eu-central-1' };
const auth0 = {
  CLOUDWATCH_LOG_GROUP_NAME: 'auth0',
  CLOUDWATCH_LOG_STREAM_NAME: 'logs',
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_REGION: 'eu-central-1',
};

let broker: SessionBroker;
let app: RunningApp;
let seals = 0;

beforeAll(async () => {
  broker = await startSessionBroker(
    () =>
      ({
        sealedSecret: `v1.k1.${'n'.repeat(16)}.${'s'.repeat(24)}${++seals}`,
      }) as unknown as ReturnType<Parameters<typeof startSessionBroker>[0]>,
  );
  app = await bed.startApp({ LOGFERRY_BROKER_TCP_PORT: String(broker.port) });
});
beforeEach(() => bed.call('/v1/tenants/acme', { method: 'PUT', body: {} }));
afterAll(async () => {
  await app.close();
  await broker.stop();
});

const address = (scope: string, tenant = 'acme'): string =>
  scope === ''
    ? `/v1/tenants/${tenant}/variables`
    : `/v1/tenants/${tenant}/scopes/${encodeURIComponent(scope)}/variables`;

type Written = Omit<VariablesView, 'problems'> & {
  code?: string;
  problems?: { path?: string; kind?: string; name?: string }[];
};

const put = (scope: string, variables: Record<string, string | null>, over: object = {}) =>
  bed.json<Written>(address(scope), {
    method: 'PUT',
    to: app,
    body: { variables },
    ...over,
  });
const get = async (scope: string) =>
  (await bed.json<VariablesView>(address(scope), { to: app })).body;
const remove = (scope: string, query = '') =>
  bed.json<Written>(`${address(scope)}${query}`, { method: 'DELETE', to: app });

interface StoredDestination {
  override: { scope: string };
  region: string;
  enabled: boolean;
  credentials: Record<string, unknown>;
}
const storedDestinations = async (): Promise<Record<string, StoredDestination>> =>
  Object.fromEntries(
    Object.entries(await bed.redis.hgetall('{lf}:destinations:acme')).map(([id, json]) => [
      id,
      JSON.parse(json) as StoredDestination,
    ]),
  );

test('what is set on a scope makes a destination there, from all that holds there, and deleting it unmakes it', async () => {
  const tenant = await put('', { ...env0, ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'all/' });
  expect(tenant).toMatchObject({ status: 201, body: { scope: '', problems: [] } });
  const prod = 'project/web/environment/prod';
  const near = await put(prod, { ENV0_CLOUDWATCH_AWS_REGION: 'us-east-1' });
  expect(near.body).toMatchObject({
    scope: prod,
    variables: { ENV0_CLOUDWATCH_AWS_REGION: 'us-east-1' },
    effective: {
      ENV0_CLOUDWATCH_AWS_REGION: { value: 'us-east-1', scope: prod },
      ENV0_CLOUDWATCH_ROLE_ARN: { value: role, scope: '' },
      ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: { value: 'all/', scope: '' },
    },
    destinations: [{ preset: 'env0', type: 'cloudwatch', scope: prod, types: ['deployment'] }],
  });
  expect(
    Object.values(await storedDestinations())
      .map(({ override, region }) => `${override.scope} ${region}`)
      .sort(),
  ).toEqual([' eu-central-1', `${prod} us-east-1`]);
  // A scope at which nothing is set shows what holds there all the same.
  expect(await get('project/api')).toMatchObject({
    variables: {},
    destinations: [{ scope: '' }],
  });
  const scopes = await bed.json('/v1/tenants/acme/scopes');
  expect(scopes.body).toMatchObject({ scopes: [{ scope: '' }, { scope: prod }], problems: [] });
  expect((await remove(prod)).body.destinations).toMatchObject([{ scope: '' }]);
  expect((await remove('')).status).toBe(200);
  expect(await storedDestinations()).toEqual({});
  expect(await bed.redis.hgetall('{lf}:variables')).toEqual({});
});

test('a change at the tenant changes what is made below it, in the same step', async () => {
  await put('', env0);
  await put('a', { ENV0_CLOUDWATCH_LOG_GROUP_NAME_PREFIX: 'a/' });
  await put('', { ...env0, ENV0_CLOUDWATCH_AWS_REGION: 'us-west-2' });
  const regions = Object.values(await storedDestinations()).map(({ region }) => region);
  expect(regions).toEqual(['us-west-2', 'us-west-2']);
  await remove('');
  expect(await storedDestinations()).toEqual({});
  expect((await get('a')).problems.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    'missing ENV0_CLOUDWATCH_ROLE_ARN',
    'missing ENV0_CLOUDWATCH_AWS_REGION',
  ]);
});

test('with anything unknown or invalid in it nothing is saved, and all of it is told by name', async () => {
  await put('a', env0);
  const refused = await put('a', {
    ENV0_CLOUDWATCH_ROLE_ARN: 'nobody',
    ENV0_CLOUDWATCH_SESSION_DURATION: '5',
    ENV0_CLOUDWATCH_REGION: 'eu-central-1',
  });
  expect(refused).toMatchObject({ status: 422, body: { code: 'config.invalid' } });
  expect(refused.body.problems?.map(({ path }) => path).sort()).toEqual([
    '$.variables.ENV0_CLOUDWATCH_REGION',
    '$.variables.ENV0_CLOUDWATCH_ROLE_ARN',
    '$.variables.ENV0_CLOUDWATCH_SESSION_DURATION',
  ]);
  expect(JSON.stringify(refused.body.problems)).toContain('ENV0_CLOUDWATCH_AWS_REGION');
  expect((await get('a')).variables).toEqual(env0);
});

test('a secret is sealed for its scope, stays where it is not entered anew, and is found nowhere', async () => {
  const alone = await put('', { ...auth0, AWS_REGION: null, AWS_SECRET_KEY: SECRET });
  expect(alone.body.problems).toMatchObject([{ path: '$.variables.AWS_SECRET_KEY' }]);
  const made = await put('', { ...auth0, AWS_SECRET_KEY: SECRET });
  expect(made).toMatchObject({
    status: 201,
    body: { variables: { ...auth0, AWS_SECRET_KEY: null }, problems: [] },
  });
  const again = await put('', { ...auth0, CLOUDWATCH_LOG_STREAM_NAME: 'other' });
  expect(again.body.effective.AWS_SECRET_KEY).toEqual({ value: null, scope: '' });
  const [stored] = Object.values(await storedDestinations());
  expect(stored?.credentials).toMatchObject({
    sealedSecret: expect.stringMatching(/^v1\./) as string,
  });
  // Of another key it would be the wrong one, and below its scope it opens nothing.
  const otherKey = await put('', { ...auth0, AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLF' });
  expect(otherKey.body.problems).toMatchObject([{ path: '$.variables.AWS_SECRET_KEY' }]);
  const below = await put('a', { CLOUDWATCH_LOG_STREAM_NAME: 'a' });
  expect(below.body.problems).toMatchObject([{ kind: 'missing', name: 'AWS_SECRET_KEY' }]);

  const shown = [made, again, otherKey, below, await bed.json('/v1/audit'), await get('')];
  for (const path of ['/v1/tenants/acme/destinations', '/v1/tenants/acme/scopes'])
    shown.push(await bed.json(path));
  expect(JSON.stringify(shown)).not.toMatch(new RegExp(`${SECRET}|v1\\.k1`));
  const dumps = await Promise.all((await bed.redis.keys('*')).map((key) => bed.redis.dump(key)));
  expect(dumps.join()).not.toContain(SECRET);

  const without = await put('', { ...auth0, AWS_SECRET_KEY: null });
  expect(without.body.problems).toMatchObject([{ kind: 'missing', name: 'AWS_SECRET_KEY' }]);
  expect(await storedDestinations()).toEqual({});
});

test('what variables make is changed by them alone, and does not count among the others', async () => {
  await put('', env0);
  const [id = ''] = Object.keys(await storedDestinations());
  const path = `/v1/tenants/acme/destinations/${id}`;
  const { body } = await bed.json<object>(path);
  for (const [method, sent] of [
    ['PUT', body],
    ['DELETE', undefined],
  ] as const)
    expect(
      await bed.json(path, { method, ...(sent === undefined ? {} : { body: sent }) }),
    ).toMatchObject({ status: 409, body: { code: 'config.derived' } });
});

test('while log events wait for what would be no more, it stays, unless it is forced', async () => {
  await put('a', env0);
  const [destinationId = ''] = Object.keys(await storedDestinations());
  await bed.send(aCloudWatchLane({ id: `acme/${destinationId}/lane`, destinationId }), ['waits']);
  expect(await remove('a')).toMatchObject({
    status: 409,
    body: { code: 'config.log_events_waiting' },
  });
  expect(Object.keys(await storedDestinations())).toEqual([destinationId]);
  expect((await remove('a', '?force=true')).status).toBe(200);
  expect(await storedDestinations()).toEqual({});
});

test('what was read where nothing is set can be changed and sent back, once', async () => {
  const { version } = await get('');
  expect(version).toBe(0);
  const body = { variables: env0, version };
  expect((await put('', {}, { body })).status).toBe(201);
  expect((await put('', {}, { body })).status).toBe(412);
  const headers = { 'if-none-match': '*' };
  expect((await put('', env0, { headers })).status).toBe(412);
});

test('the same goes for the ETag that it was read with', async () => {
  const headers = { 'if-match': '"0"' };
  expect((await put('', env0, { headers })).status).toBe(201);
  expect((await put('', env0, { headers })).status).toBe(412);
});

test('variables that cannot be read are told of as such, and nothing is written over them', async () => {
  await bed.redis.hset('{lf}:variables', 'acme', '{"":');
  const unreadable = { status: 409, body: { code: 'config.unreadable' } };
  expect(await bed.json(address(''), { to: app })).toMatchObject(unreadable);
  expect(await put('', env0)).toMatchObject(unreadable);
  expect(await bed.redis.hget('{lf}:variables', 'acme')).toBe('{"":');
  await bed.redis.hset('{lf}:variables', 'acme', '{"":{"variables":7}}');
  expect(await bed.json(address(''), { to: app })).toMatchObject(unreadable);
});

test('who has read an older version writes nothing over a newer one; who has read none is not in the way', async () => {
  const headers = { 'if-match': '*' };
  expect((await put('a', env0, { headers })).status).toBe(412); // there are none yet
  const first = await put('a', env0);
  await put('b', env0);
  const stale = await put('a', {}, { headers: { 'if-match': `"${first.body.version}"` } });
  expect(stale).toMatchObject({ status: 412, body: { code: 'config.version_conflict' } });
  const many = await Promise.all(
    Array.from({ length: 8 }, (_, i) => put(`scope-${i}`, { ENV0_S3_LOG_ROLE_ARN: role })),
  );
  expect(many.map(({ status }) => status)).toEqual(Array(8).fill(201));
  expect(
    (await bed.json<{ scopes: object[] }>('/v1/tenants/acme/scopes')).body.scopes,
  ).toHaveLength(10);
  const more = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      put(`more-${i}`, { ENV0_S3_LOG_ROLE_ARN: role }, { headers }),
    ),
  );
  expect(more.map(({ status }) => status)).toEqual(Array(4).fill(201));
  expect(
    (await bed.json<{ scopes: object[] }>('/v1/tenants/acme/scopes')).body.scopes,
  ).toHaveLength(14);
});

/** Saves variables while somebody else writes the destination that they make, once. */
async function putMeanwhile(
  variables: Record<string, string | null>,
  { version, other }: { version: number; other: (stored: object) => Promise<unknown> },
) {
  let isWritten = false;
  const desk = new VariablesDesk({
    store: new ConfigStore(bed.redis),
    waiting: new WaitingLogEvents(bed.stores),
    check: () => Promise.resolve(undefined),
    readOnly: false,
    broker: {
      storedCredentials: async (_place, _entered, stored): Promise<Credentials | undefined> => {
        const [now] = Object.values(await storedDestinations());
        if (!isWritten && now !== undefined) await other(now);
        isWritten = true;
        return stored;
      },
    },
  });
  const headers = { 'if-match': `"${version}"` };
  return desk.put('acme', '', { body: { variables }, headers, caller: undefined, force: false });
}

test('a secret that is sealed anew while variables are saved stays so, and both are saved', async () => {
  const { body } = await put('', { ...auth0, AWS_SECRET_KEY: SECRET });
  const sealedSecret = `v1.k2.${'n'.repeat(16)}.${'t'.repeat(24)}`;
  const saved = await putMeanwhile(
    { ...auth0, CLOUDWATCH_LOG_STREAM_NAME: 'other' },
    {
      version: body.version,
      other: (stored) => {
        const { credentials } = stored as StoredDestination;
        const resealed = { ...stored, credentials: { ...credentials, sealedSecret } };
        return new ConfigStore(bed.redis).putDestination('acme', Destination.parse(resealed));
      },
    },
  );
  expect(saved.view.variables).toMatchObject({ CLOUDWATCH_LOG_STREAM_NAME: 'other' });
  expect(Object.values(await storedDestinations())).toMatchObject([
    { credentials: { sealedSecret }, cloudwatch: { logStream: 'other' } },
  ]);
});

test('the version that a change is answered with is good for the next one, though only the secret was changed', async () => {
  await put('', { ...auth0, AWS_SECRET_KEY: SECRET });
  for (let i = 0; i < 2; i++) {
    const { body } = await put('', { ...auth0, AWS_SECRET_KEY: `${SECRET.slice(1)}${i}` });
    expect(await get('')).toMatchObject({ version: body.version });
  }
});

test.each([
  ['project/web', 200],
  [`${'ü/'.repeat(255)}x`, 200],
  ['x'.repeat(LOG_EVENT.scopeCharsMax + 1), 400],
  ['/a', 400],
  ['a//b', 400],
  ['__proto__', 400],
  ['constructor', 200],
])('%j as a scope is answered with %d', async (scope, status) => {
  expect((await bed.json(address(scope))).status).toBe(status);
});

test('there are bounds: 100 scopes, and no tenant that there is not', async () => {
  const scopes = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`scope-${i}`, { variables: {}, region: 'eu-west-1' }]),
  );
  await bed.redis.hset('{lf}:variables', 'acme', JSON.stringify(scopes));
  expect((await put('scope-1', env0)).status).toBe(200);
  expect(await put('one-more', env0)).toMatchObject({
    status: 409,
    body: { code: 'config.too_many' },
  });
  expect((await bed.json(address('a', 'nobody'))).status).toBe(404);
  expect(
    await bed.json(address('a', 'nobody'), { method: 'PUT', body: { variables: {} } }),
  ).toMatchObject({ status: 404, body: { code: 'tenant.unknown' } });
  expect(
    await bed.json(address('a'), { method: 'PUT', body: { variables: {} }, to: bed.readOnlyApp }),
  ).toMatchObject({ status: 405, body: { code: 'console.read_only' } });
});

test('a tenant that is deleted takes its variables along', async () => {
  await put('a', env0);
  expect((await bed.json('/v1/tenants/acme', { method: 'DELETE' })).status).toBe(200);
  expect(await bed.redis.hgetall('{lf}:variables')).toEqual({});
  expect(await storedDestinations()).toEqual({});
});
