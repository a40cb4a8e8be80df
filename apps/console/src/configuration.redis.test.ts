// Tenants, destinations and keys over HTTP: who may see and change what, what is refused and why, and that running processes notice.
import { shardOf } from '@logferry/core';
import { ConfigStore, Directory } from '@logferry/store';
import { aCloudWatchLane, until } from '@logferry/testing';
import { useConsoleTestbed } from './console.testbed';

const bed = useConsoleTestbed();

const destination = (over: object = {}): object => ({
  type: 'cloudwatch',
  region: 'eu-central-1',
  credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
  cloudwatch: { logGroup: 'logs', logStream: 'all' },
  ...over,
});

interface Problem {
  code: string;
  message: string;
  version?: number | null;
  problems?: { path: string; message: string }[];
}

const put = (path: string, body: object = {}, headers: Record<string, string> = {}) =>
  bed.call(path, { method: 'PUT', body, headers });
const problemOf = ({ text }: { text: string }): Problem => JSON.parse(text) as Problem;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function mint(fields: object, by?: string): Promise<{ id: string; key: string }> {
  const { status, body } = await bed.json<{ id: string; key: string }>('/v1/keys', {
    method: 'POST',
    body: { name: 'tests', ...fields },
    ...(by === undefined ? {} : { headers: bearer(by) }),
  });
  expect(status).toBe(201);
  return body;
}

describe('a record', () => {
  test('is made, read, changed and deleted, with its version as the ETag', async () => {
    const made = await put('/v1/tenants/acme', { name: 'Acme' });
    expect(made.status).toBe(201);
    const read = await bed.call('/v1/tenants/acme');
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'));
    expect(JSON.parse(read.text)).toMatchObject({ id: 'acme', name: 'Acme' });
    const changed = await put('/v1/tenants/acme', { name: 'Acme AG' });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(made.headers.get('etag'));

    const path = '/v1/tenants/acme/destinations/logs';
    expect((await put(path, destination())).status).toBe(201);
    const { text } = await bed.call(path);
    expect(JSON.parse(text)).toMatchObject({ id: 'logs', enabled: true, region: 'eu-central-1' });
    expect(await bed.json(path, { method: 'DELETE' })).toEqual({
      status: 200,
      body: { id: 'logs', outcome: 'deleted', waitingLogEvents: 0 },
    });
    expect((await bed.call(path)).status).toBe(404);
    expect((await bed.call(path, { method: 'DELETE' })).status).toBe(404);
    expect((await bed.call('/v1/tenants/acme', { method: 'DELETE' })).status).toBe(200);
    expect(problemOf(await bed.call('/v1/tenants/acme')).code).toBe('tenant.unknown');
  });

  test('that was read can be changed and sent back as it is, unless somebody changed it meanwhile', async () => {
    await put('/v1/tenants/acme');
    const path = '/v1/tenants/acme/destinations/logs';
    await put(path, destination());
    const read = JSON.parse((await bed.call(path)).text) as { version: number };
    const changed = await put(path, { ...read, enabled: false });
    expect(changed.status).toBe(200);
    const late = await put(path, { ...read, region: 'eu-west-1' });
    const { version } = JSON.parse(changed.text) as { version: number };
    expect(late.status).toBe(412);
    expect(problemOf(late)).toMatchObject({ code: 'config.version_conflict', version });
    expect(late.headers.get('etag')).toBe(`"${version}"`);
    expect(JSON.parse((await bed.call(path)).text)).toMatchObject({ enabled: false });
  });

  test('that was read says all that was written but the secret, whatever its tags are called', async () => {
    await put('/v1/tenants/acme');
    const path = '/v1/tenants/acme/destinations/logs';
    const tags = { token: 'a', 'cost.secret': 'b', sealed: 'c', password: 'd', team: 'e' };
    const cloudwatch = { logGroup: 'logs', logStream: 'all', tags };
    for (const { text } of [await put(path, destination({ cloudwatch })), await bed.call(path)])
      expect(JSON.parse(text)).toMatchObject({ cloudwatch: { tags } });
  });

  test.each(['tenants/acme', 'tenants/acme/destinations/logs'])(
    '(%s) is written if it is what the request says, and never without need for a condition',
    async (name) => {
      await put('/v1/tenants/acme');
      await put('/v1/tenants/acme/destinations/logs', destination());
      const path = `/v1/${name}`;
      const body = name.endsWith('logs') ? destination({ enabled: false }) : { name: 'changed' };
      const tag = (await bed.call(path)).headers.get('etag') ?? '';
      for (const headers of [
        { 'if-none-match': '*' },
        { 'if-match': '"0"' },
        { 'if-match': `W/${tag}` },
        { 'if-match': 'nonsense' },
      ] as Record<string, string>[]) {
        expect((await put(path, body, headers)).status).toBe(412);
        if ('if-match' in headers)
          expect((await bed.call(path, { method: 'DELETE', headers })).status).toBe(412);
      }
      expect((await bed.call(path)).headers.get('etag')).toBe(tag);
      expect((await put(path, body, { 'if-match': tag })).status).toBe(200);
      expect((await put(path, body, { 'if-match': '*' })).status).toBe(200);
      const now = (await bed.call(path)).headers.get('etag') ?? '';
      expect(
        (await bed.call(path, { method: 'DELETE', headers: { 'if-match': now } })).status,
      ).toBe(200);
      expect((await put(path, body, { 'if-match': '*' })).status).toBe(
        412, // it is not there
      );
    },
  );

  test('is not made a second time, and a destination of no tenant is not made at all', async () => {
    const none = { 'if-none-match': '*' };
    const both = await Promise.all([
      put('/v1/tenants/acme', { name: 'one' }, none),
      put('/v1/tenants/acme', { name: 'two' }, none),
    ]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 412]));
    const refused = await put('/v1/tenants/globex/destinations/logs', destination());
    expect([refused.status, problemOf(refused).code]).toEqual([404, 'tenant.unknown']);
    expect((await bed.call('/v1/tenants/globex/destinations')).status).toBe(404);
  });

  test('from before there were versions is read as it is, and has version 0', async () => {
    await bed.redis.hset('{lf}:tenants', 'acme', JSON.stringify({ id: 'acme' }));
    expect(JSON.parse((await bed.call('/v1/tenants/acme')).text)).toEqual({
      id: 'acme',
      version: 0,
    });
    expect((await put('/v1/tenants/acme', { name: 'A' }, { 'if-match': '"0"' })).status).toBe(200);
  });

  test('that cannot be read is told of, may be written anew, and hides no other', async () => {
    await put('/v1/tenants/acme');
    await put('/v1/tenants/acme/destinations/good', destination());
    await bed.redis.hset('{lf}:destinations:acme', 'bad', '{"type":"gcs"');
    const { body } = await bed.json<{ destinations: object[] }>('/v1/tenants/acme/destinations');
    expect(body.destinations).toMatchObject([
      { id: 'bad', unreadable: true, version: 0 },
      { id: 'good', type: 'cloudwatch' },
    ]);
    expect((await put('/v1/tenants/acme/destinations/bad', destination())).status).toBe(200);
  });
});

describe('what is wrong', () => {
  beforeEach(() => put('/v1/tenants/acme'));

  test('is told all at once, with its path', async () => {
    const again = await put('/v1/tenants/acme/destinations/logs', {
      id: 'other',
      version: 'newest',
      type: 'cloudwatch',
      region: 'mars',
      enabled: 'yes',
      bucket: 'x',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::1:role/x', secret: 's3cr3t' },
      filter: { types: ['ok', 5] },
      cloudwatch: { lingerMs: -1, tags: { 'aws:x': 'y' } },
    });
    expect(again.status).toBe(422);
    const paths = problemOf(again).problems?.map(({ path }) => path) ?? [];
    expect(paths).toEqual(
      expect.arrayContaining([
        '$.id',
        '$.version',
        '$.region',
        '$.enabled',
        '$.bucket',
        '$.credentials.roleArn',
        '$.credentials.secret',
        '$.filter.types[1]',
        '$.cloudwatch.lingerMs',
        '$.cloudwatch.tags["aws:x"]',
        // What no field says alone: without a preset, names are needed.
        '$.cloudwatch.logGroup',
        '$.cloudwatch.logStream',
      ]),
    );
    expect(again.text).not.toContain('s3cr3t');
    expect((await bed.call('/v1/tenants/acme/destinations/logs')).status).toBe(404);
  });

  test.each<[string, string, string]>([
    ['a destination of no type', '{}', '$.type'],
    ['a list', '[]', '$'],
    ['a field twice as JSON has none', '{"type":"s3","s3":{"bucket":7}}', '$.s3.bucket'],
  ])('%s is named by its place', async (_, body, path) => {
    const answer = await bed.call('/v1/tenants/acme/destinations/logs', {
      method: 'PUT',
      body,
      type: 'application/json',
    });
    expect(answer.status).toBe(422);
    expect(problemOf(answer).problems?.map((problem) => problem.path)).toContain(path);
  });

  test('is bounded: a hundred problems are told, and what is very large is not read', async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`field${i}`, 1]));
    const refused = await put('/v1/tenants/acme/destinations/logs', destination(many));
    expect(problemOf(refused).problems).toHaveLength(100);
    expect(problemOf(refused).message).toContain('150 problems');
    const large = await put('/v1/tenants/acme', { name: 'x'.repeat(65_536) });
    expect(problemOf(large).problems).toEqual([
      { path: '$', message: 'is larger than 65536 characters' },
    ]);
    expect((await put('/v1/tenants/acme', { name: 'x'.repeat(2_000_000) })).status).toBe(413);
    const body = `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const deep = await bed.call('/v1/tenants/acme', {
      method: 'PUT',
      body,
      type: 'application/json',
    });
    expect([deep.status, problemOf(deep).problems]).toEqual([
      422,
      [{ path: '$', message: 'is nested deeper than 64 levels' }],
    ]);
    for (const body of ['', '{', 'null']) {
      const answer = await bed.call('/v1/tenants/acme', {
        method: 'PUT',
        body,
        type: 'application/json',
      });
      expect([400, 422]).toContain(answer.status);
    }
  });

  test('a tenant has twenty destinations at most, and those may be changed', async () => {
    for (let i = 0; i < 20; i++)
      expect((await put(`/v1/tenants/acme/destinations/d${i}`, destination())).status).toBe(201);
    const refused = await put('/v1/tenants/acme/destinations/d20', destination());
    expect([refused.status, problemOf(refused).code]).toEqual([409, 'config.too_many']);
    const changed = destination({ enabled: false });
    expect((await put('/v1/tenants/acme/destinations/d0', changed)).status).toBe(200);
  });
});

test('a list is told page by page, and what comes or goes between two pages moves nothing', async () => {
  const ids = Array.from({ length: 7 }, (_, i) => `tenant-${i}`);
  await Promise.all(ids.map((id) => put(`/v1/tenants/${id}`)));
  interface Page {
    tenants: { id: string }[];
    cursor: string | null;
  }
  const page = async (query: string) => (await bed.json<Page>(`/v1/tenants?${query}`)).body;
  const first = await page('limit=3');
  await bed.call('/v1/tenants/tenant-1', { method: 'DELETE' });
  await put('/v1/tenants/tenant-10');
  const second = await page(`limit=3&cursor=${first.cursor}`);
  const third = await page(`limit=3&cursor=${second.cursor}`);
  expect([first, second, third].map(({ tenants }) => tenants.map(({ id }) => id))).toEqual([
    ids.slice(0, 3),
    ids.slice(3, 6),
    ids.slice(6),
  ]);
  expect(third.cursor).toBeNull();
  expect((await page('limit=7')).cursor).toBeNull();
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'more=1', 'cursor=a&cursor=b'])
    expect((await bed.call(`/v1/tenants?${query}`)).status).toBe(400);
});

describe('what waits', () => {
  const LANE = { id: 'acme/cw/lane', tenantId: 'acme', destinationId: 'cw' };

  beforeEach(async () => {
    await put('/v1/tenants/acme');
    await put('/v1/tenants/acme/destinations/cw', destination());
  });

  test.each([
    ['/v1/tenants/acme/destinations/cw', 2, { waitingLogEvents: 2 }],
    ['/v1/tenants/acme', 1, { waitingBatches: 1 }],
  ])(
    'keeps %s from being deleted, unless it is forced; then it is kept',
    async (path, waiting, said) => {
      await bed.send(aCloudWatchLane(LANE), ['one', 'two']);
      const refused = await bed.call(path, { method: 'DELETE' });
      expect(refused.status).toBe(409);
      expect(problemOf(refused)).toMatchObject({ code: 'config.log_events_waiting', waiting });
      expect((await bed.call(path)).status).toBe(200);
      const forced = await bed.json(`${path}?force=true`, { method: 'DELETE' });
      expect(forced).toMatchObject({ status: 200, body: { outcome: 'deleted', ...said } });
      expect((await bed.call(path)).status).toBe(404);
      expect(await bed.sum('waiting')).toBe(2);
      const ledger = await bed.stores[shardOf('acme', 'cw', 2)]?.ledger('acme', 'cw');
      expect(ledger).toMatchObject({ accepted: 2, waiting: 2 });
    },
  );

  test('for a destination that was deleted before keeps its tenant from being deleted as well', async () => {
    await bed.send(aCloudWatchLane(LANE), ['one']);
    await bed.call('/v1/tenants/acme/destinations/cw?force=true', { method: 'DELETE' });
    expect((await bed.call('/v1/tenants/acme', { method: 'DELETE' })).status).toBe(409);
    expect((await bed.call('/v1/tenants/acme?force=yes', { method: 'DELETE' })).status).toBe(400);
  });
});

test('a change is seen by a running process within a second and a bit', async () => {
  let looks = 0;
  const store = new ConfigStore(bed.redis);
  const changesAfter = store.changesAfter.bind(store);
  store.changesAfter = (...from) => (looks++, changesAfter(...from));
  const directory = new Directory(store, () => undefined);
  directory.start();
  try {
    await put('/v1/tenants/acme');
    await until(async () => (await directory.tenant('acme')) !== undefined);
    const seen = async (what: () => Promise<boolean>) => {
      const before = looks;
      await until(what);
      // By the first look that begins after it; what it was asked for may come while another one is under way.
      expect(looks - before).toBeLessThanOrEqual(2);
    };
    await put('/v1/tenants/acme/destinations/logs', destination());
    await seen(async () => (await directory.destination('acme', 'logs'))?.enabled === true);
    await put('/v1/tenants/acme/destinations/logs', destination({ enabled: false }));
    await seen(async () => (await directory.destination('acme', 'logs'))?.enabled === false);
    const { key, id } = await mint({ tenant: 'acme' });
    expect(await directory.authenticate(key)).toBeDefined();
    await bed.call(`/v1/keys/${id}`, { method: 'DELETE' });
    await seen(async () => (await directory.authenticate(key)) === undefined);
    await bed.call('/v1/tenants/acme', { method: 'DELETE' });
    await seen(async () => (await directory.tenant('acme')) === undefined);
  } finally {
    directory.stop();
  }
});

test('a console that only shows changes nothing', async () => {
  await put('/v1/tenants/acme');
  const to = bed.readOnlyApp;
  for (const [method, path] of [
    ['PUT', '/v1/tenants/acme'],
    ['DELETE', '/v1/tenants/acme'],
    ['PUT', '/v1/tenants/acme/destinations/logs'],
    ['DELETE', '/v1/tenants/acme/destinations/logs'],
    ['POST', '/v1/keys'],
    ['PUT', '/v1/keys/0123456789ab'],
    ['DELETE', '/v1/keys/0123456789ab'],
  ] as const) {
    const answer = await bed.call(path, { method, body: {}, to });
    expect([path, answer.status, problemOf(answer).code]).toEqual([path, 405, 'console.read_only']);
  }
  expect((await bed.call('/v1/tenants/acme', { to })).status).toBe(200);
});
