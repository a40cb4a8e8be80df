// Keys over HTTP: what each may see and change, and what the audit trail says of it.
import { until } from '@logferry/testing';
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

describe('a key', () => {
  beforeEach(async () => {
    for (const id of ['acme', 'globex']) {
      await put(`/v1/tenants/${id}`);
      await put(`/v1/tenants/${id}/destinations/logs`, destination());
    }
  });

  const READS = [
    '/v1/tenants',
    '/v1/keys',
    '/v1/audit',
    '/v1/dead-letters',
    '/v1/held-destinations',
  ];

  test.each<[string, string[], number, number]>([
    ['may send', ['send'], 403, 403],
    ['may read', ['read'], 200, 403],
    ['may send and read', ['send', 'read'], 200, 403],
    ['is for changes, reads as well', ['admin'], 200, 200],
  ])('that %s, of the platform', async (_, scopes, reads, writes) => {
    const { key } = await mint({ scopes });
    const headers = bearer(key);
    for (const path of READS)
      expect([path, (await bed.call(path, { headers })).status]).toEqual([path, reads]);
    const answer = await bed.call('/v1/tenants/acme', {
      method: 'PUT',
      body: { name: 'A' },
      headers,
    });
    expect(answer.status).toBe(writes);
    if (writes === 403) expect(problemOf(answer).code).toBe('auth.scope_missing');
  });

  test('opens the API and nothing else: not the pages, not the queues', async () => {
    const headers = bearer((await mint({ scopes: ['admin'] })).key);
    for (const path of ['/', '/dead-letters', '/queues', '/queues/api/queues', '/nothing', '/v2'])
      expect([path, (await bed.call(path, { headers })).status]).toEqual([path, 404]);
    const resume = { method: 'POST', headers };
    expect((await bed.call('/tenants/acme/destinations/logs/resume', resume)).status).toBe(404);
  });

  test("of a tenant sees and changes what is its own, and of others' not even whether it is there", async () => {
    const { key } = await mint({ tenant: 'acme', scopes: ['admin'] });
    const theirs = await mint({ tenant: 'globex', scopes: ['read'] });
    const headers = bearer(key);
    const get = (path: string) => bed.call(path, { headers });
    expect((await get('/v1/tenants/acme')).status).toBe(200);
    expect((await get('/v1/tenants/acme/destinations/logs')).status).toBe(200);
    expect(JSON.parse((await get('/v1/tenants')).text)).toMatchObject({
      tenants: [{ id: 'acme' }],
    });

    const there = await get('/v1/tenants/globex');
    const notThere = await get('/v1/tenants/initech');
    expect(there.status).toBe(404);
    const bare = (text: string) => text.replace(/"requestId":"[^"]+"/, '');
    expect(bare(there.text)).toBe(bare(notThere.text));
    for (const path of [
      '/v1/tenants/globex/destinations',
      '/v1/tenants/globex/destinations/logs',
      `/v1/keys/${theirs.id}`,
      '/v1/keys?tenant=globex',
      '/v1/audit?tenant=globex',
      '/v1/dead-letters',
      '/v1/dead-letters/count?tenant=acme',
      '/v1/held-destinations',
      '/v1/tenants/%67lobex',
      '/v1/tenants/acme/../globex',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    for (const path of ['/v1/tenants/globex', '/v1/tenants/globex/destinations/logs']) {
      for (const method of ['PUT', 'DELETE'])
        expect((await bed.call(path, { method, headers, body: destination() })).status).toBe(404);
    }
    expect((await bed.call(`/v1/keys/${theirs.id}`, { method: 'DELETE', headers })).status).toBe(
      404,
    );
    const made = await mint({ scopes: ['send'] }, key);
    expect(made).toMatchObject({ tenant: 'acme' });
    expect(
      (
        await bed.call('/v1/keys', {
          method: 'POST',
          headers,
          body: { name: 'x', tenant: 'globex' },
        })
      ).status,
    ).toBe(404);
    const { keys } = JSON.parse((await get('/v1/keys')).text) as { keys: { tenant: string }[] };
    expect(keys.map(({ tenant }) => tenant)).toEqual(['acme', 'acme']);
    const changed = await bed.call('/v1/tenants/acme/destinations/logs', {
      method: 'PUT',
      headers,
      body: destination({ enabled: false }),
    });
    expect(changed.status).toBe(200);
    expect((await bed.call('/v1/tenants/acme', { method: 'DELETE', headers })).status).toBe(403);
  });

  test("a tenant's key sets no rate: one that it makes has its own", async () => {
    const { key, id } = await mint({ tenant: 'acme', scopes: ['admin'], logEventsPerSecond: 5 });
    const body = { name: 'x', logEventsPerSecond: 0 };
    const refused = await bed.call('/v1/keys', { method: 'POST', headers: bearer(key), body });
    expect([refused.status, problemOf(refused).code]).toEqual([403, 'auth.platform_only']);
    expect(await mint({}, key)).toMatchObject({ logEventsPerSecond: 5 });
    const change = (fields: object) =>
      bed.call(`/v1/keys/${id}`, {
        method: 'PUT',
        headers: bearer(key),
        body: { name: 'renamed', scopes: ['admin'], ...fields },
      });
    expect((await change({ logEventsPerSecond: 6 })).status).toBe(403);
    expect((await change({})).status).toBe(200);
    expect((await bed.json(`/v1/keys/${id}`)).body).toMatchObject({
      name: 'renamed',
      logEventsPerSecond: 5,
    });
  });

  test.each<Record<string, string>>([{}, { 'if-match': '*' }])(
    'keeps the rate that the platform sets while its tenant changes something else (%j)',
    async (headers) => {
      const admin = await mint({ tenant: 'acme', scopes: ['admin'] });
      const { id } = await mint({ tenant: 'acme' });
      for (let logEventsPerSecond = 1; logEventsPerSecond <= 10; logEventsPerSecond++) {
        const body = { name: `by the platform, ${logEventsPerSecond}`, scopes: ['send'] };
        const answers = await Promise.all([
          put(
            `/v1/keys/${id}`,
            { ...body, name: 'by its tenant' },
            { ...bearer(admin.key), ...headers },
          ),
          put(`/v1/keys/${id}`, { ...body, logEventsPerSecond }),
        ]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        expect((await bed.json(`/v1/keys/${id}`)).body).toMatchObject({ logEventsPerSecond });
      }
    },
  );

  test('is shown once, and nothing that is stored or told later would open anything', async () => {
    const { key, id } = await mint({ tenant: 'acme', scopes: ['read'] });
    const secret = key.slice('lf_000000000000_'.length);
    const told = await Promise.all(
      [`/v1/keys/${id}`, '/v1/keys', '/v1/audit'].map((path) => bed.call(path)),
    );
    const { hash } = JSON.parse((await bed.redis.hget('{lf}:keys', id)) ?? '') as { hash: string };
    for (const { text } of told) {
      expect(text).toContain(id);
      expect(text).not.toContain(secret);
      expect(text).not.toContain(hash);
    }
  });

  test('is read with what else is known of it, changed in name, scopes and rate, and never in tenant', async () => {
    const { id } = await mint({ tenant: 'acme', bytesPerSecond: 10 });
    const { body: read } = await bed.json<object>(`/v1/keys/${id}`);
    expect(read).toMatchObject({
      tenant: 'acme',
      scopes: ['send'],
      bytesPerSecond: 10,
      lastUsedAt: null,
    });
    const changed = await put(`/v1/keys/${id}`, { ...read, scopes: ['send', 'read'] });
    expect(changed.status).toBe(200);
    expect((await put(`/v1/keys/${id}`, { ...read, scopes: ['read'] })).status).toBe(412);
    const moved = await put(`/v1/keys/${id}`, { name: 'x', scopes: ['read'], tenant: 'globex' });
    expect(problemOf(moved).problems).toMatchObject([{ path: '$.tenant' }]);
  });

  test('that was revoked opens nothing within a second and a bit', async () => {
    const { key, id } = await mint({ scopes: ['read'] });
    const ask = () => bed.call('/v1/tenants', { headers: bearer(key) });
    expect((await ask()).status).toBe(200);
    expect((await bed.call(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(200);
    await until(async () => (await ask()).status === 401);
    expect((await bed.call(`/v1/keys/${id}`)).status).toBe(404);
  });

  test.each(['nonsense', `lf_${'0'.repeat(12)}_${'x'.repeat(43)}`])(
    'that there is not (%j) opens nothing',
    async (key) => {
      const answer = await bed.call('/v1/tenants', { headers: bearer(key) });
      expect([answer.status, problemOf(answer).code]).toEqual([401, 'auth.unknown_key']);
    },
  );

  test('from before there were scopes sends, and neither reads nor changes anything', async () => {
    const { key, id } = await mint({ scopes: ['admin'] });
    const stored = JSON.parse((await bed.redis.hget('{lf}:keys', id)) ?? '') as object;
    await bed.redis.hset('{lf}:keys', id, JSON.stringify({ ...stored, scopes: undefined }));
    const headers = bearer(key);
    expect((await bed.call('/v1/tenants', { headers })).status).toBe(403);
    expect((await bed.json(`/v1/keys/${id}`)).body).toMatchObject({ scopes: ['send'] });
  });

  test('of a tenant that there is not is not made, and goes with its tenant', async () => {
    const body = { name: 'x', tenant: 'initech' };
    expect((await bed.call('/v1/keys', { method: 'POST', body })).status).toBe(404);
    const { key, id } = await mint({ tenant: 'acme', scopes: ['read'] });
    await bed.call('/v1/tenants/acme', { method: 'DELETE' });
    expect((await bed.call(`/v1/keys/${id}`)).status).toBe(404);
    await put('/v1/tenants/acme');
    await until(
      async () => (await bed.call('/v1/tenants/acme', { headers: bearer(key) })).status === 401,
    );
  });
});

test('the trail says which key or login changed what, from what to what', async () => {
  await put('/v1/tenants/acme');
  const { key, id } = await mint({ name: 'ops', tenant: 'acme', scopes: ['admin'] });
  const path = '/v1/tenants/acme/destinations/logs';
  await bed.call(path, { method: 'PUT', body: destination(), headers: bearer(key) });
  await bed.call(path, { method: 'DELETE', headers: bearer(key) });
  await put('/v1/tenants/globex');
  interface Trail {
    entries: { id: string; after: object }[];
    after: string;
  }
  const trail = async (query: string, headers = {}) =>
    (await bed.json<Trail>(`/v1/audit?${query}`, { headers })).body;
  const own = await trail('', bearer(key));
  expect(own.entries).toMatchObject([
    { by: { kind: 'login' }, action: 'created', kind: 'tenant', record: 'acme', before: null },
    { by: { kind: 'login' }, action: 'created', kind: 'key', tenant: 'acme', record: id },
    {
      by: { kind: 'key', id, name: 'ops' },
      kind: 'destination',
      after: { region: 'eu-central-1' },
    },
    { action: 'deleted', before: { region: 'eu-central-1' }, after: null },
  ]);
  expect(await trail('tenant=acme')).toEqual(own);
  expect((await trail('')).entries).toHaveLength(5);
  expect((await trail(`after=${own.after}`)).entries).toMatchObject([{ record: 'globex' }]);
  expect((await trail('order=newest&limit=1')).entries).toMatchObject([{ record: 'globex' }]);
  const end = await trail(`after=${(await trail('')).after}`);
  expect(end).toEqual({ entries: [], after: (await trail('')).after });
  expect((await trail('after=2020-01-01T00:00:00Z')).entries).toHaveLength(5);
  expect((await bed.call('/v1/audit?after=yesterday')).status).toBe(400);
  for (const after of ['1969-12-31T00:00:00Z', '0-0', '0'])
    expect((await trail(`order=newest&after=${after}`)).entries).toEqual([]);
});
