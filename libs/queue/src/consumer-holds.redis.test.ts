// A destination that does not work is held: it is asked with one batch now and then, everything else of it waits untouched, and nobody
// else notices.
import { Failure, type FailureCode, type Lane } from '@logferry/core';
import { aCloudWatchLane, until } from '@logferry/testing';
import { allDelivered, quick, useConsumerTestbed } from './consumer.testbed';
import { Holds } from './holds';

const bed = useConsumerTestbed();
const holds = (): Holds => new Holds(bed.redis, 0);
const PLACE = 'acme/cw';

function laneOf(destinationId: string, n = 0, over: Partial<Lane> = {}): Lane {
  return aCloudWatchLane({
    id: `acme/${destinationId}/group\nstream-${n}`,
    destinationId,
    lingerMs: 0,
    target: { sink: 'cloudwatch', logGroup: 'group', logStream: `stream-${n}` },
    ...over,
  });
}

/** Delivers, or fails as the test says. */
function account(): { works: boolean; calls: string[]; failsWith: FailureCode } {
  return { works: true, calls: [], failsWith: 'cloudwatch.access_denied' };
}

type Account = ReturnType<typeof account>;

const deliverTo =
  (accounts: Record<string, Account>) =>
  ({ id, destinationId }: { id: string; destinationId: string }) => {
    const { works, calls, failsWith } = accounts[destinationId] ?? account();
    calls.push(id);
    if (!works) throw new Failure(failsWith);
    return Promise.resolve(allDelivered);
  };

const heldBatches = async (count: number): Promise<true> => {
  await until(async () => (await holds().find('cloudwatch', PLACE))?.batches === count, {
    what: `${count} batches are held`,
  });
  return true;
};

test('what only its owner can mend stops a destination: one batch has been tried, the open one goes on filling', async () => {
  const cw = { ...account(), works: false };
  const seen = bed.consume(deliverTo({ cw }), { attemptsMax: 1 });
  await bed.send(1);
  await until(() => seen.held.length === 1);
  for (let n = 0; n < 5; n++) await bed.send(2);
  await heldBatches(2);
  expect(seen.held).toEqual(['cloudwatch.access_denied']);
  expect(new Set(cw.calls).size).toBe(1);
  expect(await holds().list('cloudwatch')).toMatchObject([
    { tenantId: 'acme', destinationId: 'cw', kind: 'suspended', code: 'cloudwatch.access_denied' },
  ]);
  await bed.ledgerShows({ accepted: 11, waiting: 11, deadLettered: 0 });
  const [, open] = await bed.redis.zrange('{lf-0}:held:cloudwatch:acme/cw', '0', '-1');
  expect(await bed.store.batch(open ?? '')).toMatchObject({ state: 'open', logEvents: 10 });
});

test('when its owner has acted, all of it is delivered, oldest first, and no attempt was counted', async () => {
  const cw = { ...account(), works: false };
  const seen = bed.consume(deliverTo({ cw }), { attemptsMax: 1, concurrency: 1 });
  for (let n = 0; n < 6; n++) await bed.send(1, laneOf('cw', n));
  await heldBatches(6);
  const inOrder = await bed.redis.zrange('{lf-0}:held:cloudwatch:acme/cw', '0', '-1');
  cw.works = true;
  cw.calls.length = 0;
  expect(await holds().probeNow('cloudwatch', PLACE)).toBe(true);
  await bed.ledgerShows({ delivered: 6, waiting: 0, deadLettered: 0 });
  expect(cw.calls.toSorted()).toEqual(inOrder.toSorted());
  expect(cw.calls.slice(1)).toEqual(inOrder.filter((id) => id !== cw.calls[0]));
  expect(seen.resumed).toEqual(['cw']);
  expect(await holds().find('cloudwatch', PLACE)).toBeUndefined();
  expect(await bed.redis.hget('{lf-0}:tenant:acme', 'heldBytes')).toBe('0');
});

test('what somebody suspends waits without an attempt, others go on, and it is all delivered when it is resumed', async () => {
  const cw = account();
  const seen = bed.consume(deliverTo({ cw, well: account() }), { attemptsMax: 1 });
  await holds().suspend('cloudwatch', PLACE);
  for (let n = 0; n < 3; n++) await bed.send(1, laneOf('cw', n));
  await heldBatches(3);
  await bed.send(1, laneOf('well'));
  await bed.ledgerShows({ delivered: 1 }, 'well');
  expect(cw.calls).toEqual([]);
  await holds().resume('cloudwatch', PLACE);
  await bed.ledgerShows({ accepted: 3, delivered: 3, waiting: 0, deadLettered: 0 });
  expect(seen.resumed).toEqual(['cw']);
  expect(await holds().find('cloudwatch', PLACE)).toBeUndefined();
});

test("a tenant's other destinations do not notice", async () => {
  const broken = { ...account(), works: false };
  bed.consume(deliverTo({ broken, well: account() }), { concurrency: 1 });
  for (let n = 0; n < 5; n++) await bed.send(1, laneOf('broken', n));
  await bed.send(1, laneOf('well'));
  await bed.ledgerShows({ delivered: 1 }, 'well');
  await bed.ledgerShows({ waiting: 5 }, 'broken');
});

test('one probe at a time, however many workers there are', async () => {
  const cw = { ...account(), works: false };
  const workers = [1, 2, 3].map(() => bed.consume(deliverTo({ cw })));
  for (let n = 0; n < 9; n++) await bed.send(1, laneOf('cw', n));
  await heldBatches(9);
  cw.calls.length = 0;
  await holds().probeNow('cloudwatch', PLACE);
  await until(() => cw.calls.length > 0);
  await until(
    async () => ((await holds().find('cloudwatch', PLACE))?.probeAtMs ?? 0) > Date.now() + 2_000,
  );
  expect(cw.calls).toHaveLength(1);
  expect(workers.flatMap(({ held }) => held)).toHaveLength(1);
});

test('what does not answer several times in a row is held too, and goes on by itself', async () => {
  const cw = { ...account(), works: false, failsWith: 'cloudwatch.unavailable' as const };
  const seen = bed.consume(deliverTo({ cw }), { attemptsMax: 4 });
  for (let n = 0; n < 8; n++) await bed.send(1, laneOf('cw', n));
  await heldBatches(8);
  expect(seen.held).toEqual(['cloudwatch.unavailable']);
  expect(await holds().find('cloudwatch', PLACE)).toMatchObject({ kind: 'broken' });
  // Long after attempts would have run out: against a destination that is held, none is counted.
  await until(async () => ((await holds().find('cloudwatch', PLACE))?.probes ?? 0) > 2, {
    timeoutMs: 20_000,
  });
  cw.works = true;
  await bed.ledgerShows({ delivered: 8, deadLettered: 0 });
  expect(seen.resumed).toEqual(['cw']);
}, 40_000);

test('while no session can be had, nothing is tried but a probe, and no attempt is counted', async () => {
  const cw: Account = { ...account(), works: false, failsWith: 'credential.broker_unavailable' };
  const seen = bed.consume(deliverTo({ cw }), { attemptsMax: 1, concurrency: 1 });
  for (let n = 0; n < 9; n++) await bed.send(1, laneOf('cw', n));
  const { probes } = await until(async () => {
    const hold = await holds().find('cloudwatch', PLACE);
    return hold?.batches === 9 && hold;
  });
  // The third failure made it a destination that is only probed, and counts as its first probe.
  expect(cw.calls).toHaveLength(2 + probes);
  expect(seen.held).toEqual(['credential.broker_unavailable']);
  cw.works = true;
  await bed.ledgerShows({ delivered: 9, deadLettered: 0 });
});

test('one call that hung for long says as much as several that failed', async () => {
  await bed.send(1);
  const [batchId = ''] = await bed.redis.zrange('{lf-0}:live:cloudwatch', '0', '-1');
  const failed = { code: 'network.unreachable', countsAttempt: true, isProbe: false } as const;
  const strike = { ...failed, says: 'strike' } as const;
  expect(await holds().fail(batchId, { ...strike, callMs: 4_999 })).toMatchObject({
    isHeld: false,
  });
  expect(await holds().fail(batchId, { ...strike, callMs: 5_000 })).toMatchObject({
    isHeld: true,
    attempts: 2,
  });
});

test('of a delivery of many calls, what counts is how long the one took that failed', async () => {
  const fail = ({ destinationId }: { destinationId: string }): never => {
    throw new Failure('s3.unavailable', { callMs: Number(destinationId) });
  };
  const seen = bed.consume(fail, { attemptsMax: 1 });
  for (const ms of ['4999', '5000'])
    await bed.send(1, aCloudWatchLane({ id: ms, destinationId: ms }));
  await until(() => seen.failures.length === 2);
  expect(await holds().find('cloudwatch', 'acme/4999')).toBeUndefined();
  expect(await holds().find('cloudwatch', 'acme/5000')).toMatchObject({ kind: 'broken' });
});

test('what turns out to be a matter for its owner is said anew', async () => {
  const cw: Account = { ...account(), works: false, failsWith: 'cloudwatch.unavailable' };
  const seen = bed.consume(deliverTo({ cw }), { attemptsMax: 9 });
  for (let n = 0; n < 3; n++) await bed.send(1, laneOf('cw', n));
  await heldBatches(3);
  cw.failsWith = 'cloudwatch.access_denied';
  await until(async () => (await holds().find('cloudwatch', PLACE))?.kind === 'suspended');
  expect(seen.held).toEqual(['cloudwatch.unavailable', 'cloudwatch.access_denied']);
});

test('a batch that alone can never be written does not stand before the others', async () => {
  let poison: string | undefined;
  const seen = bed.consume(
    ({ id }) => {
      poison ??= id;
      if (id === poison) throw new Failure('cloudwatch.unavailable');
      return Promise.resolve(allDelivered);
    },
    { attemptsMax: 40, concurrency: 1 },
  );
  await bed.send(1, laneOf('cw', 0));
  await until(() => seen.held.length === 1, { timeoutMs: 20_000 });
  for (let n = 1; n < 5; n++) await bed.send(1, laneOf('cw', n));
  await bed.ledgerShows({ delivered: 4, waiting: 1 });
}, 40_000);

test('what is held too long becomes a dead letter with that reason, and can be redriven', async () => {
  const cw = { ...account(), works: false };
  const seen = bed.consume(deliverTo({ cw }), { hold: { windowMs: 0 } });
  await bed.send(3);
  await bed.ledgerShows({ deadLettered: 3, waiting: 0 });
  const [job] = await bed.failedJobs(1);
  expect(job?.failedReason).toMatch(/^destination\.held_too_long: /);
  expect(seen.failures.at(-1)).toEqual(['destination.held_too_long', 'dead_letter']);
  cw.works = true;
  await job?.retry();
  await holds().probeNow('cloudwatch', PLACE);
  await bed.ledgerShows({ deadLettered: 0, delivered: 3 });
});

test('of what is too much, the oldest becomes a dead letter, and the rest stays', async () => {
  const cw = { ...account(), works: false };
  const options = { hold: { tenantBytesMax: () => 3 * 2_300 }, concurrency: 1 }; // a batch with one log event takes some 2,100
  bed.consume(deliverTo({ cw }), options);
  for (let n = 0; n < 5; n++) await bed.send(1, laneOf('cw', n));
  await bed.ledgerShows({ deadLettered: 2, waiting: 3 });
  const jobs = await bed.failedJobs(2);
  const kept = await bed.redis.zrange('{lf-0}:held:cloudwatch:acme/cw', '0', '-1');
  const openedAt = async (id: string): Promise<number> =>
    (await bed.store.batch(id))?.openedAt ?? 0;
  const given = await Promise.all(jobs.map(({ id }) => openedAt(id ?? '')));
  const left = await Promise.all(kept.map(openedAt));
  expect(Math.max(...given)).toBeLessThanOrEqual(Math.min(...left));
  expect(jobs.map(({ failedReason }) => failedReason.split(':')[0])).toEqual([
    'destination.held_too_much',
    'destination.held_too_much',
  ]);
});

test('a lane in strict order has one batch under way, in the order in which they were opened', async () => {
  const strict = laneOf('cw', 0, {
    strictOrder: true,
    limits: { ...quick.limits, logEventsMax: 2 },
  });
  const begun: string[] = [];
  let [underWay, most] = [0, 0];
  let failures = 2;
  bed.consume(
    async ({ id }) => {
      begun.push(id);
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      if (failures-- > 0) throw new Failure('cloudwatch.unavailable');
      return allDelivered;
    },
    { concurrency: 8, attemptsMax: 10 },
  );
  await bed.send(20, strict);
  await bed.ledgerShows({ delivered: 20, waiting: 0 });
  expect(most).toBe(1);
  const first = begun[0] ?? '';
  expect(begun.slice(0, 3)).toEqual([first, first, first]);
  expect(begun.slice(2)).toEqual(begun.slice(2).toSorted(byNumber));
  expect(new Set(begun).size).toBe(10);
  expect(await bed.redis.exists(`{lf-0}:order:${strict.id}`)).toBe(0);
}, 40_000);

test('in a long lane in strict order, those far back seldom look whether it is their turn', async () => {
  const limits = { ...quick.limits, logEventsMax: 1 };
  const lane = laneOf('cw', 0, { strictOrder: true, limits });
  await bed.send(500, lane);
  const [, second = '', ...others] = await bed.redis.lrange(`{lf-0}:order:${lane.id}`, 0, -1);
  bed.consume(() => Promise.reject(new Failure('cloudwatch.throttled')), { concurrency: 16 });
  const sleeps = (id: string): Promise<number> =>
    until(async () => (await bed.queue.getJob(id))?.delay || false, { timeoutMs: 20_000 });
  // A worker that stood still may have put it off for that, once, and for less.
  const delayOf = async (id: string): Promise<number> => (await bed.queue.getJob(id))?.delay ?? 0;
  await until(async () => (await delayOf(others.at(-1) ?? '')) > 10_000);
  expect(await sleeps(second)).toBeLessThan(5_100);
}, 45_000);

/** Batches of one flush are numbered. */
function byNumber(a: string, b: string): number {
  return Number(a.split('-')[1]) - Number(b.split('-')[1]);
}
