import { startRedis, until, type TestRedis } from '@logferry/testing';
import { Queue, Worker, type Processor } from 'bullmq';
import { hasJobsToTake } from './catalog';
import { JobFetcher } from './job-fetcher';
import { patientRedis, type RedisClient } from './redis-connection';

let server: TestRedis;
let redis: RedisClient;
let queue: Queue;
let fetcher: JobFetcher;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
});

beforeEach(async () => {
  await redis.flushall();
  queue = new Queue('jobs', { connection: redis });
});

afterEach(async () => {
  await fetcher.close(1_000);
  await queue.close();
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const errors: unknown[] = [];
const IDLE_MS_MAX = 1_000;

/** @param idle how many of the workers that are opened fetch nothing at all */
function fetchJobs(
  process: () => Promise<void>,
  { idle = 0, inHandMax = 2, hasWork = (): Promise<boolean> => hasJobsToTake(redis, queue) } = {},
): string[] {
  const opened: string[] = [];
  errors.length = 0;
  fetcher = new JobFetcher({
    open: (processor: Processor) => {
      const autorun = opened.length >= idle;
      opened.push(autorun ? 'at work' : 'idle');
      return new Worker('jobs', processor, { connection: redis, autorun, concurrency: inHandMax });
    },
    process,
    hasWork,
    inHandMax,
    // As it is: a worker that was idle has the time between two looks to take what has come.
    lookMs: 1_000,
    idleMsMax: IDLE_MS_MAX,
    onError: (error) => errors.push(error),
  });
  return opened;
}

test.each([
  ['waits', {}],
  ['has a priority', { priority: 5 }],
  // Nobody but a worker moves it to where jobs wait.
  ['was delayed until a while ago', { delay: 1, priority: 5 }],
])(
  'a worker that does not take a job that %s is replaced, and that is told',
  async (_, how) => {
    let done = 0;
    const opened = fetchJobs(
      () => {
        done++;
        return Promise.resolve();
      },
      { idle: 2 },
    );
    await queue.add('job', {}, how);
    await until(() => done === 1, { timeoutMs: 25_000 });
    // Nor is one that is slow to start.
    expect(opened.slice(0, 3)).toEqual(['idle', 'idle', 'at work']);
    expect(errors).toHaveLength(opened.length - 1);
  },
  30_000,
);

test('one that has nothing to take, or its hands full, stays', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const opened = fetchJobs(() => released);
  await queue.add('later', {}, { delay: 60_000 });
  const startedAt = performance.now();
  await until(() => performance.now() - startedAt > 2 * IDLE_MS_MAX);
  for (let n = 0; n < 5; n++) await queue.add('job', {});
  await until(() => performance.now() - startedAt > 4 * IDLE_MS_MAX);
  expect(opened).toEqual(['at work']);
  expect(errors).toEqual([]);
  release();
  await until(async () => (await queue.getWaitingCount()) === 0);
}, 40_000);

test('whoever looks while it is closed opens nothing that nobody would close', async () => {
  let answer: ((hasWork: boolean) => void) | undefined;
  const looks: Promise<boolean>[] = [];
  const hasWork = (): Promise<boolean> => {
    const look =
      looks.length === 0
        ? Promise.resolve(true)
        : new Promise<boolean>((resolve) => (answer = resolve));
    looks.push(look);
    return look;
  };
  const opened = fetchJobs(() => Promise.resolve(), { idle: 9, hasWork });
  await until(() => answer !== undefined, { timeoutMs: 10_000 });
  await fetcher.close(1_000);
  answer?.(true);
  await looks[1];
  await new Promise(setImmediate);
  expect(opened).toEqual(['idle']);
});
