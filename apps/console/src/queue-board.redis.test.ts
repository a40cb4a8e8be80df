// The queue UI's API, as its buttons call it: what mends is allowed, and what would leave log events without a job is not.
import { Failure, imbalance, type Ledger } from '@logferry/core';
import {
  BatchConsumer,
  BatchProducer,
  BatchStore,
  encodeFragment,
  openQueue,
  patientRedis,
  type Deliver,
  type RedisClient,
} from '@logferry/queue';
import type { RunningApp } from '@logferry/runtime';
import {
  aCloudWatchLane,
  aLogEvent,
  startRedis,
  until,
  withEnvironment,
  type TestRedis,
} from '@logferry/testing';
import { startConsole } from './main';

const PASSWORD = 'correct horse battery staple';
const authorization = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;

let server: TestRedis;
let redis: RedisClient;
let workerRedis: RedisClient;
let store: BatchStore;
let queue: ReturnType<typeof openQueue>;
let app: RunningApp;
let readOnlyApp: RunningApp;
let consumer: BatchConsumer | undefined;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  workerRedis = patientRedis(server);
  await until(() => redis.status === 'ready');
  store = new BatchStore(redis, 0);
  queue = openQueue(redis, 'cloudwatch', 0);
  app = await startApp({});
  readOnlyApp = await startApp({ LOGFERRY_CONSOLE_READ_ONLY: 'true' });
});

beforeEach(async () => {
  await redis.flushall();
});

afterEach(async () => {
  await consumer?.close(1_000);
  consumer = undefined;
});

afterAll(async () => {
  await Promise.all([app.close(), readOnlyApp.close()]);
  await queue.close();
  redis.disconnect();
  workerRedis.disconnect();
  await server.stop();
});

async function startApp(over: Record<string, string>): Promise<RunningApp> {
  const started = await withEnvironment(
    {
      REDIS_URL: server.url,
      LOGFERRY_LOG_LEVEL: 'silent',
      LOGFERRY_CONSOLE_PORT: '0',
      LOGFERRY_CONSOLE_PASSWORD: PASSWORD,
      LOGFERRY_BROKER_SECRET: 'a-secret-of-many-chars',
      ...over,
    },
    startConsole,
  );
  const ready = `http://127.0.0.1:${started.ports.http}/health/ready`;
  await until(async () => (await fetch(ready)).status === 200);
  return started;
}

async function call(
  method: string,
  path: string,
  { body, to = app }: { body?: unknown; to?: RunningApp } = {},
): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://127.0.0.1:${to.ports.http}/queues/api/queues${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  return { status: answer.status, body: await answer.text() };
}

/** Puts a batch of three log events into the queue; resolves with its id. */
async function send(lingerMs = 0, lane = `lane-${lingerMs}`): Promise<string> {
  const producer = new BatchProducer(redis, store, {
    groupCommitMs: 0,
    onEnqueueError: (error) => {
      throw error;
    },
  });
  const known = new Set((await queue.getJobs()).map(({ id }) => id));
  const quick = aCloudWatchLane({ id: lane, lingerMs });
  const fragments = ['a', 'b', 'c'].map((message) => encodeFragment(quick, aLogEvent({ message })));
  await producer.append(
    { fragmentsByLane: new Map([[quick, fragments]]), filteredByTenant: new Map() },
    3,
  );
  await producer.close();
  const added = (await queue.getJobs()).find(({ id }) => !known.has(id));
  return added?.id ?? '';
}

function consume(deliver: Deliver): void {
  const ignore = (): void => undefined;
  const options = {
    sink: 'cloudwatch',
    concurrency: 4,
    attemptsMax: 1,
    hold: { windowMs: Infinity, tenantBytesMax: () => Infinity },
    observer: { delivered: ignore, failed: ignore, held: ignore, resumed: ignore, error: ignore },
  } as const;
  consumer = new BatchConsumer(workerRedis, new BatchStore(workerRedis, 0), deliver, options);
}

const ledgerShows = (want: Partial<Ledger>): Promise<boolean> =>
  until(async () => {
    const found = await store.totals();
    expect(imbalance(found)).toBe(0);
    return Object.entries(want).every(([name, value]) => found[name as keyof Ledger] === value);
  });

const delivered = { rejected: [] };

/** Makes dead letters of so many batches, by a bucket that may not be written until `heal` is called. */
async function deadLetters(count: number): Promise<{ ids: string[]; heal: () => void }> {
  let isHealed = false;
  consume(() =>
    isHealed ? Promise.resolve(delivered) : Promise.reject(new Failure('cloudwatch.unavailable')),
  );
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await send(0, `lane-${i}`));
  await ledgerShows({ deadLettered: 3 * count, waiting: 0 });
  await until(async () => (await queue.getFailedCount()) === count);
  return { ids, heal: () => (isHealed = true) };
}

test('a dead letter is retried with a button, and its log events are delivered', async () => {
  const { ids, heal } = await deadLetters(1);
  heal();
  expect((await call('PUT', `/cloudwatch/${ids[0]}/retry`)).status).toBe(204);
  expect(await ledgerShows({ accepted: 3, delivered: 3, deadLettered: 0, waiting: 0 })).toBe(true);
});

test('all dead letters of a queue are retried with one button', async () => {
  const { heal } = await deadLetters(3);
  heal();
  const { status, body } = await call('PUT', '/cloudwatch/retry/failed');
  expect([status, JSON.parse(body)]).toEqual([200, { retried: 3, skipped: 0 }]);
  expect(await ledgerShows({ accepted: 9, delivered: 9, deadLettered: 0 })).toBe(true);
});

test('a dead letter that is retried too early is a dead letter again, and nothing is counted twice', async () => {
  const { ids } = await deadLetters(1);
  await call('PUT', `/cloudwatch/${ids[0]}/retry`);
  await until(async () => (await store.batch(ids[0] ?? ''))?.begun === 2);
  expect(await ledgerShows({ accepted: 3, deadLettered: 3, waiting: 0, delivered: 0 })).toBe(true);
});

test('a queue is paused and resumed with a button', async () => {
  expect((await call('PUT', '/cloudwatch/pause')).status).toBe(200);
  expect(await queue.isPaused()).toBe(true);
  expect((await call('PUT', '/cloudwatch/resume')).status).toBe(200);
  expect(await queue.isPaused()).toBe(false);
  await call('PUT', '/pause');
  expect(await queue.isPaused()).toBe(true);
  await call('PUT', '/resume');
  expect(await queue.isPaused()).toBe(false);
});

test('a batch that lingers is promoted with a button, one or all', async () => {
  const [first, second] = [await send(60_000, 'a'), await send(60_000, 'b')];
  expect(await queue.getDelayedCount()).toBe(2);
  expect((await call('PUT', `/cloudwatch/${first}/promote`)).status).toBe(204);
  expect(await (await queue.getJob(second))?.isDelayed()).toBe(true);
  expect((await call('PUT', '/cloudwatch/promote')).status).toBeLessThan(300);
  expect(await queue.getDelayedCount()).toBe(0);
  consume(() => Promise.resolve(delivered));
  expect(await ledgerShows({ accepted: 6, delivered: 6 })).toBe(true);
});

test('a job that is done may be retried, which delivers nothing twice', async () => {
  let deliveries = 0;
  consume(() => {
    deliveries++;
    return Promise.resolve(delivered);
  });
  const id = await send();
  await until(async () => (await queue.getCompletedCount()) === 1);
  expect((await call('PUT', `/cloudwatch/${id}/retry`)).status).toBe(204);
  await until(async () => (await queue.getCompletedCount()) === 1);
  expect(deliveries).toBe(1);
  expect(await ledgerShows({ accepted: 3, delivered: 3 })).toBe(true);
});

const LOSING: [string, string, object][] = [
  ['PUT', '/cloudwatch/ID/clean', {}],
  ['PUT', '/cloudwatch/clean/failed', {}],
  ['PUT', '/cloudwatch/clean/delayed', {}],
  ['PUT', '/cloudwatch/clean/wait', {}],
  ['PUT', '/cloudwatch/empty', {}],
  ['PUT', '/cloudwatch/obliterate', {}],
  ['POST', '/cloudwatch/add', { name: 'batch', data: {}, options: {} }],
  ['PATCH', '/cloudwatch/ID/update-data', { jobData: { tenant: 'globex' } }],
  ['PATCH', '/cloudwatch/ID/delay', { delay: 1_000_000_000 }],
  ['PATCH', '/cloudwatch/ID/priority', { priority: 1 }],
  ['PUT', '/cloudwatch/ID/remove-unprocessed-children', {}],
  ['PUT', '/cloudwatch/concurrency', { concurrency: 0 }],
  ['PUT', '/cloudwatch/rate-limit', { max: 1, duration: 1_000_000 }],
  ['PUT', '/cloudwatch/rate-limit/release', {}],
  ['PUT', '/cloudwatch/job-schedulers/x/remove', {}],
  ['PATCH', '/cloudwatch/job-schedulers/x', {}],
  ['PUT', '/cloudwatch/job-schedulers/x/run', {}],
];

test.each(LOSING)('%s %s is refused, and everything is as it was', async (method, path, body) => {
  const id = await send(60_000);
  const before = await redis.hgetall(`{lf-0}:cloudwatch:${id}`);
  expect(before).toMatchObject({ name: 'batch' });
  const answer = await call(method, path.replace('ID', id), { body });
  expect([answer.status, answer.body]).toEqual([405, expect.stringContaining('Not from here')]);
  expect(await redis.hgetall(`{lf-0}:cloudwatch:${id}`)).toEqual(before);
  expect(await queue.getJobCountByTypes()).toBe(1);
  expect(await queue.getGlobalConcurrency()).toBeNull();
  expect(await store.totals()).toMatchObject({ accepted: 3, waiting: 3 });
});

test.each([
  ['PUT', '/cloudwatch/ID/retry'],
  ['PUT', '/cloudwatch/retry/failed'],
  ['PUT', '/cloudwatch/ID/promote'],
  ['PUT', '/cloudwatch/promote'],
  ['PUT', '/cloudwatch/pause'],
  ['PUT', '/pause'],
  ['PUT', '/cloudwatch/obliterate'],
])('where the console only shows, %s %s is refused', async (method, path) => {
  const id = await send(60_000);
  const answer = await call(method, path.replace('ID', id), { to: readOnlyApp });
  expect(answer.status).toBe(405);
  expect(await queue.isPaused()).toBe(false);
  expect(await queue.getDelayedCount()).toBe(1);
});

test('where the console only shows, it shows all the same', async () => {
  const id = await send(60_000);
  expect((await call('GET', `/cloudwatch/${id}`, { to: readOnlyApp })).status).toBe(200);
});

test('what the queue UI knows of a batch is where it goes, and a link to what is in it', async () => {
  const id = await send(60_000);
  const { body } = await call('GET', `/cloudwatch/${id}`);
  const { job } = JSON.parse(body) as { job: { data: unknown; externalUrl: unknown } };
  expect(job.data).toEqual({ tenant: 'acme', destination: 'cw', target: 'group stream' });
  expect(job.externalUrl).toEqual({ displayText: 'Log events', href: `/batches/${id}` });
  expect(body).not.toContain('"message"');
});

test('why a batch failed is told without our folders, and nothing of Redis is told at all', async () => {
  const { ids } = await deadLetters(1);
  const { body } = await call('GET', `/cloudwatch/${ids[0]}`);
  expect(body).toContain('cloudwatch.unavailable');
  expect(body).not.toMatch(/node_modules|\.ts:\d|\.js:\d/);
  const stats = await fetch(`http://127.0.0.1:${app.ports.http}/queues/api/redis/stats`, {
    headers: { authorization },
  });
  expect(stats.status).toBe(403);
});
