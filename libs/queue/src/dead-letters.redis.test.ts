// Dead letters over two shards: found by what they are and read, whatever comes and goes meanwhile.
import { aCloudWatchLane, anS3Lane, startRedisCluster } from '@logferry/testing';
import { deadLetterState, expireDeadLetters } from './dead-letter-retention';
import type { DeadLetterFilter } from './dead-letter-store';
import {
  cloudWatchLane,
  DeadLetterTestbed,
  destinationIn,
  textOf,
  useDeadLetterTestbed,
} from './dead-letters.testbed';
import { chunksKey } from './keys';

const KEEP_ALL = { retentionMs: 86_400_000, tenantBytesMax: 0 };
const bed = useDeadLetterTestbed();

test('dead letters are found by tenant, destination, sink, reason and time, and by all of them', async () => {
  const [first, second] = [destinationIn(0), destinationIn(1)];
  const s3 = anS3Lane({ id: 's3', destinationId: 's3' });
  const a = await bed.makeDeadLetter(cloudWatchLane('acme', first));
  const b = await bed.makeDeadLetter(cloudWatchLane('acme', second), 'network.unreachable');
  const c = await bed.makeDeadLetter(cloudWatchLane('globex', first));
  const d = await bed.makeDeadLetter(s3, 's3.unavailable');
  const cases: [DeadLetterFilter, string[]][] = [
    [{}, [d, c, b, a]],
    [{ tenantId: 'acme' }, [d, b, a]],
    [{ tenantId: 'acme', destinationId: first }, [a]],
    [{ destinationId: first }, [c, a]],
    [{ sink: 's3' }, [d]],
    [{ reason: 'cloudwatch.unavailable' }, [c, a]],
    [{ tenantId: 'globex', destinationId: first, reason: 'cloudwatch.unavailable' }, [c]],
    [{ tenantId: 'acme', destinationId: first, reason: 'network.unreachable' }, []],
    [{ tenantId: 'nobody' }, []],
    [{ fromMs: (await bed.found(c)).deadAt, toMs: (await bed.found(c)).deadAt }, [c]],
    [{ tenantId: 'acme', fromMs: (await bed.found(b)).deadAt }, [d, b]],
  ];
  for (const [filter, ids] of cases) {
    expect({ filter, ids: await bed.listed(filter) }).toEqual({ filter, ids });
    expect(await bed.listed(filter, 'oldest')).toEqual([...ids].reverse());
    expect(await bed.deadLetters.count(filter)).toMatchObject({
      batches: ids.length,
      logEvents: 2 * ids.length,
    });
  }
});

test('pages neither repeat nor leave out a dead letter while new ones come and others go', async () => {
  const lanes = [
    cloudWatchLane('acme', destinationIn(0)),
    cloudWatchLane('acme', destinationIn(1)),
  ];
  const ids: string[] = [];
  for (let i = 0; i < 20; i++)
    ids.unshift(await bed.makeDeadLetter(lanes[i % 2] ?? aCloudWatchLane()));
  const seen: string[] = [];
  let after;
  do {
    const page = await bed.deadLetters.page({ filter: {}, order: 'newest', after, limit: 4 });
    seen.push(...page.rows.map(({ id }) => id));
    await bed.makeDeadLetter(lanes[0] ?? aCloudWatchLane());
    // What was seen may go, even the one that the place is named after.
    await bed.deadLetters.discard(await bed.found(seen.at(-1) ?? ''));
    after = page.next;
  } while (after !== undefined);
  expect(seen).toEqual(ids);
});

test('of dead letters of one millisecond none is lost between pages', async () => {
  const lanes = [
    cloudWatchLane('acme', destinationIn(0)),
    cloudWatchLane('acme', destinationIn(1)),
  ];
  const ids: string[] = [];
  for (let i = 0; i < 12; i++)
    ids.push(await bed.makeDeadLetter(lanes[i % 2] ?? aCloudWatchLane()));
  for (const shard of [0, 1]) {
    const members = await bed.redis.zrange(`{lf-${shard}}:dead`, '0', '-1');
    for (const id of members) await bed.redis.zadd(`{lf-${shard}}:dead`, 1_000, id);
  }
  const inOrder = [...ids].sort((a, b) => (a < b ? -1 : 1));
  for (const limit of [1, 2, 5, 12, 100]) {
    expect(await bed.listed({}, 'oldest', limit)).toEqual(inOrder);
    expect(await bed.listed({}, 'newest', limit)).toEqual([...inOrder].reverse());
  }
});

test('a filter that matches one in thousands is answered in bounded steps, and completely', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const wanted = await bed.makeDeadLetter(lane, 'network.unreachable');
  const [batch, times] = [
    await bed.redis.hgetall(`{lf-0}:batch:${await bed.makeDeadLetter(lane)}`),
    2_500,
  ];
  const pipeline = bed.redis.pipeline();
  for (let i = 0; i < times; i++) {
    pipeline.hset(`{lf-0}:batch:x${i}`, batch);
    pipeline.zadd('{lf-0}:dead', Date.now() + 1_000 + i, `x${i}`);
  }
  await pipeline.exec();
  const page = await bed.deadLetters.page({
    filter: { reason: 'network.unreachable' },
    order: 'newest',
    limit: 10,
  });
  expect(page.rows).toEqual([]);
  expect(page.next).toBeDefined();
  expect(await bed.listed({ reason: 'network.unreachable' })).toEqual([wanted]);
  expect((await bed.deadLetters.count({})).batches).toBe(times + 2);
});

test('log events are read as lines of JSON, of one dead letter or of all with whose they are', async () => {
  const cw = await bed.makeDeadLetter(
    cloudWatchLane('acme', destinationIn(0)),
    'network.unreachable',
    ['a "quoted", thing', '{"json":[1,2]}'],
  );
  const s3 = await bed.makeDeadLetter(
    anS3Lane({ id: 's3', destinationId: destinationIn(1) }),
    's3.unavailable',
    ['ferry'],
  );
  const parse = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  expect(parse(await textOf(bed.deadLetters.lines(await bed.found(cw))))).toEqual([
    { time: '2026-11-21T00:00:00.000Z', message: 'a "quoted", thing' },
    { time: '2026-11-21T00:00:00.001Z', message: '{"json":[1,2]}' },
  ]);
  expect(parse(await textOf(bed.deadLetters.linesOfAll({})))).toEqual([
    expect.objectContaining({
      deadLetter: cw,
      tenant: 'acme',
      destination: destinationIn(0),
      reason: 'network.unreachable',
      message: 'a "quoted", thing',
    }),
    expect.objectContaining({ deadLetter: cw, message: '{"json":[1,2]}' }),
    {
      deadLetter: s3,
      tenant: 'acme',
      destination: destinationIn(1),
      reason: 's3.unavailable',
      time: '2026-11-21T00:00:00.000Z',
      type: 'deployment',
      message: 'ferry',
    },
  ]);
});

test('what cannot be read is said in a line of its own, and the rest is there', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const broken = await bed.makeDeadLetter(lane, 'batch.unreadable', ['x'.repeat(5_000)]);
  await bed.redis.lset(chunksKey(0, broken), 0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]));
  const fine = await bed.makeDeadLetter(lane, 'cloudwatch.unavailable', ['fine']);
  const text = await textOf(bed.deadLetters.linesOfAll({}));
  const [first, second] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(first).toMatchObject({ deadLetter: broken });
  expect(JSON.stringify(first)).toContain('1 log events cannot be read');
  expect(second).toMatchObject({ deadLetter: fine, message: 'fine' });
});

test('groups tell how many dead letters each destination has for each reason, and since when', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const oldest = await bed.makeDeadLetter(lane);
  await bed.makeDeadLetter(lane);
  await bed.makeDeadLetter(cloudWatchLane('globex', 'd0'), 'network.unreachable', [
    'x',
    'y',
    'z',
    'zz',
    'zzz',
  ]);
  expect(await bed.deadLetters.groups(10)).toEqual([
    expect.objectContaining({ tenantId: 'globex', destinationId: 'd0', logEvents: 5, batches: 1 }),
    {
      tenantId: 'acme',
      destinationId: lane.destinationId,
      reason: 'cloudwatch.unavailable',
      batches: 2,
      logEvents: 4,
      oldestAt: (await bed.found(oldest)).deadAt,
    },
  ]);
  expect(await bed.deadLetters.groups(1)).toHaveLength(1);
});

test.each(['nothing', '', '*', '{lf-0}', 'x'.repeat(128)])(
  'there is no dead letter %j',
  async (id) => {
    await bed.makeDeadLetter(cloudWatchLane('acme', destinationIn(0)));
    expect(await bed.deadLetters.find(id)).toBeUndefined();
  },
);

test('on a Redis Cluster the dead letters of all shards are found, redriven, expired and discarded', async () => {
  const onCluster = new DeadLetterTestbed();
  await onCluster.start(await startRedisCluster());
  const { deadLetters } = onCluster;
  try {
    const ids: string[] = [];
    for (const i of [0, 1, 0, 1])
      ids.push(await onCluster.makeDeadLetter(cloudWatchLane('acme', destinationIn(i))));
    expect(await onCluster.listed({ tenantId: 'acme' }, 'oldest')).toEqual(ids);
    const walk = { untilMs: (await deadLetters.nowMs()) + 1_000, deadlineMs: Date.now() + 10_000 };
    const { tally } = await deadLetters.redriveAll(
      { toMs: (await onCluster.found(ids[0] ?? '')).deadAt },
      walk,
    );
    expect(tally.redriven).toBe(1);
    const told: number[] = [];
    const observer = {
      expired: ({ batches }: { batches: number }) => void told.push(batches),
      expiring: () => undefined,
      error: () => undefined,
    };
    expect((await deadLetterState(deadLetters, KEEP_ALL)).batches).toBe(4);
    expect(await deadLetters.discard(await onCluster.found(ids[0] ?? ''))).toBe(true);
    await expireDeadLetters(deadLetters, { ...KEEP_ALL, retentionMs: 0 }, observer);
    expect(told).toEqual([1, 2]);
    expect(await deadLetters.count({})).toMatchObject({ batches: 0 });
    const totals = await Promise.all(onCluster.stores.map((store) => store.totals()));
    expect(totals.map(({ discarded }) => discarded)).toEqual([4, 4]);
  } finally {
    await onCluster.stop();
  }
}, 30_000);
