// What is kept of what was delivered: how it comes there, how much it may be, and that nothing of it is in the ledger.
import { imbalance, type Keep } from '@logferry/core';
import { aCloudWatchLane } from '@logferry/testing';
import { chunksKey, keptChunksKey } from './keys';
import { expireKept, type KeptObserver } from './kept-retention';
import { ALL, PLACE, ReplayTestbed } from './replay.testbed';

const bed = new ReplayTestbed();
beforeAll(() => bed.start());
afterAll(() => bed.stop());
beforeEach(async () => {
  await bed.redis.flushall();
});

const MANY = 2 ** 40;
const EMPTY = { batches: 0, logEvents: 0, bytes: 0 };
/** The place, a bit more than some bytes of text. */
const NOISE = 'x'.repeat(2_000);

test('a destination that keeps nothing leaves nothing behind', async () => {
  await bed.settle(await bed.append(['one']));
  const ledger = await bed.store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({ accepted: 1, delivered: 1, waiting: 0 });
  expect(await bed.store.tenantBytes('acme')).toBe(0);
  const keys = (await bed.redis.keys('*')).filter((key) => !key.endsWith(':meta')); // BullMQ's
  expect(keys.sort()).toEqual(['{lf-0}:ledger:acme/cw', '{lf-0}:tenant:acme', '{lf-0}:totals']);
});

test('where nothing is kept, a batch is settled by no command more than counting and holding need', async () => {
  const settled = async (): Promise<string[]> => {
    const begun = await bed.store.begin(await bed.append(['one']));
    if (begun === undefined) throw new Error('it waits');
    await bed.redis.config('RESETSTAT');
    await bed.store.settle(begun.batch, { rejected: [] });
    const stats = await bed.redis.info('commandstats');
    return [...stats.matchAll(/cmdstat_(\w+:calls=\d+)/g)].map(([, calls = '']) => calls).sort();
  };
  await settled(); // from then on, Redis knows the script
  expect(await settled()).toEqual([
    'del:calls=2',
    'evalsha:calls=1',
    'hexists:calls=1', // whether somebody has suspended the destination by hand
    'hincrby:calls=6',
    'hmget:calls=1',
    'zrem:calls=1',
  ]);
});

test('a batch is kept as it was delivered, counts as delivered, and towards its tenant', async () => {
  const batchId = await bed.append(['one', 'two']);
  const before = await bed.redis.dumpBuffer(chunksKey(0, batchId));
  await bed.settle(batchId, { keep: bed.keeping() });
  expect(await bed.redis.dumpBuffer(keptChunksKey(0, batchId))).toEqual(before);
  expect(await bed.redis.exists(chunksKey(0, batchId))).toBe(0);
  const ledger = await bed.store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({ accepted: 2, delivered: 2, waiting: 0 });
  const state = await bed.kept.state(PLACE);
  expect(state).toMatchObject({ batches: 1, logEvents: 2 });
  expect(state.sinceMs).toBe(state.untilMs);
  expect(Math.abs(Date.now() - (state.sinceMs ?? 0))).toBeLessThan(10_000);
  expect(await bed.store.tenantBytes('acme')).toBe(state.bytes);
  expect(await bed.kept.totals()).toEqual({ batches: 1, bytes: state.bytes });
});

test('what it takes of Redis is what it counts as, or less', async () => {
  const used = async (): Promise<number> =>
    Number(/^used_memory_dataset:(\d+)/m.exec(await bed.redis.info('memory'))?.[1]);
  const messages = Array.from({ length: 200 }, (_, i) => `${i} ${Math.random()}`.repeat(9));
  await bed.deliver(messages);
  const [bytes, counted] = [await used(), (await bed.kept.state(PLACE)).bytes];
  for (let i = 0; i < 200; i++) await bed.deliver(messages);
  const grown = (await used()) - bytes;
  const { bytes: countedNow } = await bed.kept.state(PLACE);
  expect(grown / (countedNow - counted)).toBeLessThan(1.02);
  expect(grown / (countedNow - counted)).toBeGreaterThan(0.5);
});

test('of a batch that was refused in part, what was delivered is kept and the rest is a dead letter', async () => {
  const batchId = await bed.append(['one', 'two', 'three', 'four']);
  const begun = await bed.store.begin(batchId);
  const payload = await begun?.payload.load();
  if (begun === undefined || payload === undefined) throw new Error('it was begun');
  const rejected = { code: 'cloudwatch.log_event_too_old', batchId: 'refused' } as const;
  await bed.store.settle(begun.batch, {
    rejected: [{ ...rejected, slice: payload.slice(1, 3) }],
    keep: bed.keeping({ slice: payload.without([{ from: 1, to: 3 }], 4) }),
  });
  expect(await bed.kept.state(PLACE)).toMatchObject({ batches: 1, logEvents: 2 });
  const { bytes } = await bed.kept.state(PLACE);
  const refused = Number(await bed.redis.hget('{lf-0}:batch:refused', 'storedBytes'));
  expect(await bed.store.tenantBytes('acme')).toBe(bytes + refused);
  const id = await bed.begin();
  await bed.redis.zrem('{lf-0}:live:cloudwatch', 'refused');
  expect(await bed.runReplay(id)).toEqual([['one', 'four']]);
});

test('beyond its bytes the oldest go, in the step that keeps the next', async () => {
  const first = await bed.deliver([NOISE]);
  const { bytes } = await bed.kept.state(PLACE);
  const keep = { bytesMax: 2 * bytes };
  const second = await bed.deliver([NOISE], { keep });
  expect((await bed.kept.state(PLACE)).batches).toBe(2);
  const third = await bed.deliver([NOISE], { keep });
  expect(await bed.kept.state(PLACE)).toMatchObject({ batches: 2, logEvents: 2, bytes: 2 * bytes });
  const isThere = (id: string) => bed.redis.exists(keptChunksKey(0, id));
  expect(await Promise.all([first, second, third].map(isThere))).toEqual([0, 1, 1]);
  await bed.deliver([NOISE], { keep: { bytesMax: bytes - 1 } });
  expect(await bed.kept.state(PLACE)).toMatchObject(EMPTY);
  expect(await bed.store.tenantBytes('acme')).toBe(0);
  expect(await bed.redis.keys('*kept*')).toEqual([]);
});

test('a tenant whose batches take too much keeps nothing, so that it is not told to wait for that', async () => {
  await bed.deliver([NOISE]);
  const waiting = await bed.append([NOISE]);
  const tenantBytesMax = await bed.store.tenantBytes('acme');
  await bed.settle(waiting, { keep: bed.keeping({ tenantBytesMax }) });
  expect((await bed.kept.state(PLACE)).batches).toBe(2);
  await bed.deliver([NOISE], { keep: { tenantBytesMax: 1 } });
  expect(await bed.kept.state(PLACE)).toMatchObject(EMPTY);
});

test('what several keep at one moment is in an order all the same, each at a time of its own', async () => {
  const ids = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      bed.append([`m${i}`], aCloudWatchLane({ id: `acme/cw/group\n${i}` })),
    ),
  );
  await Promise.all(ids.map((id) => bed.settle(id, { keep: bed.keeping() })));
  const flat = await bed.redis.zrange('{lf-0}:keptOf:cloudwatch:acme/cw', '0', '-1', 'WITHSCORES');
  expect(new Set(flat.filter((_, i) => i % 2 === 1)).size).toBe(50);
});

describe('the retention', () => {
  let told: [number, string][] = [];
  const observer: KeptObserver = {
    gaveUp: (batches, why) => void told.push([batches, why]),
    error: () => undefined,
  };
  let keep: Keep | undefined;
  let excess = 0;
  let tenantBytesMax = MANY;
  const pass = () =>
    expireKept(
      { shards: [bed.kept], keepOf: () => Promise.resolve(keep) },
      { tenantBytesMax: () => tenantBytesMax, excessBytes: () => Promise.resolve(excess) },
      observer,
    );
  beforeEach(() => {
    [told, excess, tenantBytesMax] = [[], 0, MANY];
    keep = { forMs: 60_000, bytesMax: MANY };
  });

  const INDEX = '{lf-0}:keptOf:cloudwatch:acme/cw';
  const setAge = (id: string, ageMs: number) => bed.redis.zadd(INDEX, Date.now() - ageMs, id);

  test('leaves what is as it should be', async () => {
    await bed.deliver(['one']);
    await pass();
    expect(told).toEqual([]);
    expect((await bed.kept.state(PLACE)).batches).toBe(1);
  });

  test('gives up what is too old, and nothing else', async () => {
    const [old, young] = [await bed.deliver(['old']), await bed.deliver(['young'])];
    await setAge(old, 61_000);
    await setAge(young, 50_000);
    await pass();
    expect(told).toEqual([[1, 'age']]);
    expect(await bed.redis.zrange(INDEX, '0', '-1')).toEqual([young]);
  });

  test('gives up what is too much since less is to be kept now, also by a tenant alone', async () => {
    for (let i = 0; i < 4; i++) await bed.deliver([NOISE]);
    const { bytes } = await bed.kept.state(PLACE);
    keep = { forMs: 60_000, bytesMax: bytes / 2 };
    await pass();
    expect((await bed.kept.state(PLACE)).batches).toBe(2);
    tenantBytesMax = bytes / 4;
    await pass();
    expect((await bed.kept.state(PLACE)).batches).toBe(1);
    expect(told).toEqual([
      [2, 'size'],
      [1, 'size'],
    ]);
  });

  test('gives up everything of whoever keeps nothing any more, or is gone', async () => {
    for (let i = 0; i < 250; i++) await bed.deliver(['one']);
    keep = undefined;
    await pass();
    expect(await bed.kept.state(PLACE)).toMatchObject(EMPTY);
    expect(await bed.store.tenantBytes('acme')).toBe(0);
    expect(await bed.redis.keys('*kept*')).toEqual([]);
  });

  test('leaves everything as it is while nobody can say what is to be kept', async () => {
    await bed.deliver(['one']);
    const errors: unknown[] = [];
    await expireKept(
      { shards: [bed.kept], keepOf: () => Promise.reject(new Error('unreadable')) },
      { tenantBytesMax: () => 0, excessBytes: () => Promise.resolve(0) },
      { ...observer, error: (error) => void errors.push(error) },
    );
    expect(errors).toHaveLength(1);
    expect((await bed.kept.state(PLACE)).batches).toBe(1);
  });

  test('gives up as much as Redis has too much, the oldest of whoever keeps most', async () => {
    const little = { ...PLACE, destinationId: 'little' };
    const lane = aCloudWatchLane({
      id: 'acme/little/group\nstream',
      destinationId: 'little',
    });
    await bed.deliver(['few'], { lane });
    const oldest = await bed.deliver([NOISE]);
    for (let i = 0; i < 5; i++) await bed.deliver([NOISE]);
    const { bytes } = await bed.kept.state(PLACE);
    excess = bytes / 6 - 1;
    await pass();
    expect(told).toEqual([[1, 'memory']]);
    expect(await bed.redis.exists(keptChunksKey(0, oldest))).toBe(0);
    expect((await bed.kept.state(little)).batches).toBe(1);
    excess = MANY;
    await pass();
    expect(await bed.kept.totals()).toEqual({ batches: 0, bytes: 0 });
  });

  test('is the work of one of all workers at a time', async () => {
    const turns = await Promise.all([1, 2, 3].map(() => bed.kept.mayTend(60_000)));
    expect(turns.filter(Boolean)).toHaveLength(1);
  });
});

test('the ledger balances whatever is kept', async () => {
  await bed.deliver(['one', 'two']);
  await bed.runReplay(await bed.begin());
  expect(imbalance(await bed.store.ledger('acme', 'cw'))).toBe(0);
  expect(imbalance(await bed.store.totals())).toBe(0);
  expect(await bed.kept.count(PLACE, ALL, '+inf')).toMatchObject({ batches: 1, logEvents: 2 });
});
