// Each step of the protocol by itself, with CloudWatch's real limits, against a real Redis.
import { Destination, laneFinder, type Lane } from '@logferry/core';
import {
  aCloudWatchLane,
  aLogEvent,
  anS3Lane,
  startRedis,
  type TestRedis,
} from '@logferry/testing';
import { BatchStore, type Section } from './batch-store';
import { buildChunks, type Chunk } from './chunk';
import { packChunk } from './chunk-codec';
import { encodeFragment } from './fragment';
import { newBatchId } from './producer';
import { patientRedis, type RedisClient } from './redis-connection';

let server: TestRedis;
let redis: RedisClient;
let store: BatchStore;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  redis = patientRedis(server);
  store = new BatchStore(redis, 0);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await redis.flushall();
});

const lane = aCloudWatchLane();
const START_MS = Date.UTC(2026, 10, 21);

function chunk(bytes: number, logEvents = 1, [firstMs, lastMs] = [START_MS, START_MS]): Chunk {
  const event = `{"timestamp":${firstMs},"message":"x"}`;
  return {
    bytes,
    logEvents,
    firstMs,
    lastMs,
    payload: packChunk(Array.from({ length: logEvents }, () => event).join(',\n')),
  };
}

async function append(chunks: Chunk[], to: Lane = lane) {
  const { changes } = await store.append({
    id: newBatchId(),
    sections: [{ lanes: [{ lane: to, chunks }], filteredByTenant: new Map() }],
  });
  return changes;
}

const opened = (changes: Awaited<ReturnType<typeof append>>) =>
  changes.filter(({ change }) => change === 'opened').map(({ batchId }) => batchId);

test.each([
  ['bytes', -1, 1],
  ['bytes', 0, 1],
  ['bytes', 1, 2],
  ['log events', -1, 1],
  ['log events', 0, 1],
  ['log events', 1, 2],
  ['span', -1, 1],
  ['span', 0, 1],
  ['span', 1, 2],
])(
  'a batch that comes to the limit of %s plus %d takes %d batches',
  async (limit, over, batches) => {
    const chunksByLimit: Record<string, [Chunk, Chunk]> = {
      bytes: [chunk(1_000_000), chunk(48_576 + over)],
      'log events': [chunk(100, 9_999), chunk(100, 1 + over)],
      span: [
        chunk(100),
        chunk(100, 1, [START_MS + 86_400_000 + over, START_MS + 86_400_000 + over]),
      ],
    };
    const [first, second] = chunksByLimit[limit] ?? [chunk(1), chunk(1)];
    // A chunk of no log events is no chunk: one below the limit means that the second is not there at all.
    const changes = await append(second.logEvents === 0 ? [first] : [first, second]);
    expect(opened(changes)).toHaveLength(batches);
    expect(changes.filter(({ change }) => change === 'sealed')).toHaveLength(batches - 1);
  },
);

test.each([
  [1, 1, 1],
  [1, 2, 2],
  [100, 99, 1],
  [100, 100, 1],
  [100, 101, 2],
  [10_000, 9_999, 1],
  [10_000, 10_000, 1],
  [10_000, 10_001, 2],
  [undefined, 10_000, 1],
  [undefined, 10_001, 2],
])(
  'of a destination that wants %p log events in a call, %d are %d batches',
  async (batchLogEventsMax, logEvents, batches) => {
    const destination = Destination.parse({
      id: 'cw',
      type: 'cloudwatch',
      region: 'eu-central-1',
      credentials: { kind: 'web_identity', roleArn: 'arn:aws:iam::123456789012:role/logferry' },
      cloudwatch: { logGroup: 'g', logStream: 's', batchLogEventsMax },
    });
    const to = laneFinder('acme', destination)(aLogEvent());
    const changes = await append(
      buildChunks(
        to,
        Array.from({ length: logEvents }, () => encodeFragment(to, aLogEvent({ message: 'm' }))),
      ),
      to,
    );
    expect(opened(changes)).toHaveLength(batches);
  },
);

test('a chunk that alone passes a limit is a bug, and changes nothing', async () => {
  await expect(append([chunk(10), chunk(1_048_577)])).rejects.toThrow('limits of its lane');
  await expect(append([chunk(10), chunk(10, 10_001)])).rejects.toThrow('limits of its lane');
  expect(await redis.keys('*')).toEqual([]);
});

test('appends fill the open batch until it is begun, then a new one', async () => {
  const [batchId = ''] = opened(await append([chunk(10)]));
  expect(opened(await append([chunk(20)]))).toEqual([]);
  const begun = await store.begin(batchId);
  expect(begun?.batch).toMatchObject({
    logEvents: 2,
    bytes: 30,
    state: 'sealed',
    begun: 1,
    tenantId: 'acme',
  });
  const [next] = opened(await append([chunk(40)]));
  expect(next).toBeDefined();
  expect(next).not.toBe(batchId);
});

describe('what is to be accepted once', () => {
  const once = { token: 'retry-1', fingerprint: 'f', windowMs: 60_000 };
  const section = (over: Partial<Section> = {}): Section => ({
    once,
    lanes: [{ lane, chunks: [chunk(10, 2)] }],
    filteredByTenant: new Map([['acme', 1]]),
    ...over,
  });
  const flush = (...sections: Section[]) => store.append({ id: newBatchId(), sections });

  test('is added at the first time and not again, however often and by whomever it is repeated', async () => {
    await Promise.all(Array.from({ length: 5 }, () => flush(section())));
    const { changes, conflicts } = await flush(section(), section());
    expect([changes, conflicts]).toEqual([[], new Set()]);
    expect(await store.ledger('acme', 'cw')).toMatchObject({ accepted: 2, waiting: 2 });
    expect(await store.filtered('acme')).toBe(1);
  });

  test('with another fingerprint is a conflict, of which nothing is added', async () => {
    await flush(section());
    const other = { ...once, fingerprint: 'g' };
    const { changes, conflicts } = await flush(section({ once: other }));
    expect([changes, conflicts]).toEqual([[], new Set([0])]);
    expect(await store.ledger('acme', 'cw')).toMatchObject({ accepted: 2, waiting: 2 });
  });

  test('does not keep out what was committed together with it', async () => {
    await flush(section());
    const other = anS3Lane();
    const lanes = [
      { lane: other, chunks: buildChunks(other, [encodeFragment(other, aLogEvent())]) },
    ];
    const { changes, conflicts } = await flush(
      section({ once: undefined }),
      section(),
      section({ once: { ...once, fingerprint: 'g' } }),
      section({ once: undefined, lanes, filteredByTenant: new Map() }),
    );
    expect(changes.map((change) => change.lane)).toEqual([other]);
    expect(conflicts).toEqual(new Set([2]));
    expect(await store.totals()).toMatchObject({ accepted: 5, waiting: 5 });
  });

  test('is forgotten when its window is over', async () => {
    await flush(section());
    const ttlMs = await redis.pttl('{lf-0}:request:retry-1');
    expect(ttlMs).toBeGreaterThan(50_000);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
  });
});

describe('log events that their destination takes once', () => {
  const mark = (digest: string, windowMs = 60_000) => ({ digest, windowMs });
  const section = (over: Partial<Section> = {}): Section => ({
    lanes: [{ lane, chunks: [chunk(10, 2)] }],
    filteredByTenant: new Map([['acme', 1]]),
    ...over,
  });
  const flush = (...sections: Section[]) => store.append({ id: newBatchId(), sections });
  const accepted = async () => (await store.ledger('acme', 'cw')).accepted;

  test('keep their section out whole when one of them was there, and are told by their place', async () => {
    const marks = [mark('a'), mark('b', 1_000), mark('c')];
    expect((await flush(section({ marks }))).duplicates).toEqual(new Map());
    const again = [mark('x'), mark('c', 7), mark('y'), mark('a')];
    const { duplicates, changes } = await flush(section(), section({ marks: again }), section());
    expect(duplicates).toEqual(new Map([[1, [1, 3]]]));
    expect(changes).toEqual([]);
    expect(await accepted()).toBe(6);
    expect(await store.filtered('acme')).toBe(3);
    expect((await flush(section({ marks: [mark('x'), mark('y')] }))).duplicates).toEqual(new Map());
  });

  test('are told apart within one flush as well', async () => {
    const { duplicates } = await flush(
      section({ marks: [mark('a')] }),
      section({ marks: [mark('b'), mark('a')] }),
    );
    expect(duplicates).toEqual(new Map([[1, [1]]]));
    expect(await accepted()).toBe(2);
  });

  test('are forgotten when their own window is over', async () => {
    await flush(section({ marks: [mark('short', 5_000), mark('long')] }));
    expect(await redis.pttl('{lf-0}:seen:short')).toBeLessThanOrEqual(5_000);
    expect(await redis.pttl('{lf-0}:seen:long')).toBeGreaterThan(5_000);
  });

  test('leave the token of a request unused that is to be tried again without them', async () => {
    await flush(section({ marks: [mark('a')] }));
    const once = { token: 't', fingerprint: 'f', windowMs: 60_000 };
    const first = await flush(section({ once, marks: [mark('a'), mark('b')] }));
    expect([first.duplicates, first.repeated]).toEqual([new Map([[0, [0]]]), new Map()]);
    const second = await flush(section({ once, marks: [mark('b')], duplicates: 1 }));
    expect([second.duplicates, second.repeated]).toEqual([new Map(), new Map()]);
    const third = await flush(section({ once, marks: [mark('a'), mark('b')] }));
    expect([third.duplicates, third.repeated]).toEqual([new Map(), new Map([[0, 1]])]);
    expect(await accepted()).toBe(4);
  });
});

test('one flush serves many lanes and counts what nobody wanted', async () => {
  const other = anS3Lane();
  const { changes } = await store.append({
    id: newBatchId(),
    sections: [
      {
        lanes: [
          { lane, chunks: [chunk(10)] },
          { lane: other, chunks: buildChunks(other, [encodeFragment(other, aLogEvent())]) },
        ],
        filteredByTenant: new Map([
          ['acme', 3],
          ['globex', 1],
        ]),
      },
    ],
  });
  expect(changes.map((change) => change.lane)).toEqual([lane, other]);
  expect(changes.map((change) => change.tenantBatches)).toEqual([1, 2]);
  expect(await store.filtered('acme')).toBe(3);
  expect(await store.ledger('acme', 'cw')).toMatchObject({ accepted: 1, waiting: 1 });
  expect(await store.ledger('acme', 's3')).toMatchObject({ accepted: 1, waiting: 1 });
});

test('a batch is settled once, however often it is tried', async () => {
  const [batchId = ''] = opened(await append([chunk(10, 3)]));
  await store.begin(batchId);
  expect(await store.settle({ id: batchId, logEvents: 3 }, { rejected: [] })).toEqual({
    lifted: false,
    following: undefined,
    madeRoom: 0,
  });
  expect(await store.settle({ id: batchId, logEvents: 3 }, { rejected: [] })).toBeUndefined();
  expect(await store.ledger('acme', 'cw')).toMatchObject({ accepted: 3, delivered: 3, waiting: 0 });
  expect(await store.begin(batchId)).toBeUndefined();
});

test('settling another number of log events than a batch has is a bug, and changes nothing', async () => {
  const [batchId = ''] = opened(await append([chunk(10, 3)]));
  await expect(store.settle({ id: batchId, logEvents: 3 }, { rejected: [] })).rejects.toThrow(
    'never begun',
  );
  await store.begin(batchId);
  await expect(store.settle({ id: batchId, logEvents: 4 }, { rejected: [] })).rejects.toThrow(
    'ASSERT',
  );
  expect(await store.ledger('acme', 'cw')).toMatchObject({ delivered: 0, waiting: 3 });
});

test('refused log events are kept with their reason, parked once, and redriven the next time', async () => {
  const [batchId = ''] = opened(await append([chunk(10, 3)]));
  const begun = await store.begin(batchId);
  if (begun === undefined || begun.verdict !== 'go') throw new Error('expected a batch to deliver');
  const refused = newBatchId();
  const code = 'cloudwatch.log_event_too_old';
  await store.settle(begun.batch, {
    rejected: [{ code, batchId: refused, slice: (await begun.payload.load()).slice(0, 2) }],
  });
  const ledger = await store.ledger('acme', 'cw');
  expect(ledger).toMatchObject({
    delivered: 1,
    rejected: 2,
    rejectedBy: { [code]: 2 },
    discarded: 0,
    discardedBy: {},
    waiting: 0,
  });

  expect(await store.begin(refused)).toMatchObject({
    verdict: 'park',
    batch: { state: 'refused', reason: code },
  });
  expect(await store.ledger('acme', 'cw')).toMatchObject({ rejected: 2, waiting: 0 });
  expect(await store.begin(refused)).toMatchObject({
    verdict: 'go',
    batch: { logEvents: 2, reason: undefined },
  });
  expect(await store.ledger('acme', 'cw')).toMatchObject({
    rejected: 0,
    rejectedBy: {},
    discarded: 0,
    discardedBy: {},
    waiting: 2,
  });
});

test('a dead letter keeps its payload, and beginning it again takes it back', async () => {
  const [batchId = ''] = opened(await append([chunk(10, 3)]));
  await store.begin(batchId);
  expect(await store.deadLetter(batchId, 's3.unavailable')).toBe(true);
  expect(await store.deadLetter(batchId, 's3.unavailable')).toBe(false);
  expect(await store.ledger('acme', 'cw')).toMatchObject({ deadLettered: 3, waiting: 0 });
  expect(await store.peek(batchId)).toMatchObject({
    batch: { state: 'dead', reason: 's3.unavailable' },
  });
  expect(await store.begin(batchId)).toMatchObject({
    verdict: 'go',
    batch: { logEvents: 3, begun: 2 },
  });
  expect(await store.ledger('acme', 'cw')).toMatchObject({ deadLettered: 0, waiting: 3 });
});

test('a settled destination leaves nothing behind but its counters', async () => {
  const [batchId = ''] = opened(await append([chunk(10)]));
  await store.begin(batchId);
  await store.settle({ id: batchId, logEvents: 1 }, { rejected: [] });
  expect((await redis.keys('*')).sort()).toEqual([
    '{lf-0}:ledger:acme/cw',
    '{lf-0}:tenant:acme',
    '{lf-0}:totals',
  ]);
});

test('a batch that was deleted by hand does not stop its lane', async () => {
  const [batchId = ''] = opened(await append([chunk(10)]));
  await redis.del(`{lf-0}:batch:${batchId}`);
  expect(opened(await append([chunk(10)]))).toHaveLength(1);
});

test('when memory is full an append is refused whole, and a settle goes through', async () => {
  const [batchId = ''] = opened(await append([chunk(10)]));
  await store.begin(batchId);
  await redis.config('SET', 'maxmemory', '1mb');
  try {
    await expect(append([chunk(10), chunk(20)])).rejects.toThrow('OOM');
    expect(await store.settle({ id: batchId, logEvents: 1 }, { rejected: [] })).toBeDefined();
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
  expect(await store.totals()).toMatchObject({ accepted: 1, delivered: 1, waiting: 0 });
});
