// A replay delivers again what was kept, each batch once, whoever dies meanwhile, and leaves what is kept as it is.
import { imbalance } from '@logferry/core';
import { aCloudWatchLane, anS3Lane, startRedisCluster } from '@logferry/testing';
import { createHash, randomBytes } from 'node:crypto';
import { BatchStore } from './batch-store';
import { openQueue, PRIORITY_MAX } from './catalog';
import { KeptBatches } from './kept-batches';
import { keptChunksKey } from './keys';
import { markReplayed } from './replay-mark';
import { takeScript } from './replay-scripts';
import { ALL, PLACE, ReplayTestbed, START_MS } from './replay.testbed';
import { Replays } from './replays';
import { sweepPage } from './sweep';

const bed = new ReplayTestbed();
beforeAll(() => bed.start());
afterAll(() => bed.stop());
beforeEach(async () => {
  await bed.redis.flushall();
});

jest.setTimeout(120_000); // megabytes are written and read again, on machines that may be busy

const NOISE = 'x'.repeat(2_000);

/** Of a process that is killed when its new batches are to have their jobs. */
class DyingStore extends BatchStore {
  override batch(): Promise<never> {
    return Promise.reject(new Error('killed'));
  }
}

test('what was kept is accepted anew and delivered again, and stays kept', async () => {
  for (const message of ['one', 'two', 'three', 'four', 'five', 'six'])
    await bed.deliver([message]);
  const before = await bed.kept.state(PLACE);
  const id = await bed.begin();
  const delivered = await bed.runReplay(id);
  expect(delivered).toEqual([['one'], ['two'], ['three'], ['four'], ['five'], ['six']]);
  expect(await bed.replays.find(id)).toMatchObject({
    state: 'done',
    total: { batches: 6, logEvents: 6, bytes: before.bytes },
    replayed: { batches: 6, logEvents: 6 },
    underWay: 0,
    deadLettered: 0,
  });
  expect(await bed.kept.state(PLACE)).toEqual(before);
  const ledger = await bed.store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({ accepted: 12, delivered: 12, waiting: 0 });
  expect(await bed.store.tenantBytes('acme')).toBe(before.bytes);
  expect(await bed.store.tenantBatches('acme')).toBe(0);
});

test('the ledger balances after each of its steps', async () => {
  for (let i = 0; i < 6; i++) await bed.deliver([`m${i}`, 'more']);
  const id = await bed.begin();
  await bed.take(id);
  const ledger = await bed.store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({ accepted: 20, delivered: 12, waiting: 8 });
  expect(imbalance(ledger)).toBe(0);
  expect(imbalance(await bed.store.totals())).toBe(0);
});

test('a few batches are under way at a time, behind everything that is live', async () => {
  for (let i = 0; i < 10; i++) await bed.deliver([`m${i}`]);
  const id = await bed.begin();
  expect(await bed.take(id)).toEqual({ made: 4, next: 'going' });
  expect(await bed.take(id)).toEqual({ made: 0, next: 'going' });
  const queue = openQueue(bed.redis, 'cloudwatch', 0);
  const jobs = await queue.getPrioritized();
  expect(jobs.map(({ priority }) => priority)).toEqual(Array(4).fill(PRIORITY_MAX));
  await queue.close();
  const [first = ''] = await bed.waiting();
  await bed.settle(first);
  expect(await bed.take(id)).toEqual({ made: 1, next: 'going' });
});

test('of a destination in strict order the batches go one by one', async () => {
  for (let i = 0; i < 3; i++) await bed.deliver([`m${i}`]);
  const id = await bed.begin({ isOrdered: true });
  expect((await bed.take(id)).made).toBe(1);
  expect(await bed.runReplay(id)).toEqual([['m0'], ['m1'], ['m2']]);
});

test('any number of processes at once make each batch once', async () => {
  for (let i = 0; i < 20; i++) await bed.deliver([`m${i}`]);
  const id = await bed.begin();
  const others = Array.from({ length: 4 }, () => new Replays(bed.store, bed.kept));
  const delivered: string[][] = [];
  for (let round = 0; round < 12; round++) {
    await Promise.all(others.map((replays) => replays.take(id, { tenantBytesMax: 1e12 })));
    delivered.push(...(await bed.deliverAll()));
  }
  expect(delivered.flat().sort()).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`).sort());
  expect(await bed.replays.find(id)).toMatchObject({ state: 'done', replayed: { batches: 20 } });
  await Promise.all(others.map((replays) => replays.close()));
});

test('whoever dies before a batch has its job leaves it to the sweep, and the next goes on behind it', async () => {
  for (let i = 0; i < 6; i++) await bed.deliver([`m${i}`]);
  const id = await bed.begin();
  const dying = new Replays(new DyingStore(bed.redis, 0), bed.kept);
  await expect(dying.take(id, { tenantBytesMax: 1e12 })).rejects.toThrow('killed');
  const queue = openQueue(bed.redis, 'cloudwatch', 0);
  expect(await queue.getJobs()).toEqual([]);
  await sweepPage(bed.store, queue, { sink: 'cloudwatch', cursor: '0', ageMsMin: -1_000 });
  expect(await queue.getPrioritizedCount()).toBe(4);
  const delivered = await bed.deliverAll();
  delivered.push(...(await bed.runReplay(id)));
  expect(delivered.flat()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  await Promise.all([dying.close(), queue.close()]);
});

test('a replay is about what was kept when it was asked for, and what it delivers is not kept again', async () => {
  await bed.deliver(['before']);
  const id = await bed.begin();
  await bed.deliver(['after']);
  expect(await bed.runReplay(id)).toEqual([['before']]);
  expect(await bed.kept.state(PLACE)).toMatchObject({ batches: 2 });
});

test.each([
  ['delivered', -1, -1, []],
  ['delivered', 0, 0, ['b']],
  ['delivered', -1, 1, ['b']],
  ['delivered', 0, 1_000, ['b', 'c']],
  ['delivered', -1_000, 0, ['a', 'b']],
] as const)('by %s from %d to %d ms names those delivered then', async (by, from, to, named) => {
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) ids.push(await bed.deliver([name]));
  const atMs = Date.now();
  const index = '{lf-0}:keptOf:cloudwatch:acme/cw';
  for (const [i, id] of ids.entries()) await bed.redis.zadd(index, atMs + (i - 1) * 1_000, id);
  const id = await bed.begin({ by, fromMs: atMs + from, toMs: atMs + to });
  expect((await bed.runReplay(id)).flat()).toEqual(named);
  const replay = await bed.replays.find(id);
  expect(replay?.total.batches).toBe(named.length);
});

test.each([
  [-10, -1, []],
  [-1, 0, ['m0', 'm1', 'm2']],
  [2, 2, ['m0', 'm1', 'm2']],
  [3, 9, []],
])(
  'by time from %d to %d ms names whole batches that have a log event of then',
  async (from, to, named) => {
    await bed.deliver(['m0', 'm1', 'm2']);
    const id = await bed.begin({ by: 'time', fromMs: START_MS + from, toMs: START_MS + to });
    expect((await bed.runReplay(id)).flat()).toEqual(named);
  },
);

test('many kept batches are counted and walked through page by page', async () => {
  for (let i = 0; i < 12; i++) await bed.deliver([`m${i}`]);
  const upTo = await bed.kept.latest(PLACE);
  for (const page of [1, 5, 6, 11, 12, 13, 100])
    expect(await bed.kept.count(PLACE, ALL, upTo, page)).toMatchObject({ batches: 12 });
});

test('one destination has one replay at a time', async () => {
  await bed.deliver(['one']);
  const id = await bed.begin();
  const plan = { ...PLACE, ...ALL, isMarked: false, isOrdered: false };
  expect(await bed.replays.begin(plan)).toEqual({ running: id });
  expect(await bed.replays.begin({ ...plan, destinationId: 'other' })).toEqual({
    id: expect.any(String) as string,
  });
  await bed.runReplay(id);
  expect(await bed.replays.begin(plan)).toEqual({ id: expect.any(String) as string });
});

test('one that is cancelled makes nothing more; what it made is delivered', async () => {
  for (let i = 0; i < 6; i++) await bed.deliver([`m${i}`]);
  const id = await bed.begin();
  await bed.take(id);
  expect(await bed.replays.cancel(id)).toBe(true);
  expect(await bed.replays.cancel(id)).toBe(false);
  expect(await bed.take(id)).toEqual({ made: 0, next: 'ended' });
  expect(await bed.deliverAll()).toHaveLength(4);
  expect(await bed.replays.find(id)).toMatchObject({
    state: 'cancelled',
    replayed: { batches: 4, logEvents: 4 },
  });
  expect(await bed.begin()).toBeDefined();
});

test('what was given up before its turn is missing from what was replayed, and nothing else is', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 8; i++) ids.push(await bed.deliver([`m${i}`]));
  const id = await bed.begin();
  await bed.take(id);
  // By hand, with its index left behind, and by the retention.
  await bed.redis.del(`{lf-0}:keptBatch:${ids[5] ?? ''}`);
  await bed.redis.del(keptChunksKey(0, ids[6] ?? ''));
  const delivered = [...(await bed.deliverAll()), ...(await bed.runReplay(id))];
  expect(delivered.flat()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm7']);
  expect(await bed.replays.find(id)).toMatchObject({
    state: 'done',
    total: { batches: 8 },
    replayed: { batches: 6 },
  });
});

test('a tenant whose batches take too much of Redis waits with its replays', async () => {
  await bed.deliver([NOISE]);
  const id = await bed.begin();
  const bytes = await bed.store.tenantBytes('acme');
  expect(await bed.take(id, bytes - 1)).toEqual({ made: 0, next: 'full' });
  expect(await bed.take(id, bytes)).toEqual({ made: 1, next: 'going' });
});

test('a batch that becomes a dead letter is counted, and does not keep the replay from ending', async () => {
  await bed.deliver(['one']);
  const id = await bed.begin();
  await bed.take(id);
  const [batchId = ''] = await bed.waiting();
  await bed.store.deadLetter(batchId, 'cloudwatch.unavailable');
  expect((await bed.take(id)).next).toBe('done');
  expect(await bed.replays.find(id)).toMatchObject({ state: 'done', deadLettered: 1 });
  expect(await bed.store.ledger('acme', 'cw')).toMatchObject({ accepted: 2, deadLettered: 1 });
});

test('what AWS refuses of a replay is rejected per log event, and is not kept when it is redriven', async () => {
  await bed.deliver(['old', 'young']);
  const id = await bed.begin();
  await bed.take(id);
  const [batchId = ''] = await bed.waiting();
  const begun = await bed.store.begin(batchId);
  const payload = await begun?.payload.load();
  if (begun === undefined || payload === undefined) throw new Error('it was begun');
  const code = 'cloudwatch.log_event_too_old';
  await bed.store.settle(begun.batch, {
    rejected: [{ code, batchId: 'refused', slice: payload.slice(0, 1) }],
  });
  const ledger = await bed.store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({ accepted: 4, delivered: 3, rejected: 1, waiting: 0 });
  expect((await bed.store.batch('refused'))?.replay?.id).toBe(id);
});

test('the chunks of an object are replayed as they lie, and it says that it is marked', async () => {
  const place = { ...PLACE, destinationId: 's3', sink: 's3' } as const;
  const kept = await bed.deliver(['one', NOISE], { lane: anS3Lane() });
  const chunks = await bed.redis.lrangeBuffer(keptChunksKey(0, kept), 0, -1);
  const id = await bed.begin({ ...place, isMarked: true });
  expect(await bed.take(id)).toEqual({ made: 1, next: 'going' });
  const [batchId = ''] = await bed.waiting('s3');
  expect(await bed.redis.lrangeBuffer(`{lf-0}:chunks:${batchId}`, 0, -1)).toEqual(chunks);
  expect(await bed.store.batch(batchId)).toMatchObject({
    state: 'sealed',
    firstMs: START_MS,
    replay: { id, isMarked: true },
  });
});

describe('a large object', () => {
  const place = { ...PLACE, destinationId: 's3', sink: 's3' } as const;
  const MIB = 1024 * 1024;
  /** Text that does not shrink much. */
  const parts = (mib: number): string[] =>
    Array.from({ length: mib * 4 }, () => randomBytes((3 * MIB) / 16).toString('base64'));
  const lane = anS3Lane({ limits: { ...anS3Lane().limits, bytesMax: 64 * MIB } });
  const chunksOf = async (key: string): Promise<string[]> => {
    const chunks = await bed.redis.lrangeBuffer(key, 0, -1);
    return chunks.map((chunk) => createHash('sha256').update(chunk).digest('hex'));
  };

  test('is copied bit by bit, by whoever comes, and is a batch when it is whole', async () => {
    const kept = await bed.deliver(parts(14), { lane });
    const id = await bed.begin(place);
    const step = () => bed.redis.eval(takeScript, 1, '{lf-0}', id, 'next', 1e9, 1e12, 500);
    expect(await step()).toEqual(['copying', []]);
    expect(await bed.waiting('s3')).toEqual([]);
    expect(await bed.store.ledger('acme', 's3')).toMatchObject({ accepted: 56, waiting: 0 });
    // Whoever was at it died here; two go on at once.
    await Promise.all([bed.take(id), bed.take(id)]);
    const [batchId = '', ...others] = await bed.waiting('s3');
    expect(others).toEqual([]);
    const key = `{lf-0}:chunks:${batchId}`;
    expect(await chunksOf(key)).toEqual(await chunksOf(keptChunksKey(0, kept)));
    expect(await bed.store.ledger('acme', 's3')).toMatchObject({ accepted: 112, waiting: 56 });
  });

  test('that is given up while it is copied leaves nothing behind, and the next is copied whole', async () => {
    const first = await bed.deliver(parts(9), { lane });
    const second = await bed.deliver(parts(6), { lane });
    const id = await bed.begin(place);
    const step = () => bed.redis.eval(takeScript, 1, '{lf-0}', id, 'next', 1e9, 1e12, 500);
    expect(await step()).toEqual(['copying', []]);
    await bed.redis.unlink(keptChunksKey(0, first));
    await bed.take(id);
    const [batchId = '', ...others] = await bed.waiting('s3');
    expect(others).toEqual([]);
    const key = `{lf-0}:chunks:${batchId}`;
    expect(await chunksOf(key)).toEqual(await chunksOf(keptChunksKey(0, second)));
    await bed.settle(batchId);
    expect((await bed.take(id)).next).toBe('done');
    expect(await bed.redis.keys('*replayChunks*')).toEqual([]);
  });

  test('that is being copied when its replay is cancelled leaves nothing behind', async () => {
    await bed.deliver(parts(9), { lane });
    const id = await bed.begin(place);
    await bed.redis.eval(takeScript, 1, '{lf-0}', id, 'next', 1e9, 1e12, 500);
    expect(await bed.redis.keys('*replayChunks*')).toHaveLength(1);
    await bed.replays.cancel(id);
    expect(await bed.redis.keys('*replayChunks*')).toEqual([]);
  });
});

describe('marks', () => {
  const lane = aCloudWatchLane({ format: 'event' });
  const keep = { isEvent: true };

  test('stand in whole log events, behind their time', async () => {
    await bed.deliver(['a "quoted" one', 'two'], { lane, keep });
    const id = await bed.begin({ isMarked: true });
    const [messages = []] = await bed.runReplay(id);
    const time = (ms: number) => new Date(START_MS + ms).toISOString();
    expect(messages).toEqual([
      `{"time":"${time(0)}","replay":"${id}","type":"deployment","message":"a \"quoted\" one"}`.replaceAll(
        '"quoted"',
        '\\"quoted\\"',
      ),
      `{"time":"${time(1)}","replay":"${id}","type":"deployment","message":"two"}`,
    ]);
    expect(messages.map((message) => JSON.parse(message) as object)).toMatchObject([
      { replay: id, message: 'a "quoted" one' },
      { replay: id, message: 'two' },
    ]);
    expect(await bed.store.ledger('acme', 'cw')).toMatchObject({ accepted: 4, delivered: 4 });
  });

  test("stand in no message that is the sender's own, whatever it looks like", async () => {
    const own = `{"time":"${new Date(START_MS).toISOString()}","type":"mine"}`;
    await bed.deliver([own]);
    await bed.deliver(['{"time":"yesterday"}'], { lane, keep });
    const id = await bed.begin({ isMarked: true });
    const [first = [], second = []] = await bed.runReplay(id);
    expect(first).toEqual([own]);
    expect(second[0]).toContain(`"replay":"${id}"`);
    expect(second[0]).toContain('yesterday');
  });

  test('divide a full batch that has no room for them, and each log event is in one of its parts', async () => {
    const messages = Array.from({ length: 8_000 }, (_, i) => `${i} ${'x'.repeat(30)}`);
    await bed.deliver(messages, { lane, keep });
    const id = await bed.begin({ isMarked: true });
    expect((await bed.take(id)).made).toBeGreaterThan(1);
    const delivered = await bed.deliverAll();
    const read = delivered.flat().map((text) => JSON.parse(text) as { message: string });
    expect(read.map(({ message }) => message).sort()).toEqual([...messages].sort());
    for (const part of delivered) {
      const bytes = part.reduce((sum, message) => sum + Buffer.byteLength(message) + 26, 0);
      expect(bytes).toBeLessThanOrEqual(1_048_576);
    }
    await bed.take(id);
    expect(await bed.replays.find(id)).toMatchObject({
      state: 'done',
      replayed: { batches: 1, logEvents: 8_000 },
    });
  });

  test('are left out of a batch that cannot be read: it is replayed as it lies, and the rest behind it', async () => {
    const damaged = await bed.deliver([NOISE], { lane, keep });
    await bed.deliver(['two'], { lane, keep });
    await bed.redis.lset(keptChunksKey(0, damaged), 0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2]));
    const id = await bed.begin({ isMarked: true });
    expect(await bed.take(id)).toEqual({ made: 2, next: 'going' });
    const [first = '', second = ''] = await bed.waiting();
    await expect((await bed.store.begin(first))?.payload.load()).rejects.toThrow('unpacked');
    await bed.store.deadLetter(first, 'batch.unreadable');
    await bed.settle(second);
    expect((await bed.take(id)).next).toBe('done');
    const ledger = await bed.store.ledger('acme', 'cw');
    expect(ledger).toMatchObject({ accepted: 4, delivered: 3, deadLettered: 1, waiting: 0 });
    expect(await bed.replays.find(id)).toMatchObject({ replayed: { batches: 2, logEvents: 2 } });
  });

  test('are left out of a log event that would become too large with them', () => {
    const text = (chars: number) =>
      `{"timestamp":${START_MS},"message":"{\\"time\\":\\"${new Date(START_MS).toISOString()}\\",\\"message\\":\\"${'x'.repeat(chars)}\\"}"}`;
    const mark = ',\\"replay\\":\\"r1\\"'.length;
    const room = 1_048_576 - text(0).length - mark;
    for (const [chars, isMarked] of [
      [room - 1, true],
      [room, true],
      [room + 1, false],
    ] as const) {
      const [run, ...others] = markReplayed([Buffer.from(text(chars))], 'r1');
      expect(others).toEqual([]);
      expect(run?.text.includes('replay')).toBe(isMarked);
      expect(run?.logEvents).toBe(1);
    }
  });
});

test('replays of a destination are remembered, the latest first, and the oldest forgotten', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 52; i++) {
    const id = await bed.begin();
    await bed.take(id);
    ids.push(id);
    await bed.redis.zadd('{lf-0}:replaysOf:acme/cw', i, id);
  }
  const listed = await bed.replays.list(PLACE, 100);
  expect(listed.map(({ id }) => id)).toEqual(ids.slice(2).reverse());
  expect(await bed.replays.list({ ...PLACE, tenantId: 'globex' }, 100)).toEqual([]);
  expect(await bed.replays.find(ids[0] ?? '')).toBeUndefined();
  expect(await bed.redis.pttl(`{lf-0}:replay:${ids[51] ?? ''}`)).toBeGreaterThan(80 * 86_400_000);
});

test('in a Redis Cluster all of it is in one slot', async () => {
  const cluster = await startRedisCluster();
  const there = new ReplayTestbed();
  try {
    await there.start(cluster);
    await there.deliver(['one']);
    await there.deliver(['two'], {
      lane: aCloudWatchLane({ format: 'event' }),
      keep: { isEvent: true },
    });
    const id = await there.begin({ isMarked: true });
    expect(await there.runReplay(id)).toHaveLength(2);
    expect(await there.replays.list(PLACE, 10)).toMatchObject([{ state: 'done' }]);
    const kept = new KeptBatches(there.store);
    expect(
      await kept.expire(PLACE, { forMs: 0, bytesMax: 0, tenantBytesMax: 0 }, 10),
    ).toMatchObject({ byAge: 2 });
    expect(imbalance(await there.store.totals())).toBe(0);
  } finally {
    await there.stop();
    await cluster.stop();
  }
}, 60_000);
