import { patientRedis, type RedisClient } from '@logferry/queue';
import { startRedis, until, type TestRedis } from '@logferry/testing';
import type { Intent } from './feed-position';
import { LEASE_MS, LeaseLost, RunLease, type RunEnd } from './run-lease';
import { SourceRuns } from './source-runs';

const SOURCE = { tenantId: 'acme', sourceId: 'auth0' };
const DOMAIN = 'acme.eu.auth0.com';
const LOCK = '{lf}:source:acme:auth0:live:lock';

let server: TestRedis;
let redis: RedisClient;
let nowMs: number;
let runs: SourceRuns;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
});

beforeEach(async () => {
  await redis.flushall();
  nowMs = 1_000;
  runs = new SourceRuns(redis, () => nowMs);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function begun(id: string): Promise<RunLease> {
  const lease = await RunLease.take(redis, SOURCE);
  if (lease === undefined) throw new Error('the feed is free');
  await lease.begin({ id, kind: 'schedule', atMs: nowMs }, DOMAIN);
  return lease;
}

const well = { state: 'succeeded', warnings: [], isCaughtUp: true } as const;
const intent = (ids: string[]): Intent => ({
  key: ids.join(),
  ids,
  to: ids.at(-1) ?? '',
  read: ids.length,
  eventType: 'tenant',
  scope: '',
});

/** As if its process had died a while ago. */
async function expire(lock = LOCK): Promise<void> {
  await redis.del(lock);
}

test('one run at a time: while one has the lease, nobody else gets it', async () => {
  const lease = await begun('one');
  expect(await RunLease.take(redis, SOURCE)).toBeUndefined();
  await lease.end({ ...well, atMs: 2_000 });
  expect(await RunLease.take(redis, SOURCE)).toBeDefined();
});

test('a lease that is not renewed ends by itself, and whoever had it moves nothing any more', async () => {
  const first = await begun('one');
  const endsInMs = await redis.pttl(LOCK);
  expect(endsInMs).toBeGreaterThan(0);
  expect(endsInMs).toBeLessThanOrEqual(LEASE_MS);
  await redis.pexpire(LOCK, 50);
  const second = await until(() => RunLease.take(redis, SOURCE));
  await second.begin({ id: 'two', kind: 'schedule', atMs: nowMs }, DOMAIN);
  await second.settle({ checkpoint: '900' }, { read: 1, accepted: 1 });
  for (const move of [
    () => first.renew(),
    () => first.intend(intent(['950'])),
    () => first.settle({ checkpoint: '950' }, { read: 1, accepted: 1 }),
    () => first.count({ apiCalls: 1 }),
    () => first.startFrom('950', '950', false),
    () => first.end({ ...well, atMs: 9_000 }),
  ])
    await expect(move()).rejects.toBeInstanceOf(LeaseLost);
  await first.release();
  expect(await runs.position(SOURCE)).toMatchObject({ checkpoint: '900', runId: 'two' });
  expect(await RunLease.take(redis, SOURCE)).toBeUndefined();
});

test('of a source that was deleted in the middle of a run, the run writes nothing any more', async () => {
  const lease = await begun('one');
  await lease.log('info', 'begins');
  await runs.forget(SOURCE);
  await lease.log('info', 'goes on');
  await expect(lease.settle({ checkpoint: '7' }, { read: 1 })).rejects.toBeInstanceOf(LeaseLost);
  await expect(lease.end({ ...well, atMs: 2_000 })).rejects.toBeInstanceOf(LeaseLost);
  await lease.release();
  // Nor does a poller that has not heard of it yet begin another one.
  expect(await RunLease.take(redis, SOURCE)).toBeUndefined();
  await until(async () => (await redis.keys('*source*')).length === 0);
});

test('of a source that was deleted while its run ends, the position stays forgotten', async () => {
  const lease = await begun('one');
  await redis.del('{lf}:source:acme:auth0:live:position', '{lf}:source:acme:auth0:run:one');
  await lease.end({ ...well, atMs: 2_000 });
  expect(await redis.keys('*:position')).toEqual([]);
});

test('the checkpoint, the counters and the intent move in one step, and the next run finds them', async () => {
  const lease = await begun('one');
  await lease.intend(intent(['100', '101']));
  expect(await runs.position(SOURCE)).toMatchObject({ intent: { key: '100,101' } });
  await lease.settle(
    { checkpoint: '101', newestMs: 500, rejections: [{ logId: '101', code: 'event.x' }] },
    { read: 3, accepted: 1, unwanted: 1, filtered: 1, rejected: 1, unknownTypes: { brandnew: 2 } },
  );
  await lease.count({ apiCalls: 2, waitedApiMs: 30.4, waitedIngestMs: 4 });
  await lease.settle({ checkpoint: '102', newestMs: 400 }, { read: 1, accepted: 1 });
  await lease.end({ ...well, warnings: ['rejected'], atMs: 2_000 });
  const run = await runs.run(SOURCE, 'one');
  expect(run).toEqual({
    id: 'one',
    ...SOURCE,
    kind: 'schedule',
    state: 'succeeded',
    startedAtMs: 1_000,
    endedAtMs: 2_000,
    read: 4,
    accepted: 2,
    unwanted: 1,
    filtered: 1,
    rejected: 1,
    repeated: 0,
    rejections: [{ logId: '101', code: 'event.x' }],
    unknownTypes: { brandnew: 2 },
    checkpoint: '102',
    newestMs: 500,
    apiCalls: 2,
    waitedMs: { api: 30, ingest: 4 },
    warnings: ['rejected'],
  });
  expect(await runs.position(SOURCE)).toEqual({
    checkpoint: '102',
    isInclusive: false,
    epoch: 0,
    generation: expect.any(String) as string,
    caughtUpAtMs: 2_000,
    newestMs: 500,
    endedAtMs: 2_000,
  });
  const next = await begun('two');
  await next.end({ ...well, atMs: 3_000 });
  expect(await runs.run(SOURCE, 'two')).toMatchObject({ firstCheckpoint: '102', read: 0 });
});

test('a run whose process died is marked interrupted by whoever looks, and by the run after it', async () => {
  await begun('one');
  expect(await runs.run(SOURCE, 'one')).toMatchObject({ state: 'running' });
  await expire();
  nowMs = 7_000;
  expect(await runs.run(SOURCE, 'one')).toMatchObject({ state: 'interrupted', endedAtMs: 7_000 });
  await begun('two');
  await expire();
  await begun('three');
  expect((await runs.page(SOURCE, { page: 0, perPage: 9 })).runs.map(({ state }) => state)).toEqual(
    expect.arrayContaining(['running', 'interrupted', 'interrupted']),
  );
});

test('what somebody sets while a run is under way stands: the run is told, counts on, and moves it no more', async () => {
  const lease = await begun('one');
  await lease.settle({ checkpoint: '200' }, { read: 1, accepted: 1 });
  await runs.setCheckpoint(SOURCE, { at: '150' });
  expect(await lease.renew()).toEqual({ isCancelled: false, isMoved: true });
  expect((await lease.settle({ checkpoint: '201' }, { read: 1, accepted: 1 })).isMoved).toBe(true);
  expect(await lease.intend(intent(['202']))).toMatchObject({ isMoved: true });
  expect(await runs.position(SOURCE)).toEqual({
    checkpoint: '150',
    isInclusive: true,
    epoch: 1,
    generation: expect.any(String) as string,
    resentUntil: '200',
    runId: 'one',
  });
  expect(await runs.run(SOURCE, 'one')).toMatchObject({ accepted: 2 });
  expect((await lease.position()).epoch).toBe(1);
  await lease.settle({ checkpoint: '150' }, { read: 1, accepted: 1 });
  expect(await runs.position(SOURCE)).toMatchObject({ checkpoint: '150', isInclusive: false });
});

test('START_FROM is remembered with the checkpoint that it sets', async () => {
  const lease = await begun('one');
  await lease.startFrom('["777",true]', '777', true);
  expect(await runs.position(SOURCE)).toMatchObject({
    checkpoint: '777',
    isInclusive: true,
    startFrom: '["777",true]',
    epoch: 1,
  });
  expect(await lease.settle({ checkpoint: '777' }, {})).toMatchObject({ isMoved: false });
});

test('when a run ended is remembered beside its checkpoint; one that was interrupted is none', async () => {
  const ended = async (id: string, end: Partial<RunEnd>): Promise<number | undefined> => {
    const lease = await begun(id);
    await lease.end({ ...well, ...end, atMs: nowMs });
    return (await runs.position(SOURCE)).endedAtMs;
  };
  expect(await ended('one', {})).toBe(1_000);
  nowMs = 2_000;
  expect(await ended('two', { state: 'interrupted', isCaughtUp: false })).toBe(1_000);
  const error = { code: 'source.garbled', message: 'm' } as const;
  expect(await ended('three', { state: 'failed', error, isCaughtUp: false })).toBe(2_000);
});

test('a position has a name of its own, which only forgetting the source changes', async () => {
  const name = async (id: string): Promise<string | undefined> => {
    const lease = await begun(id);
    const { generation } = await runs.position(SOURCE);
    await lease.end({ ...well, atMs: 2_000 });
    return generation;
  };
  const first = await name('one');
  expect(first).toBeDefined();
  await runs.setCheckpoint(SOURCE, { after: '5' });
  expect(await name('two')).toBe(first);
  await runs.forget(SOURCE);
  await expire();
  expect([first, undefined]).not.toContain(await name('three'));
});

test('a checkpoint of another Auth0 tenant is not taken for one of this', async () => {
  const lease = await begun('one');
  await lease.settle({ checkpoint: '200' }, { read: 1 });
  await lease.end({ ...well, atMs: 2_000 });
  const other = await RunLease.take(redis, SOURCE);
  const found = await other?.begin({ id: 'two', kind: 'now', atMs: 3_000 }, 'globex.auth0.com');
  const generation = expect.any(String) as string;
  expect(found).toEqual({
    isInclusive: false,
    epoch: 1,
    generation,
    endedAtMs: 2_000,
    runId: 'two',
  });
});

test('whoever runs is told that it is cancelled, and one that has ended is not', async () => {
  const lease = await begun('one');
  expect(await runs.cancel(SOURCE, 'one')).toBe(true);
  expect((await lease.renew()).isCancelled).toBe(true);
  await lease.end({ ...well, state: 'cancelled', isCaughtUp: false, atMs: 2_000 });
  expect(await runs.run(SOURCE, 'one')).toMatchObject({ state: 'cancelled' });
  expect(await runs.cancel(SOURCE, 'one')).toBe(false);
  expect(await runs.cancel(SOURCE, 'nobody')).toBe(false);
});

test('a replay runs beside the live feed, goes on as the same run after a crash, and ends when it is cancelled', async () => {
  const live = await begun('live');
  const feed = { ...SOURCE, replayId: 'again' };
  const replay = { from: { after: '10' }, isMarked: false };
  const run = { id: 'again', kind: 'replay', replay, atMs: 1_500 } as const;
  const lock = '{lf}:source:acme:auth0:replay-again:lock';
  const first = await RunLease.take(redis, feed);
  await first?.begin(run, DOMAIN);
  await first?.settle({ checkpoint: '20' }, { read: 2, accepted: 2 });
  await expire(lock);
  expect(await runs.run(SOURCE, 'again')).toMatchObject({ state: 'interrupted' });
  const second = await RunLease.take(redis, feed);
  expect(await second?.begin(run, DOMAIN)).toMatchObject({ checkpoint: '20' });
  await second?.settle({ checkpoint: '30' }, { read: 1, accepted: 1 });
  expect(await runs.run(SOURCE, 'again')).toMatchObject({ state: 'running', accepted: 3, replay });
  await expire(lock);
  expect(await runs.run(SOURCE, 'again')).toMatchObject({ state: 'interrupted' });
  expect(await runs.cancel(SOURCE, 'again')).toBe(true);
  const third = await RunLease.take(redis, feed);
  expect(await third?.begin(run, DOMAIN)).toBeUndefined();
  expect(await live.renew()).toEqual({ isCancelled: false, isMoved: false });
  expect((await runs.position(SOURCE)).checkpoint).toBeUndefined();
});

test('the log of a run is read from where somebody left off', async () => {
  const lease = await begun('one');
  await lease.log('info', 'begun');
  await lease.log('warn', 'x'.repeat(900));
  const [first, second] = await runs.log(SOURCE, 'one');
  expect(first).toMatchObject({ level: 'info', text: 'begun' });
  expect(second?.text).toHaveLength(500);
  expect(await runs.log(SOURCE, 'one', { after: first?.place })).toEqual([second]);
  expect(await runs.log(SOURCE, 'one', { after: second?.place })).toEqual([]);
});

test('quiet runs are kept, failed ones are found alone, and the oldest go by count and by age', async () => {
  for (let i = 0; i < 6; i++) {
    nowMs = 1_000 + i;
    const lease = await begun(`run-${i}`);
    await lease.log('info', 'begun');
    const error = { code: 'source.garbled', message: 'm' } as const;
    await lease.end(
      i % 2 === 0 ? { ...well, atMs: nowMs } : { ...well, state: 'failed', error, atMs: nowMs },
    );
  }
  const failed = await runs.page(SOURCE, { page: 0, perPage: 2, onlyFailed: true });
  expect(failed.total).toBe(3);
  expect(failed.runs.map(({ id, error }) => [id, error?.code])).toEqual([
    ['run-5', 'source.garbled'],
    ['run-3', 'source.garbled'],
  ]);
  expect(await runs.trim(SOURCE, { runsMax: 5, ageMsMax: 10_000 })).toBe(1);
  expect(await runs.trim(SOURCE, { runsMax: 5, ageMsMax: 2 })).toBe(2);
  const left = await runs.page(SOURCE, { page: 0, perPage: 9 });
  expect(left).toMatchObject({
    total: 3,
    runs: [{ id: 'run-5' }, { id: 'run-4' }, { id: 'run-3' }],
  });
  await runs.forget(SOURCE);
  expect(await redis.keys('*')).toEqual([LOCK]);
});

test('a run of a source that is deleted meanwhile ends at its next step, and leaves nothing behind', async () => {
  const lease = await begun('one');
  await runs.forget(SOURCE);
  await expect(lease.settle({ checkpoint: '1' }, { read: 1 })).rejects.toBeInstanceOf(LeaseLost);
  await lease.release();
  expect(await redis.keys('*')).toEqual([LOCK]);
});
