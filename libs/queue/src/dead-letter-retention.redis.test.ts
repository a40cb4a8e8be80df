// What becomes of dead letters that nobody looks after: told before they go, and then the oldest first, counted.
import { imbalance, type Lane } from '@logferry/core';
import type { DeadLetterSums } from './dead-letter-store';
import {
  deadLetterState,
  EXPIRING_WITHIN_MS,
  expireDeadLetters,
  type DeadLetterState,
} from './dead-letter-retention';
import { cloudWatchLane, destinationIn, useDeadLetterTestbed } from './dead-letters.testbed';
import { deadLettersKey, joblessKey } from './keys';

const DAY_MS = 86_400_000;
const RETENTION_MS = 14 * DAY_MS;
const bed = useDeadLetterTestbed();

interface Told {
  expired: [DeadLetterSums, 'age' | 'size'][];
  expiring: DeadLetterState[];
}

/** One pass; returns what it told. */
async function pass(rules: { retentionMs?: number; tenantBytesMax?: number } = {}): Promise<Told> {
  const told: Told = { expired: [], expiring: [] };
  await expireDeadLetters(
    bed.deadLetters,
    { retentionMs: RETENTION_MS, tenantBytesMax: 0, ...rules },
    {
      expired: (sums, why) => void told.expired.push([sums, why]),
      expiring: (state) => void told.expiring.push(state),
      error: (error) => {
        throw error;
      },
    },
  );
  return told;
}

/** A dead letter that became one so long ago. */
async function aged(lane: Lane, ageMs: number, messages?: string[]): Promise<string> {
  const id = await bed.makeDeadLetter(lane, 'cloudwatch.unavailable', messages);
  const { shard, tenantId, destinationId, reason } = await bed.found(id);
  const group = { destinationKey: `${tenantId}/${destinationId}`, reason };
  const deadAt = (await bed.deadLetters.nowMs()) - ageMs;
  for (const whose of ['all', { tenantId }, group] as const)
    await bed.redis.zadd(deadLettersKey(shard, whose), deadAt, id);
  await bed.redis.hset(`{lf-${shard}}:batch:${id}`, 'deadAt', deadAt);
  return id;
}

const first = (): Lane => cloudWatchLane('acme', destinationIn(0));
const second = (): Lane => cloudWatchLane('acme', destinationIn(1));

async function balanced(): Promise<void> {
  for (const store of bed.stores) expect(imbalance(await store.totals())).toBe(0);
}

test('a dead letter is kept until its time is over, and not a moment longer, in every shard', async () => {
  const kept = await aged(first(), RETENTION_MS - 60_000);
  const over = [await aged(first(), RETENTION_MS), await aged(second(), RETENTION_MS + DAY_MS)];
  const told = await pass();
  expect(await bed.listed({})).toEqual([kept]);
  expect(told.expired).toEqual([
    [{ batches: 1, logEvents: 2, bytes: expect.any(Number) as number }, 'age'],
    [{ batches: 1, logEvents: 2, bytes: expect.any(Number) as number }, 'age'],
  ]);
  for (const id of over)
    expect((await bed.redis.keys('*')).filter((key) => key.includes(id))).toEqual([]);
  const totals = await Promise.all(bed.stores.map((store) => store.totals()));
  expect(totals.map(({ deadLettered, discarded }) => [deadLettered, discarded])).toEqual([
    [4, 2],
    [2, 2],
  ]);
  await balanced();
});

test('what is on its way to a worker, or waits, does not expire, and what is behind it does', async () => {
  const dead = await aged(first(), RETENTION_MS + 2);
  await aged(first(), RETENTION_MS + 1);
  expect(await bed.deadLetters.redrive(await bed.found(dead))).toBe('redriven');
  expect((await pass({ tenantBytesMax: 1 })).expired).toHaveLength(1);
  expect(await bed.listed({})).toEqual([dead]);
  await bed.stores[0]?.begin(dead);
  expect((await pass({ tenantBytesMax: 1 })).expired).toEqual([]);
  expect(await bed.stores[0]?.totals()).toMatchObject({ waiting: 2, discarded: 2 });
});

test('without a bound nothing goes for its size', async () => {
  await aged(first(), DAY_MS, ['x'.repeat(100_000)]);
  expect((await pass()).expired).toEqual([]);
});

test.each([-1, 0, 1])(
  'of a tenant that takes its bound and %d bytes, the oldest goes only if it is more',
  async (over) => {
    const ids = [
      await aged(first(), 3_000),
      await aged(first(), 2_000),
      await aged(first(), 1_000),
    ];
    const bytes = (await bed.deadLetters.summary(0)).bytes;
    const { expired } = await pass({ tenantBytesMax: bytes - over });
    expect(await bed.listed({}, 'oldest')).toEqual(over > 0 ? ids.slice(1) : ids);
    expect(expired).toHaveLength(over > 0 ? 1 : 0);
    await balanced();
  },
);

test('the oldest of a tenant that has too much go first, and other tenants keep theirs', async () => {
  const quiet = await aged(cloudWatchLane('globex', destinationIn(0, 'globex')), 9_000);
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push(await aged(first(), 8_000 - i * 1_000));
  const [sample] = (await bed.deadLetters.page({ filter: {}, order: 'newest', limit: 1 })).rows;
  const { expired } = await pass({ tenantBytesMax: 2 * (sample?.storedBytes ?? 0) });
  expect(await bed.listed({}, 'oldest')).toEqual([quiet, ...ids.slice(4)]);
  expect(expired).toEqual([
    [{ batches: 4, logEvents: 8, bytes: 4 * (sample?.storedBytes ?? 0) }, 'size'],
  ]);
});

test('several who expire at once discard what one would have', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 30; i++) ids.push(await aged(first(), RETENTION_MS + 30_000 - i));
  for (let i = 0; i < 30; i++) ids.push(await aged(first(), 30_000 - i * 1_000));
  const bytes = (await bed.deadLetters.summary(0)).bytes;
  const all = await Promise.all([1, 2, 3].map(() => pass({ tenantBytesMax: bytes / 4 })));
  const gone = all.flatMap(({ expired }) => expired);
  expect(gone.reduce((sum, [{ batches }]) => sum + batches, 0)).toBe(45);
  expect(await bed.listed({}, 'oldest', 100)).toEqual(ids.slice(45));
  expect(await bed.stores[0]?.totals()).toMatchObject({ deadLettered: 120, discarded: 90 });
  await balanced();
});

test('hundreds expire in one pass, told in one line', async () => {
  const lane = first();
  for (let i = 0; i < 350; i++) await bed.makeDeadLetter(lane, 'cloudwatch.unavailable', ['x']);
  const { expired } = await pass({ retentionMs: 0 });
  expect(expired.map(([{ batches }]) => batches)).toEqual([350]);
  expect(await bed.redis.keys('*jobless*')).toEqual([]);
  expect(await bed.queueOf({ shard: 0, sink: 'cloudwatch' }).getJobs()).toEqual([]);
});

test('jobs that a crash left behind are removed by the next pass', async () => {
  const id = await aged(first(), RETENTION_MS);
  const queue = bed.queueOf({ shard: 0, sink: 'cloudwatch' });
  await bed.deadLetters.shards[0]?.expireByAge(RETENTION_MS, 100); // and then the worker dies
  expect(await queue.getFailedCount()).toBe(1);
  expect(await bed.redis.smembers(joblessKey(0, 'cloudwatch'))).toEqual([id]);
  await pass();
  expect(await queue.getFailedCount()).toBe(0);
  expect(await queue.getJob(id)).toBeUndefined();
});

test('an entry whose batch was deleted by hand does not keep the others from expiring', async () => {
  const broken = await aged(first(), RETENTION_MS + 2);
  await aged(first(), RETENTION_MS + 1);
  await bed.redis.del(`{lf-0}:batch:${broken}`);
  await pass();
  expect(await bed.redis.zcard(deadLettersKey(0, 'all'))).toBe(0);
});

test('a day before they go it is told, once an hour, whoever looks', async () => {
  const soonMs = RETENTION_MS - EXPIRING_WITHIN_MS;
  await aged(first(), soonMs - 60_000);
  expect((await pass()).expiring).toEqual([]);
  await aged(second(), soonMs + 1);
  const all = await Promise.all([1, 2, 3].map(() => pass()));
  const told = all.flatMap(({ expiring }) => expiring);
  expect(told).toEqual([expect.objectContaining({ batches: 2, expiring: 1, fullTenants: [] })]);
  expect((await pass()).expiring).toEqual([]);
});

test('a tenant that takes more than four fifths of its bound is named before anything of it goes', async () => {
  await aged(first(), 1_000);
  const bytes = (await bed.deadLetters.summary(0)).bytes;
  const rules = { retentionMs: RETENTION_MS, tenantBytesMax: Math.ceil(bytes / 0.8) };
  expect((await deadLetterState(bed.deadLetters, rules)).fullTenants).toEqual([]);
  const tighter = { ...rules, tenantBytesMax: Math.floor(bytes / 0.8) - 1 };
  expect((await deadLetterState(bed.deadLetters, tighter)).fullTenants).toEqual(['acme']);
  const told = await pass(tighter);
  expect(told.expired).toEqual([]);
  expect(told.expiring).toEqual([expect.objectContaining({ fullTenants: ['acme'] })]);
});

test('the state says how many there are, how much they take, and how old the oldest is', async () => {
  const rules = { retentionMs: RETENTION_MS, tenantBytesMax: 0 };
  expect(await deadLetterState(bed.deadLetters, rules)).toEqual({
    batches: 0,
    bytes: 0,
    expiring: 0,
    oldestAgeMs: 0,
    fullTenants: [],
  });
  await aged(first(), 5 * DAY_MS);
  await aged(second(), DAY_MS);
  const state = await deadLetterState(bed.deadLetters, rules);
  expect(state).toMatchObject({ batches: 2, expiring: 0 });
  expect(state.bytes).toBeGreaterThan(4_096);
  expect(state.oldestAgeMs).toBeGreaterThanOrEqual(5 * DAY_MS);
});
