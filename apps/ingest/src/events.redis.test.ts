// The contract of ingest's HTTP interface, against the real process in this process and a real Redis. What is acknowledged is
// compared with the ledger in Redis after every test.
import { Destination, imbalance } from '@logferry/core';
import { BatchStore, patientRedis, type RedisClient } from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore, mintKey } from '@logferry/store';
import { startRedis, until, withEnvironment, type TestRedis } from '@logferry/testing';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { startIngest } from './main';

const PLATFORM = 'the-key-of-the-platform';
const BODY_BYTES_MAX = 100_000;
const LOG_EVENTS_MAX = 500;
const SHARDS = 2;

let server: TestRedis;
let redis: RedisClient;
let store: ConfigStore;
let app: RunningApp;
let url: string;
let acmeKey: string;
let revokedKey: string;
let acknowledged = 0;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  await until(() => redis.status === 'ready');
  store = new ConfigStore(redis);
  await store.putTenant({ id: 'acme' });
  await store.putTenant({ id: 'globex' });
  await store.putTenant({ id: 'hooli' });
  await store.putDestination('hooli', anS3Destination('once', { deduplicateForMs: 60_000 }));
  await store.putDestination('acme', anS3Destination('all'));
  await store.putDestination('acme', anS3Destination('audits', { filter: { types: ['audit'] } }));
  acmeKey = await aKey('acme');
  revokedKey = await aKey(undefined);
  app = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_REDIS_SHARDS: String(SHARDS),
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_INGEST_PORT: '0',
      LOGFERRY_INGEST_PLATFORM_KEY: PLATFORM,
      LOGFERRY_INGEST_BODY_BYTES_MAX: String(BODY_BYTES_MAX),
      LOGFERRY_INGEST_LOG_EVENTS_MAX: String(LOG_EVENTS_MAX),
    },
    startIngest,
  );
  url = `http://127.0.0.1:${app.ports.http}`;
  // A process that listens takes log events from the first on: nobody has to wait for it.
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
});

/** Each log event that is acknowledged goes to as many destinations as want it, and the ledger counts it for each. */
afterEach(async () => {
  const totals = await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) => new BatchStore(redis, shard).totals()),
  );
  expect(totals.map(imbalance)).toEqual([0, 0]);
  expect(totals.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(acknowledged);
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  await server.stop();
});

function anS3Destination(id: string, over: object = {}): Destination {
  return Destination.parse({
    id,
    type: 's3',
    region: 'eu-central-1',
    credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
    s3: { bucket: 'acme-logs' },
    ...over,
  });
}

async function aKey(tenantId: string | undefined): Promise<string> {
  const { text: key, key: stored } = mintKey('tests', tenantId, Date.now());
  await store.putKey(stored);
  return key;
}

interface Answer {
  status: number;
  headers: Headers;
  body: {
    accepted?: number;
    rejected?: { index: number; code: string; message: string }[];
    duplicates?: number;
    code?: string;
    message?: string;
    requestId?: string;
  };
}

async function post(
  path: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
  key = PLATFORM,
): Promise<Answer> {
  const answer = await fetch(url + path, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Answer['body'],
  };
}

const ACME = '/v1/tenants/acme/events?type=deployment';
const one = '{"message":"Apply complete!"}';
const ndjson = { 'content-type': 'application/x-ndjson' };

test('an object, an array and NDJSON are taken, plain or gzip', async () => {
  expect(await post(ACME, one)).toMatchObject({ status: 202, body: { accepted: 1, rejected: [] } });
  expect((await post(ACME, `[${one},${one}]`)).body.accepted).toBe(2);
  expect((await post(ACME, `${one}\n${one}\n`, ndjson)).body.accepted).toBe(2);
  const gzip = { ...ndjson, 'content-encoding': 'gzip' };
  expect((await post(ACME, gzipSync(`${one}\n${one}\n`), gzip)).body.accepted).toBe(2);
  acknowledged += 7;
});

test('the answer is the verdict and nothing else', async () => {
  const { body, headers } = await post(ACME, `${one}\n{"message":""}\nnot JSON\n`, ndjson);
  acknowledged += 1;
  expect(body).toEqual({
    accepted: 1,
    rejected: [
      { index: 1, code: 'event.message_empty', message: expect.any(String) as string },
      { index: 2, code: 'event.invalid_json', message: 'this line is not valid JSON' },
    ],
  });
  expect(headers.get('content-type')).toMatch(/^application\/json/);
});

test('type and scope of the address hold for every log event that gives none', async () => {
  const path = '/v1/tenants/acme/events';
  const { body } = await post(path, `[${one},{"message":"a","type":"audit"}]`);
  expect(body.rejected).toMatchObject([{ index: 0, code: 'event.type_missing' }]);
  acknowledged += 2; // the audit goes to both destinations
  expect((await post(`${path}?type=audit&scope=project/web`, one)).body.accepted).toBe(1);
  acknowledged += 2;
  expect(await post(`${path}?type=no slug`, one)).toMatchObject({
    status: 400,
    body: { code: 'event.type_invalid' },
  });
  expect((await post(`${path}?type=a&type=b`, one)).status).toBe(400);
});

test('a platform sends for all of its tenants in one request, each log event naming its own', async () => {
  const body = ['acme', 'nobody', 'globex']
    .map((tenant) => JSON.stringify({ tenant, type: 'deployment', message: 'm' }))
    .join('\n');
  const answer = await post('/v1/events', body, ndjson);
  acknowledged += 1; // of globex no destination wants it
  expect(answer).toMatchObject({
    status: 202,
    body: { accepted: 2, rejected: [{ index: 1, code: 'event.tenant_unknown' }] },
  });
});

test("a key of a tenant opens its own tenant, and no other and not the platform's address", async () => {
  expect((await post(ACME, one, {}, acmeKey)).status).toBe(202);
  acknowledged += 1;
  expect(await post('/v1/tenants/globex/events?type=a', one, {}, acmeKey)).toMatchObject({
    status: 403,
    body: { code: 'auth.other_tenant' },
  });
  expect(await post('/v1/events', one, {}, acmeKey)).toMatchObject({
    status: 403,
    body: { code: 'auth.platform_only' },
  });
  // Whether a tenant exists is not for others to learn.
  const known = await post('/v1/tenants/globex/events?type=a', one, {}, acmeKey);
  const unknown = await post('/v1/tenants/nobody/events?type=a', one, {}, acmeKey);
  expect({ ...unknown.body, requestId: '' }).toEqual({ ...known.body, requestId: '' });
});

test('without a key, with a wrong one or a revoked one the answer is 401', async () => {
  expect(await post(ACME, one, {}, '')).toMatchObject({
    status: 401,
    body: { code: 'auth.missing_key' },
  });
  const wrong = `${acmeKey.slice(0, -1)}${acmeKey.endsWith('A') ? 'B' : 'A'}`;
  expect(await post(ACME, one, {}, wrong)).toMatchObject({
    status: 401,
    body: { code: 'auth.unknown_key' },
  });
  expect((await post(ACME, one, {}, revokedKey)).status).toBe(202);
  acknowledged += 1;
  await store.deleteKey(revokedKey.split('_')[1] ?? '');
  await until(async () => {
    const { status } = await post(ACME, one, {}, revokedKey);
    if (status === 202) acknowledged += 1;
    return status === 401;
  });
});

test('an unknown tenant is 404, however it is spelled', async () => {
  for (const tenant of ['nobody', 'ACME', 'acme%20', '..%2facme', '%00', 'a'.repeat(128)]) {
    const answer = await post(`/v1/tenants/${tenant}/events?type=a`, one);
    expect([answer.status, answer.body.code]).toEqual([404, 'tenant.unknown']);
  }
});

test('a new tenant is soon known', async () => {
  expect((await post('/v1/tenants/initech/events?type=a', one)).status).toBe(404);
  await store.putTenant({ id: 'initech' });
  await until(async () => (await post('/v1/tenants/initech/events?type=a', one)).status === 202);
  expect((await post('/v1/tenants/initech/events?type=a', one)).body.accepted).toBe(1);
});

test('a tenant of whom a destination cannot be read is told to come back, and nobody else', async () => {
  await store.putTenant({ id: 'vandelay' });
  await redis.hset('{lf}:destinations:vandelay', 'future', '{"id":"future","type":"kinesis"}');
  const answer = await post('/v1/tenants/vandelay/events?type=a', one);
  expect([answer.status, answer.body.code]).toEqual([503, 'tenant.unreadable']);
  expect(answer.headers.get('retry-after')).toBe('5');
  const body = ['vandelay', 'acme'].map((tenant) =>
    JSON.stringify({ tenant, type: 'deployment', message: 'm' }),
  );
  expect((await post('/v1/events', body.join('\n'), ndjson)).body).toMatchObject({
    accepted: 1,
    rejected: [{ index: 0, code: 'event.tenant_unreadable' }],
  });
  acknowledged += 1;
});

/** A body without a Content-Length, as it is when a sender does not know it yet. */
async function postChunked(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(`${url}${ACME}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${PLATFORM}`, 'content-type': 'application/json' },
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      void text(response).then(() => resolve(response.statusCode ?? 0));
    });
    for (let at = 0; at < body.length; at += 16_384) sending.write(body.slice(at, at + 16_384));
    sending.end();
  });
}

const sized = (bytes: number): string => JSON.stringify({ message: 'x'.repeat(bytes - 14) });

test.each([
  [BODY_BYTES_MAX - 1, 202],
  [BODY_BYTES_MAX, 202],
  [BODY_BYTES_MAX + 1, 413],
])(
  'of at most 100,000 bytes, a body of %d is answered with %d: announced, chunked and gzip',
  async (bytes, status) => {
    const body = sized(bytes);
    expect(Buffer.byteLength(body)).toBe(bytes);
    expect((await post(ACME, body)).status).toBe(status);
    expect(await postChunked(body)).toBe(status);
    expect((await post(ACME, gzipSync(body), { 'content-encoding': 'gzip' })).status).toBe(status);
    if (status === 202) acknowledged += 3;
  },
);

test.each([
  [LOG_EVENTS_MAX - 1, 202],
  [LOG_EVENTS_MAX, 202],
  [LOG_EVENTS_MAX + 1, 413],
])('of at most 500 log events, %d are answered with %d', async (count, status) => {
  const answer = await post(ACME, `${one}\n`.repeat(count), ndjson);
  expect(answer.status).toBe(status);
  if (status === 202) acknowledged += count;
  else expect(answer.body.code).toBe('request.too_many_log_events');
});

test.each<[string, string, Record<string, string>, [number, string]]>([
  ['no JSON', '{"message":', {}, [400, 'request.invalid_json']],
  ['no body', '', {}, [400, 'request.invalid_json']],
  ['another type', one, { 'content-type': 'text/plain' }, [415, 'request.unsupported_media_type']],
  ['a garbled type', one, { 'content-type': '/;=' }, [415, 'request.unsupported_media_type']],
  ['another encoding', one, { 'content-encoding': 'br' }, [415, 'request.unsupported_encoding']],
  ['no gzip', one, { 'content-encoding': 'gzip' }, [400, 'request.invalid_gzip']],
])('%s is refused as a whole', async (_, body, headers, refusal) => {
  const answer = await post(ACME, body, headers);
  expect([answer.status, answer.body.code]).toEqual(refusal);
  expect(answer.body.requestId).toMatch(/^[\w-]{10,}$/);
  expect(JSON.stringify(answer.body)).not.toContain('Apply');
});

test('fifty requests at once, some good and some not, leave a ledger that says the same as their answers', async () => {
  const bodies = Array.from({ length: 50 }, (_, i) =>
    Array.from({ length: 100 }, (_, j) =>
      j % 10 === 9 ? '{"message":""}' : JSON.stringify({ message: `m${i}-${j}` }),
    ).join('\n'),
  );
  const answers = await Promise.all(bodies.map((body) => post(ACME, body, ndjson)));
  for (const { status, body } of answers) {
    expect(status).toBe(202);
    expect([body.accepted, body.rejected?.length]).toEqual([90, 10]);
    acknowledged += body.accepted ?? 0;
  }
});

const value = async (name: string): Promise<number> =>
  Number(
    new RegExp(`^${name} (\\d+)`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0,
  );

test('its numbers say what it answered', async () => {
  const taken = 'logferry_ingest_log_events_total\\{verdict="accepted",app="ingest"\\}';
  const filtered = 'logferry_ingest_log_events_total\\{verdict="filtered",app="ingest"\\}';
  const before = [await value(taken), await value(filtered)];
  await post(ACME, `[${one},${one}]`);
  acknowledged += 2;
  await post('/v1/tenants/globex/events?type=a', one);
  expect([await value(taken), await value(filtered)]).toEqual([
    (before[0] ?? 0) + 2,
    (before[1] ?? 0) + 1,
  ]);
});

describe('a request with an Idempotency-Key', () => {
  const keyed = (key: string): Record<string, string> => ({ ...ndjson, 'idempotency-key': key });
  const audits = '/v1/tenants/acme/events?type=audit'; // for both destinations, which lie in two shards

  test('is accepted once, and answered alike when it is repeated', async () => {
    const body = `${one}\n{"message":""}\n${one}\n`;
    const answers = [
      await post(audits, body, keyed('same')),
      ...(await Promise.all([1, 2, 3].map(() => post(audits, body, keyed('same'))))),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 202,
        body: { accepted: 2, rejected: [{ index: 1, code: 'event.message_empty' }] },
      });
    }
    acknowledged += 4;
  });

  test.each([
    ['another body', audits, `${one}\n${one}\n`],
    ['another type', ACME, one],
    ['another tenant', '/v1/tenants/globex/events?type=audit', one],
  ])('is refused whole if it repeats the key with %s', async (what, path, body) => {
    const key = `reused-for-${what.replace(' ', '-')}`;
    expect((await post(audits, one, keyed(key))).status).toBe(202);
    acknowledged += 2;
    expect(await post(path, body, keyed(key))).toMatchObject({
      status: 422,
      body: { code: 'request.idempotency_key_reused' },
    });
  });

  test('shares its key with no other sender', async () => {
    expect((await post(ACME, one, keyed('theirs'))).status).toBe(202);
    expect((await post(ACME, one, keyed('theirs'), acmeKey)).status).toBe(202);
    acknowledged += 2;
  });

  test.each([
    ['with a space', 'a b'],
    ['of 256 characters', 'k'.repeat(256)],
    ['of nothing', ''],
  ])('is refused if the key is one %s', async (_, key) => {
    expect(await post(ACME, one, keyed(key))).toMatchObject({
      status: 400,
      body: { code: 'request.invalid_idempotency_key' },
    });
  });

  test('may have a key of 255 characters', async () => {
    expect((await post(ACME, one, keyed('k'.repeat(255)))).status).toBe(202);
    acknowledged += 1;
  });

  test('is counted once, and its repetitions apart', async () => {
    const count = (verdict: string) =>
      value(`logferry_ingest_log_events_total\\{verdict="${verdict}",app="ingest"\\}`);
    const counts = async () => Promise.all(['accepted', 'rejected', 'repeated'].map(count));
    const before = await counts();
    const body = `${one}\n{"message":""}\n${one}\n`;
    for (let i = 0; i < 3; i++) expect((await post(ACME, body, keyed('counted'))).status).toBe(202);
    acknowledged += 2;
    const after = await counts();
    expect(after.map((n, i) => n - (before[i] ?? 0))).toEqual([2, 1, 4]);
  });
});

describe('for a destination that takes each id once', () => {
  const path = '/v1/tenants/hooli/events?type=audit';
  const events = (...ids: string[]) =>
    ids.map((id) => JSON.stringify({ id, message: `m-${id}` })).join('\n');
  const send = async (body: string, headers = {}) =>
    (await post(path, body, { ...ndjson, ...headers })).body;

  test('a log event is accepted once, in one request or in many at the same time', async () => {
    expect(await send(events('a', 'b', 'a'))).toEqual({ accepted: 3, rejected: [], duplicates: 1 });
    expect(await send(events('b', 'c', 'a'))).toEqual({ accepted: 3, rejected: [], duplicates: 2 });
    expect(await send(events('a', 'b', 'c'))).toEqual({ accepted: 3, rejected: [], duplicates: 3 });
    acknowledged += 3;
    const bodies = Array.from({ length: 20 }, (_, i) =>
      events(...[0, 1, 2].map((j) => `p${i + j}`)),
    );
    const answers = await Promise.all(bodies.map((body) => send(body)));
    acknowledged += 22;
    const duplicates = answers.reduce((sum, answer) => sum + (answer.duplicates ?? 0), 0);
    expect(duplicates).toBe(60 - 22);
    expect(answers.map(({ accepted }) => accepted)).toEqual(answers.map(() => 3));
  });

  test('a repeated request is answered alike, duplicates and all', async () => {
    await send(events('k1'));
    const key = { 'idempotency-key': 'with-ids' };
    const first = await send(events('k1', 'k2', 'k2'), key);
    expect(first).toEqual({ accepted: 3, rejected: [], duplicates: 2 });
    expect(await send(events('k1', 'k2', 'k2'), key)).toEqual(first);
    acknowledged += 2;
  });

  test('duplicates are counted', async () => {
    const name = 'logferry_ingest_duplicate_log_events_total\\{app="ingest"\\}';
    const before = await value(name);
    await send(events('n1', 'n1'));
    await send(events('n1'));
    acknowledged += 1;
    expect(await value(name)).toBe(before + 2);
  });
});
