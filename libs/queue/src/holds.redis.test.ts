// The steps of holding a destination one by one, in orders that time and chance would bring about.
import { sinks, type Lane } from '@logferry/core';
import { aCloudWatchLane, anS3Lane } from '@logferry/testing';
import { useConsumerTestbed } from './consumer.testbed';
import { DeadLetterStore } from './dead-letter-store';
import { Holds } from './holds';
import { batchKey, heldKey, holdKey, liveKey } from './keys';

const bed = useConsumerTestbed();
const holds = (): Holds => new Holds(bed.redis, 0);
const PLACE = 'acme/cw';
const DAY_MS = 24 * 60 * 60 * 1_000;

function aLane(n: number, over: Partial<Lane> = {}): Lane {
  const { destinationId = 'cw' } = over;
  const target = { sink: 'cloudwatch', logGroup: 'group', logStream: `stream-${n}` } as const;
  return aCloudWatchLane({ id: `acme/${destinationId}/group\nstream-${n}`, target, ...over });
}

/** In order of their opening, as far as a flush tells it. */
async function batchIds(): Promise<string[]> {
  const ids = sinks.map((sink) => bed.redis.zrange(liveKey(0, sink), '0', '-1'));
  return (await Promise.all(ids)).flat();
}

async function oneBatch(lane: Lane): Promise<string> {
  const before = await batchIds();
  await bed.send(1, lane);
  return (await batchIds()).find((id) => !before.includes(id)) ?? '';
}

async function verdict(batchId: string): Promise<string | undefined> {
  return (await bed.store.begin(batchId))?.verdict;
}

/** What a worker does whose call is denied. */
async function denied(batchId: string, isProbe = false): Promise<void> {
  const code = 'cloudwatch.access_denied';
  await holds().fail(batchId, { code, countsAttempt: false, says: 'suspended', isProbe });
}

async function settle(batchId: string): Promise<boolean | undefined> {
  const settled = await bed.store.settle({ id: batchId, logEvents: 1 }, { rejected: [] });
  return settled?.lifted;
}

const aside = (): Promise<string[]> => bed.redis.zrange(heldKey(0, 'cloudwatch', PLACE), '0', '-1');

test('what is put aside anew while it is being woken is not forgotten', async () => {
  const [works, fails] = [await oneBatch(aLane(0)), await oneBatch(aLane(1))];
  for (const id of [works, fails]) expect(await verdict(id)).toBe('go');
  await denied(fails);
  expect(await settle(works)).toBe(true);
  const { released } = await holds().tend('cloudwatch', Infinity, Infinity);
  expect(released).toHaveLength(1);
  // Its job is promoted, and another worker is quicker than whoever promoted it.
  expect(await verdict(fails)).toBe('go');
  await denied(fails);
  await holds().release(released);
  expect(await aside()).toEqual([fails]);
});

test('a probe of a lane in strict order is the batch that comes first', async () => {
  const strict = aLane(0, {
    strictOrder: true,
    limits: { ...aCloudWatchLane().limits, logEventsMax: 1 },
  });
  await bed.send(3, strict);
  const [first = '', ...others] = await batchIds();
  expect(await verdict(first)).toBe('go');
  await denied(first);
  for (const id of others) expect(await verdict(id)).toBe('hold');
  for (let n = 0; n < 4; n++) {
    await holds().probeNow('cloudwatch', PLACE);
    expect(await holds().tend('cloudwatch', Infinity, Infinity)).toMatchObject({
      probes: [first],
    });
    expect(await verdict(first)).toBe('probe');
    await denied(first, true);
  }
});

test('a batch in strict order does not wait for one that was deleted by hand', async () => {
  const strict = aLane(0, {
    strictOrder: true,
    limits: { ...aCloudWatchLane().limits, logEventsMax: 1 },
  });
  await bed.send(3, strict);
  const [first = '', second = '', third = ''] = await batchIds();
  await bed.redis.del(batchKey(0, first));
  expect(await verdict(third)).toBe('wait');
  expect(await verdict(second)).toBe('go');
});

test('what is redriven while its destination is held is kept as long as anything else', async () => {
  const id = await oneBatch(aLane(0));
  await verdict(id);
  await bed.redis.hset(batchKey(0, id), 'openedAt', Date.now() - 4 * DAY_MS);
  await denied(id);
  const { expired } = await holds().tend('cloudwatch', 3 * DAY_MS, Infinity);
  expect(expired).toEqual([{ batchId: id, code: 'destination.held_too_long' }]);
  await bed.store.deadLetter(id, 'destination.held_too_long');
  expect(await verdict(id)).toBe('hold');
  expect((await holds().tend('cloudwatch', 3 * DAY_MS, Infinity)).expired).toEqual([]);
});

test('of a tenant with several held destinations, no more is given up than is too much', async () => {
  for (const destinationId of ['a', 'b', 'c']) {
    const id = await oneBatch(aLane(0, { destinationId }));
    await verdict(id);
    await denied(id);
  }
  const heldBytes = Number(await bed.redis.hget('{lf-0}:tenant:acme', 'heldBytes'));
  const { expired } = await holds().tend('cloudwatch', Infinity, heldBytes - 1);
  expect(expired).toHaveLength(1);
});

test('of a tenant with several held destinations, what is oldest is given up first, whichever it waits for', async () => {
  const ids: string[] = [];
  // Redis picks among them as it likes: each holds an older one and a younger one than its neighbours.
  for (const destinationId of ['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd']) {
    const id = await oneBatch(aLane(ids.length, { destinationId }));
    await verdict(id);
    await bed.redis.hset(batchKey(0, id), 'openedAt', Date.now() + ids.length);
    await denied(id);
    ids.push(id);
  }
  const bytes = Number(await bed.redis.hget('{lf-0}:tenant:acme', 'heldBytes'));
  const { expired } = await holds().tend('cloudwatch', Infinity, bytes / 2 + 1);
  expect(expired.map(({ batchId }) => batchId)).toEqual(ids.slice(0, 4));
});

test('a destination for which nothing has come for an hour is not held for ever', async () => {
  const id = await oneBatch(aLane(0));
  await verdict(id);
  await denied(id);
  await bed.store.deadLetter(id, 'destination.held_too_long');
  const probeDue = async (agoMs: number): Promise<void> => {
    await holds().probeNow('cloudwatch', PLACE);
    await bed.redis.hset(holdKey(0, 'cloudwatch', PLACE), 'probeAt', Date.now() - agoMs);
    await holds().tend('cloudwatch', Infinity, Infinity);
  };
  await probeDue(50 * 60_000);
  expect(await holds().count('cloudwatch')).toBe(1);
  await probeDue(61 * 60_000);
  expect(await holds().count('cloudwatch')).toBe(0);
  expect(await holds().find('cloudwatch', PLACE)).toBeUndefined();
});

test('who settles what another worker has given up leaves no failed job behind', async () => {
  const id = await oneBatch(aLane(0));
  await verdict(id);
  await bed.store.deadLetter(id, 'cloudwatch.unavailable');
  await bed.redis.zrem(bed.queue.toKey('delayed'), id);
  await bed.redis.zrem(bed.queue.toKey('prioritized'), id);
  await bed.redis.zadd(bed.queue.toKey('failed'), Date.now(), id);
  await settle(id);
  const deadLetters = new DeadLetterStore(bed.store);
  await deadLetters.removeJobs();
  await deadLetters.close();
  expect(await bed.queue.getFailedCount()).toBe(0);
});

test('a redrive wakes a job that sleeps, as that of a batch that was put aside does', async () => {
  const id = await oneBatch(aLane(0, { lingerMs: 3_600_000 }));
  await bed.store.deadLetter(id, 'destination.held_too_long', true);
  const deadLetters = new DeadLetterStore(bed.store);
  expect(await deadLetters.redrive([id])).toEqual(['redriven']);
  await deadLetters.close();
  expect(await bed.queue.getDelayedCount()).toBe(0);
});

test('what is left for the former sink of a destination does not hold what goes to the present one', async () => {
  const [former, present] = [
    await oneBatch(aLane(0)),
    await oneBatch(anS3Lane({ destinationId: 'cw' })),
  ];
  expect(await verdict(former)).toBe('go');
  await denied(former);
  expect(await verdict(present)).toBe('go');
  expect(await settle(present)).toBe(false);
  expect(await aside()).toEqual([former]);
  expect(await holds().count('cloudwatch')).toBe(1);
  expect(await verdict(await oneBatch(aLane(1)))).toBe('hold');
});

test('what comes into an open batch that was put aside counts as held at once', async () => {
  const fails = await oneBatch(aLane(0));
  await verdict(fails);
  await denied(fails);
  const open = await oneBatch(aLane(1));
  expect(await verdict(open)).toBe('hold');
  await bed.send(5_000, aLane(1));
  expect(await bed.store.batch(open)).toMatchObject({ state: 'open', logEvents: 5_001 });
  const heldBytes = Number(await bed.redis.hget('{lf-0}:tenant:acme', 'heldBytes'));
  expect(heldBytes).toBe(await bed.store.tenantBytes('acme'));
});

describe('a destination that somebody has suspended', () => {
  const suspend = (): Promise<boolean> => holds().suspend('cloudwatch', PLACE);
  const find = () => holds().find('cloudwatch', PLACE);
  const byHand = { kind: 'suspended', code: 'destination.suspended_by_hand', probeAtMs: undefined };

  test('keeps what comes for it, within window and quota, and is tried by nobody', async () => {
    expect(await suspend()).toBe(true);
    expect(await suspend()).toBe(false);
    const id = await oneBatch(aLane(0));
    expect(await verdict(id)).toBe('hold');
    // As a worker asks that has heard of a change.
    expect(await holds().probeNow('cloudwatch', PLACE)).toBe(true);
    await holds().probeAllNow('cloudwatch');
    const nothing = { probes: [], released: [], expired: [] };
    expect(await holds().tend('cloudwatch', Infinity, Infinity)).toEqual(nothing);
    expect(await verdict(id)).toBe('hold');
    expect(await find()).toMatchObject({ ...byHand, batches: 1, probes: 0 });
    const { expired } = await holds().tend('cloudwatch', Infinity, 0);
    expect(expired).toEqual([{ batchId: id, code: 'destination.held_too_much' }]);
  });

  test('stays so whatever becomes of what was under way', async () => {
    const [works, fails, strikes] = [
      await oneBatch(aLane(0)),
      await oneBatch(aLane(1)),
      await oneBatch(aLane(2)),
    ];
    for (const id of [works, fails, strikes]) await verdict(id);
    await suspend();
    expect(await settle(works)).toBe(false);
    await denied(fails);
    const retry = { code: 'cloudwatch.unavailable', countsAttempt: true, says: 'strike' } as const;
    for (const isProbe of [false, true])
      expect(await holds().fail(strikes, { ...retry, isProbe })).toEqual({
        ...{ attempts: 0, isHeld: true, isNew: false },
      });
    expect(await find()).toMatchObject(byHand);
    expect((await aside()).toSorted()).toEqual([fails, strikes].toSorted());
  });

  test('that did not work before is suspended all the same, a probe under way included', async () => {
    const id = await oneBatch(aLane(0));
    await verdict(id);
    await denied(id);
    await holds().probeNow('cloudwatch', PLACE);
    expect(await verdict(id)).toBe('probe');
    await suspend();
    await denied(id, true);
    expect(await find()).toMatchObject(byHand);
    expect(await verdict(id)).toBe('hold');
  });

  test('goes on at a word: with a probe where something waits, and at once where nothing does', async () => {
    await suspend();
    expect(await holds().resume('cloudwatch', PLACE)).toBe(true);
    expect(await find()).toBeUndefined();
    expect(await holds().resume('cloudwatch', PLACE)).toBe(false);
    await suspend();
    const [first, second] = [await oneBatch(aLane(0)), await oneBatch(aLane(1))];
    for (const id of [first, second]) expect(await verdict(id)).toBe('hold');
    expect(await holds().resume('cloudwatch', PLACE)).toBe(true);
    const { probes } = await holds().tend('cloudwatch', Infinity, Infinity);
    expect(probes).toEqual([first]);
    expect(await verdict(first)).toBe('probe');
    expect(await settle(first)).toBe(true);
    const { released } = await holds().tend('cloudwatch', Infinity, Infinity);
    expect(released.map(({ batchId }) => batchId)).toEqual([second]);
  });

  test('and does not work once it is resumed is held anew, for that', async () => {
    await suspend();
    const id = await oneBatch(aLane(0));
    await verdict(id);
    await holds().resume('cloudwatch', PLACE);
    expect(await verdict(id)).toBe('probe');
    const code = 'cloudwatch.access_denied';
    const failed = { code, countsAttempt: false, says: 'suspended', isProbe: true } as const;
    expect(await holds().fail(id, failed)).toMatchObject({ isHeld: true, isNew: true });
    expect(await find()).toMatchObject({ kind: 'suspended', code });
    expect((await find())?.probeAtMs).toBeLessThan(Date.now() + 60_000);
    expect(await holds().fail(id, failed)).toMatchObject({ isNew: false });
  });
});
