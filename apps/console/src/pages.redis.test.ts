// The console's own pages, over HTTP, with log events in Redis that were put there as ingest puts them. Two shards.
import { Destination, shardOf, type Lane } from '@logferry/core';
import {
  BatchProducer,
  BatchStore,
  encodeFragment,
  Holds,
  patientRedis,
  type RedisClient,
} from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import {
  aLogEvent,
  anS3Lane,
  startRedis,
  until,
  withEnvironment,
  type TestRedis,
} from '@logferry/testing';
import { startConsole } from './main';

const PASSWORD = 'correct horse battery staple';
const SHARDS = 2;

let server: TestRedis;
let redis: RedisClient;
let app: RunningApp;
let stores: BatchStore[];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  redis.on('error', () => undefined);
  await until(() => redis.status === 'ready');
  stores = Array.from({ length: SHARDS }, (_, shard) => new BatchStore(redis, shard));
  app = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_REDIS_SHARDS: String(SHARDS),
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_CONSOLE_PORT: '0',
      LOGFERRY_CONSOLE_PASSWORD: PASSWORD,
      LOGFERRY_BROKER_SECRET: 'a-secret-of-many-chars',
    },
    startConsole,
  );
  await until(async () => (await get('/health/ready')).status === 200);
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  await server.stop();
});

const authorization = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;

async function get(path: string): Promise<{ status: number; body: string; type: string | null }> {
  const answer = await fetch(`http://127.0.0.1:${app.ports.http}${path}`, {
    headers: { authorization },
  });
  return {
    status: answer.status,
    body: await answer.text(),
    type: answer.headers.get('content-type'),
  };
}

/** A destination whose batches lie in this shard. */
function destinationIn(shard: number, tenantId = 'acme'): string {
  for (let i = 0; ; i++) if (shardOf(tenantId, `s3-${i}`, SHARDS) === shard) return `s3-${i}`;
}

async function append(lane: Lane, ...messages: string[]): Promise<string> {
  const shard = shardOf(lane.tenantId, lane.destinationId, SHARDS);
  const store = stores[shard];
  if (store === undefined) throw new Error('there is such a shard');
  const producer = new BatchProducer(redis, store, {
    groupCommitMs: 0,
    onEnqueueError: (error) => {
      throw error;
    },
  });
  const fragments = messages.map((message) => encodeFragment(lane, aLogEvent({ message })));
  await producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    1,
  );
  await producer.close();
  const [batchId = ''] = await redis.zrange(`{lf-${shard}}:live:${lane.target.sink}`, '-1', '-1');
  return batchId;
}

async function put(tenantId: string, destinationId: string, over: object = {}): Promise<void> {
  const config = new ConfigStore(redis);
  await config.putTenant({ id: tenantId });
  await config.putDestination(
    tenantId,
    Destination.parse({
      id: destinationId,
      type: 's3',
      region: 'eu-central-1',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      s3: { bucket: 'acme-logs' },
      ...over,
    }),
  );
}

/** The cells of a table's rows, as a person reads them. */
function rowsOf(page: string): string[][] {
  return page.split('<tr>').map((row) =>
    [...row.matchAll(/<t[hd][^>]*>([^]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      cell
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    ),
  );
}

test('the overview shows where the log events of every destination are, over all shards', async () => {
  const [first, second] = [destinationIn(0), destinationIn(1)];
  await put('acme', first);
  await put('acme', second, { enabled: false });
  await append(anS3Lane({ id: 'a', destinationId: first }), 'one', 'two');
  const deadId = await append(anS3Lane({ id: 'b', destinationId: second }), 'three');
  await stores[1]?.deadLetter(deadId, 's3.access_denied');
  const { status, body, type } = await get('/');
  expect([status, type]).toEqual([200, 'text/html; charset=utf-8']);
  expect(rowsOf(body)).toContainEqual([
    'acme',
    `${first} s3 in eu-central-1`,
    ...['2', '0', '0', '0', '2'],
  ]);
  expect(rowsOf(body)).toContainEqual([
    'acme',
    `${second} (off) s3 in eu-central-1`,
    ...['1', '0', '0', '1', '0'],
  ]);
  expect(rowsOf(body)).toContainEqual(['All', '', '3', '0', '0', '1', '2']);
  expect(body).toContain('accepted = delivered + rejected + dead letters + waiting');
});

test('what was rejected is shown with its reasons', async () => {
  const id = destinationIn(0);
  await put('acme', id);
  await append(anS3Lane({ destinationId: id }), 'one');
  await redis.hset(`{lf-0}:ledger:acme/${id}`, 'rejected', '1', 'rejected:s3.invalid_object', '1');
  expect((await get('/')).body).toContain('s3.invalid_object: 1');
});

test('what was accepted before shards were added is still in its row, with its reasons', async () => {
  const id = destinationIn(1);
  await put('acme', id);
  await append(anS3Lane({ destinationId: id }), 'now');
  const before = { accepted: '5', delivered: '2', rejected: '3' };
  await redis.hset(`{lf-0}:ledger:acme/${id}`, { ...before, 'rejected:s3.invalid_object': '3' });
  await redis.hset(`{lf-0}:totals`, before);
  await redis.hincrby(`{lf-1}:ledger:acme/${id}`, 'accepted', 4);
  await redis.hincrby(`{lf-1}:ledger:acme/${id}`, 'rejected', 4);
  await redis.hincrby(`{lf-1}:ledger:acme/${id}`, 'rejected:s3.invalid_object', 4);
  const { body } = await get('/');
  expect(rowsOf(body)).toContainEqual([
    'acme',
    `${id} s3 in eu-central-1`,
    ...['10', '2', '7 s3.invalid_object: 7', '0', '1'],
  ]);
});

test('a ledger that does not balance is said loudly', async () => {
  await put('acme', destinationIn(0));
  await append(anS3Lane({ destinationId: destinationIn(0) }), 'one');
  await redis.hincrby('{lf-0}:totals', 'accepted', 4);
  expect((await get('/')).body).toContain(
    'The ledger does not balance: 4 log events are unaccounted for.',
  );
});

test('more tenants than fit a page are counted all the same', async () => {
  const tenants = Array.from({ length: 201 }, (_, i) => `tenant-${String(i).padStart(3, '0')}`);
  for (const id of tenants) await put(id, 's3');
  const { body } = await get('/');
  expect(body).toContain('tenant-199');
  expect(body).not.toContain('tenant-200');
  expect(body).toContain('1 more tenants are not shown');
});

test.each([0, 1])('a batch is found in shard %d, with what is in it', async (shard) => {
  const destinationId = destinationIn(shard);
  const batchId = await append(anS3Lane({ destinationId }), 'the ferry', 'has left');
  const { status, body } = await get(`/batches/${batchId}`);
  expect(status).toBe(200);
  expect(rowsOf(body)).toContainEqual(['Destination', destinationId]);
  expect(rowsOf(body)).toContainEqual([
    'Goes to',
    's3://acme-logs/env0-deployments/2026/11/21/{HH}:{mm}:{ss}_{chars}.log',
  ]);
  expect(body).toContain('the ferry');
  expect(body).toContain('has left');
});

test('of a batch that is stopped, the page says why and whose move it is', async () => {
  const batchId = await append(anS3Lane({ destinationId: destinationIn(0) }), 'one');
  await new Holds(redis, 0).fail(batchId, {
    code: 's3.bucket_missing',
    countsAttempt: false,
    says: 'suspended',
    isProbe: false,
  });
  expect((await get(`/batches/${batchId}`)).body).toContain('The bucket does not exist.');
  await stores[0]?.deadLetter(batchId, 's3.access_denied');
  const { body } = await get(`/batches/${batchId}`);
  expect(body).toContain('a dead letter: its attempts ran out');
  expect(body).toContain('s3:PutObject');
});

test('log text is hostile: nothing of it becomes markup', async () => {
  const hostile = [
    '<script>alert(1)</script>',
    '</pre><img src=x onerror=alert(2)>',
    '"\'><svg/onload=alert(3)>',
    '&lt;b&gt; &#60;i&#62;',
  ];
  const lane = anS3Lane({
    destinationId: destinationIn(0),
    target: {
      sink: 's3',
      bucket: 'acme-logs',
      key: '<script>alert(4)</script>',
      keyTime: 'event',
      compression: 'none',
    },
  });
  const { body } = await get(`/batches/${await append(lane, ...hostile)}`);
  expect(body).not.toMatch(/<script|<img|<svg|<b>|<i>/i);
  expect(body).toContain('&#60;script&#62;alert(1)&#60;/script&#62;');
  expect(body).toContain('&#38;lt;b&#38;gt;');
  expect(body).toContain("default-src 'none'");
});

test('of many or long log events, the first are shown and cut', async () => {
  const destinationId = destinationIn(0);
  const many = await append(
    anS3Lane({ id: 'many', destinationId }),
    ...Array.from({ length: 51 }, (_, i) => `event number ${i}.`),
  );
  const page = (await get(`/batches/${many}`)).body;
  expect(page).toContain('event number 49.');
  expect(page).not.toContain('event number 50.');
  expect(page).toContain('1 more are not shown.');
  const long = await append(anS3Lane({ id: 'long', destinationId }), 'x'.repeat(1_000_000));
  expect((await get(`/batches/${long}`)).body.length).toBeLessThan(10_000);
});

test.each(['nothing', '..%2f..', '%00', '*', '{lf-0}', 'x'.repeat(128)])(
  'a batch that is not there (%j) is 404, and says why that may be',
  async (id) => {
    const { status, body } = await get(`/batches/${id}`);
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ code: 'console.unknown_batch' });
  },
);

test('metrics hold the ledger of all shards', async () => {
  await append(anS3Lane({ destinationId: destinationIn(0) }), 'one');
  await append(anS3Lane({ destinationId: destinationIn(1) }), 'two', 'three');
  const { body } = await get('/metrics');
  expect(body).toContain('logferry_ledger_log_events{place="accepted",app="console"} 3');
  expect(body).toContain('logferry_ledger_unaccounted_log_events{app="console"} 0');
});

test('a Redis that hangs is noticed, though its connections stay open', async () => {
  await server.pause();
  await until(async () => (await get('/health/ready')).status === 503);
  expect((await get('/health/live')).status).toBe(200);
  await server.resume();
  await until(async () => (await get('/health/ready')).status === 200);
});

test('while Redis is away nobody waits for ever: health and metrics answer, pages say that something is wrong', async () => {
  await server.kill();
  await until(async () => (await get('/health/ready')).status === 503);
  expect((await get('/health/live')).status).toBe(200);
  const metrics = await get('/metrics');
  expect(metrics.status).toBe(200);
  expect(metrics.body).not.toMatch(/^logferry_ledger/m);
  expect((await get('/')).status).toBe(503);
  expect((await get('/queues/api/queues')).status).toBe(500);
  await server.start();
  await until(async () => (await get('/health/ready')).status === 200);
  await until(() => redis.status === 'ready');
  expect((await get('/')).status).toBe(200);
});
