import { hasJobsToTake, JobFetcher, patientRedis, type RedisClient } from '@logferry/queue';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Queue } from 'bullmq';
import { RunQueue, Runner, type RunJob } from './run-queue';

const auth0 = { tenantId: 'acme', sourceId: 'auth0', schedule: '0 */5 * * * *', timeZone: 'UTC' };

let server: TestRedis;
let redis: RedisClient;
let queue: RunQueue;
let runners: Runner[] = [];

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
});

beforeEach(async () => {
  await redis.flushall();
  queue = new RunQueue(redis);
});

afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.close(5_000)));
  runners = [];
  await queue.close();
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function startRunner(run: (job: RunJob) => Promise<void>): void {
  runners.push(
    new Runner(redis, run, {
      concurrency: 4,
      fetch: ({ queue: jobs, ...parts }) =>
        new JobFetcher({ ...parts, hasWork: () => hasJobsToTake(redis, jobs) }),
      onError: () => undefined,
    }),
  );
}

test.each([
  ['0 */5 * * * *', 'UTC', 300],
  ['*/2 * * * *', 'UTC', 120],
  ['30 15 10 * * *', 'Europe/Berlin', 90_000], // the day on which summer time ends has 25 hours
])('%s in %s is due within %d seconds', async (schedule, timeZone, seconds) => {
  await queue.reconcile([{ ...auth0, schedule, timeZone }]);
  const next = await queue.nextRunAtMs(auth0);
  expect(next).toBeGreaterThan(Date.now() - 1_000);
  expect(next).toBeLessThanOrEqual(Date.now() + seconds * 1_000);
});

test('the time zone decides which hour it is', async () => {
  // Half a year away: on the day itself, it would be over in one of them and not in the other.
  const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
  const at = async (timeZone: string): Promise<number> => {
    await queue.reconcile([{ ...auth0, schedule: `0 0 12 15 ${month} *`, timeZone }]);
    return (await queue.nextRunAtMs(auth0)) ?? 0;
  };
  expect((await at('UTC')) - (await at('Asia/Tokyo'))).toBe(9 * 3_600_000);
});

test('what is no longer wanted is due no more, and any number of pollers may say so at once', async () => {
  const others = [new RunQueue(redis), new RunQueue(redis)];
  const okta = { ...auth0, sourceId: 'another' };
  await Promise.all([queue, ...others].map((one) => one.reconcile([auth0, okta])));
  expect(await queue.nextRunAtMs(okta)).toBeDefined();
  await Promise.all([queue, ...others].map((one) => one.reconcile([auth0])));
  expect(await queue.nextRunAtMs(okta)).toBeUndefined();
  expect(await queue.nextRunAtMs(auth0)).toBeDefined();
  await Promise.all(others.map((one) => one.close()));
});

test('a schedule whose next job was lost goes on: the last one may have ended while Redis was away', async () => {
  await queue.reconcile([auth0]);
  const lost = async (): Promise<number> => {
    const pastMs = Date.now() - 600_000;
    await redis.zadd('{lf}:source-runs:repeat', pastMs, 'acme/auth0');
    return pastMs;
  };
  const firstMs = await queue.nextRunAtMs(auth0);
  await redis.del('{lf}:source-runs:delayed', `{lf}:source-runs:repeat:acme/auth0:${firstMs}`);
  await lost();
  await queue.reconcile([auth0]);
  const next = await queue.nextRunAtMs(auth0);
  expect(next).toBeGreaterThan(Date.now());
  expect(await redis.zcard('{lf}:source-runs:delayed')).toBe(1);
  // One that waits for a poller with room is not lost, however long ago it was due.
  await redis.hset(
    `{lf}:source-runs:repeat:acme/auth0:${await lost()}`,
    'data',
    '{}',
    'opts',
    '{}',
  );
  await queue.reconcile([auth0]);
  expect(await queue.nextRunAtMs(auth0)).toBeLessThan(Date.now());
});

test('what a poller with a wrong clock has put off for hours is due when it should be', async () => {
  const now = Date.now();
  const { schedule: pattern, timeZone: tz } = auth0;
  const itsQueue = new Queue('source-runs', { connection: redis, prefix: '{lf}' });
  const startDate = now + 3 * 3_600_000; // for whom it is that late now
  await itsQueue.upsertJobScheduler('acme/auth0', { pattern, tz, startDate });
  await itsQueue.close();
  expect(await queue.nextRunAtMs(auth0)).toBeGreaterThan(now + 3 * 3_600_000);
  await queue.reconcile([auth0]);
  const next = await queue.nextRunAtMs(auth0);
  expect(next).toBeLessThanOrEqual(Date.now() + 300_000);
  // And what is rare is left where it is.
  const rare = { ...auth0, schedule: '0 0 0 1 1 *' };
  await queue.reconcile([rare]);
  const newYear = await queue.nextRunAtMs(auth0);
  await queue.reconcile([rare]);
  expect(await queue.nextRunAtMs(auth0)).toBe(newYear);
  expect(await redis.zcard('{lf}:source-runs:delayed')).toBe(1);
});

test('a source that is due is run once, whichever of the pollers takes it', async () => {
  const taken: RunJob[] = [];
  for (let i = 0; i < 3; i++)
    startRunner((job) => {
      taken.push(job);
      return Promise.resolve();
    });
  await queue.reconcile([{ ...auth0, schedule: '* * * * * *' }]);
  await until(() => taken.length >= 2);
  expect(taken[0]).toEqual({ kind: 'schedule', tenantId: 'acme', sourceId: 'auth0' });
  await queue.reconcile([]);
  const count = taken.length;
  expect(count).toBeLessThan(5);
});

test('run now and replay come with the id of their run, and a replay comes back if it could not begin', async () => {
  const taken: RunJob[] = [];
  const now = await queue.runNow(auth0);
  const replay = { from: { at: '7' }, isMarked: true };
  const again = await queue.replay(auth0, replay);
  startRunner((job) => {
    taken.push(job);
    return job.kind === 'replay' && taken.filter(({ kind }) => kind === 'replay').length === 1
      ? Promise.reject(new Error('another process has it'))
      : Promise.resolve();
  });
  await until(() => taken.length === 3, { timeoutMs: 20_000 });
  expect(taken).toEqual([
    { kind: 'now', tenantId: 'acme', sourceId: 'auth0', runId: now },
    ...[1, 2].map(() => ({
      kind: 'replay',
      tenantId: 'acme',
      sourceId: 'auth0',
      runId: again,
      replay,
    })),
  ]);
});

test('of one source a few replays wait or run, however many are asked for at once', async () => {
  const replay = { from: { at: '7' }, isMarked: false };
  const asked = await Promise.all(Array.from({ length: 12 }, () => queue.replay(auth0, replay)));
  const ids = asked.filter((id) => id !== undefined);
  expect(new Set(ids).size).toBe(5);
  expect(await queue.replay({ ...auth0, sourceId: 'another' }, replay)).toBeDefined();
  const taken: RunJob[] = [];
  startRunner((job) => {
    taken.push(job);
    return Promise.resolve();
  });
  await until(() => taken.length === 6, { timeoutMs: 20_000 });
  const own = taken.filter(({ sourceId }) => sourceId === 'auth0');
  expect(new Set(own.map(({ runId }) => runId))).toEqual(new Set(ids));
  await until(async () => (await queue.replay(auth0, replay)) !== undefined);
});

test("a tenant's replays leave room for everybody's runs, and come when there is some", async () => {
  const taken: RunJob[] = [];
  const holding = Promise.withResolvers<void>();
  startRunner((job) => {
    taken.push(job);
    return job.kind === 'replay' ? holding.promise : Promise.resolve();
  });
  for (let i = 0; i < 5; i++) await queue.replay(auth0, { from: { at: '7' }, isMarked: false });
  await until(() => taken.length > 0);
  const now = await queue.runNow({ tenantId: 'globex', sourceId: 'auth0' });
  await until(() => taken.some(({ runId }) => runId === now), { timeoutMs: 5_000 });
  expect(taken.filter(({ kind }) => kind === 'replay')).toHaveLength(1);
  holding.resolve();
  await until(() => taken.length === 6, { timeoutMs: 40_000 });
}, 60_000);
