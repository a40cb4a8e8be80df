// Sources on a Redis Cluster: everything of them is one slot, and what is due is begun although the master that had it died.
import { hasJobsToTake, JobFetcher, patientRedis, type RedisClient } from '@logferry/queue';
import { startRedisCluster, until, type TestRedisCluster } from '@logferry/testing';
import { RunLease } from './run-lease';
import { RunQueue, Runner, type RunJob } from './run-queue';
import { SourceRuns } from './source-runs';

const SOURCE = { tenantId: 'acme', sourceId: 'auth0' };
const KEY = '{lf}';

let cluster: TestRedisCluster;
let redis: RedisClient;
let queue: RunQueue;
let runner: Runner;
const taken: RunJob[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster({ replicas: true });
  redis = patientRedis(cluster);
  redis.on('error', () => undefined);
  queue = new RunQueue(redis);
  runner = new Runner(redis, (job) => Promise.resolve(void taken.push(job)), {
    concurrency: 4,
    fetch: ({ queue: jobs, ...parts }) =>
      new JobFetcher({ ...parts, hasWork: () => hasJobsToTake(redis, jobs) }),
    onError: () => undefined,
  });
}, 60_000);

afterAll(async () => {
  await runner.close(5_000);
  await queue.close();
  redis.disconnect();
  await cluster.stop();
}, 30_000);

test('a run of a source, with its replay beside it, is written down and forgotten', async () => {
  const runs = new SourceRuns(redis);
  for (const replayId of [undefined, 'again']) {
    const lease = await RunLease.take(redis, { ...SOURCE, replayId });
    const id = replayId ?? 'one';
    const kind = replayId === undefined ? 'schedule' : 'replay';
    await lease?.begin({ id, kind, atMs: Date.now() }, 'acme.eu.auth0.com');
    await lease?.log('info', 'begins');
    const intent = { key: 'k', ids: ['7'], to: '7', read: 1, eventType: 'tenant', scope: '' };
    await lease?.intend(intent);
    await lease?.settle({ checkpoint: '7' }, { read: 1, accepted: 1 });
    await lease?.end({ state: 'failed', warnings: [], isCaughtUp: false, atMs: Date.now() });
  }
  expect((await runs.page(SOURCE, { page: 0, perPage: 10, onlyFailed: true })).total).toBe(2);
  expect(await runs.log(SOURCE, 'again')).toHaveLength(1);
  await runs.forget(SOURCE);
  expect(await runs.page(SOURCE, { page: 0, perPage: 10 })).toEqual({ runs: [], total: 0 });
  expect(await runs.position(SOURCE)).toEqual({ isInclusive: false, epoch: 0 });
});

test('what is due goes on being begun when the master that has it dies', async () => {
  await queue.reconcile([{ ...SOURCE, schedule: '* * * * * *', timeZone: 'UTC' }]);
  await until(() => taken.length >= 2, { timeoutMs: 20_000, what: 'it is begun' });
  const master = await cluster.masterOf(KEY);
  await cluster.caughtUp(`${KEY}:caught-up`);
  await master.kill();
  const before = taken.length;
  await until(() => taken.length >= before + 3, { timeoutMs: 60_000, what: 'it is begun again' });
  await master.start();
  expect(await queue.nextRunAtMs(SOURCE)).toBeGreaterThan(Date.now() - 5_000);
  await queue.reconcile([]);
  expect(await queue.nextRunAtMs(SOURCE)).toBeUndefined();
}, 120_000);
