// Producers and consumers together, on real BullMQ queues: what becomes of a batch for each way a delivery can end.
import { Failure, imbalance, type FailureCode, type Lane, type Ledger } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, startRedis, until, type TestRedis } from '@logferry/testing';
import type { Job, Queue } from 'bullmq';
import { BatchStore, type Batch } from './batch-store';
import { openQueue } from './catalog';
import { buildChunks } from './chunk';
import { BatchConsumer, type Deliver, type DeliveryOutcome } from './consumer';
import { encodeFragment } from './fragment';
import { chunksKey, jobKey } from './keys';
import { BatchProducer } from './producer';
import { failFastRedis, patientRedis, type RedisClient } from './redis-connection';

let server: TestRedis;
let producerRedis: RedisClient;
let workerRedis: RedisClient;
let store: BatchStore;
let producer: BatchProducer;
let queue: Queue;
let consumer: BatchConsumer | undefined;

beforeAll(async () => {
  server = await startRedis({ settings: { appendonly: 'no' } });
  producerRedis = failFastRedis(server);
  workerRedis = patientRedis(server);
  store = new BatchStore(producerRedis, 0);
  await until(() => producerRedis.status === 'ready');
});

beforeEach(async () => {
  await workerRedis.flushall();
  producer = new BatchProducer(producerRedis, store, { groupCommitMs: 1, onEnqueueError: raise });
  queue = openQueue(workerRedis, 'cloudwatch', 0);
});

afterEach(async () => {
  await consumer?.close(1_000);
  consumer = undefined;
  await producer.close();
  await queue.close();
});

afterAll(async () => {
  producerRedis.disconnect();
  workerRedis.disconnect();
  await server.stop();
});

function raise(error: unknown): never {
  throw error;
}

interface Seen {
  delivered: string[];
  failures: [FailureCode, string][];
}

function consume(deliver: Deliver, concurrency = 4): Seen {
  const seen: Seen = { delivered: [], failures: [] };
  consumer = new BatchConsumer(workerRedis, new BatchStore(workerRedis, 0), deliver, {
    sink: 'cloudwatch',
    concurrency,
    attemptsMax: 2,
    observer: {
      delivered: (batch) => void seen.delivered.push(batch.id),
      failed: (_, { code }, next) => void seen.failures.push([code, next]),
      error: raise,
    },
  });
  return seen;
}

/** A consumer whose observer only keeps what it is told of faults. */
function consumeTelling(deliver: Deliver, batches = new BatchStore(workerRedis, 0)): unknown[] {
  const told: unknown[] = [];
  consumer = new BatchConsumer(workerRedis, batches, deliver, {
    sink: 'cloudwatch',
    concurrency: 1,
    attemptsMax: 2,
    observer: {
      delivered: () => undefined,
      failed: () => undefined,
      error: (error) => told.push(error),
    },
  });
  return told;
}

const allDelivered: DeliveryOutcome = { rejected: [] };

async function send(count: number, lane: Lane = quick): Promise<void> {
  const fragments = Array.from({ length: count }, (_, i) =>
    encodeFragment(lane, aLogEvent({ timeMs: Date.UTC(2026, 10, 21) + i, message: `m${i}` })),
  );
  await producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    count,
  );
}

const quick = aCloudWatchLane({ lingerMs: 0 });
const ledger = (): Promise<Ledger> => store.ledger('acme', 'cw');

/** Waits until the ledger shows these counts, and checks that it balances. */
async function ledgerShows(want: Partial<Omit<Ledger, 'rejectedBy'>>): Promise<void> {
  const names = Object.keys(want) as (keyof typeof want)[];
  const shows = async (): Promise<boolean> => {
    const found = await ledger();
    expect(imbalance(found)).toBe(0);
    return names.every((name) => found[name] === want[name]);
  };
  await until(shows, { what: `the ledger shows ${JSON.stringify(want)}`, timeoutMs: 15_000 });
}

async function failedJobs(count: number): Promise<Job[]> {
  return until(async () => {
    const failed = await queue.getFailed();
    return failed.length === count && failed;
  });
}

test('what is appended is delivered, payload and all, and its job completes', async () => {
  const bodies: string[] = [];
  const seen = consume((_, payload) => {
    bodies.push(payload.body('[', ']').toString());
    return Promise.resolve(allDelivered);
  });
  await send(3);
  await ledgerShows({ accepted: 3, delivered: 3, waiting: 0 });
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject([
    { message: 'm0' },
    { message: 'm1' },
    { message: 'm2' },
  ]);
  await until(async () => (await queue.getCompletedCount()) === 1);
  expect(seen.failures).toEqual([]);
});

test('a batch waits for its linger, unless it fills before', async () => {
  const lane = aCloudWatchLane({
    lingerMs: 60_000,
    limits: { ...quick.limits, logEventsMax: 10 },
  });
  const sizes: number[] = [];
  consume((batch) => {
    sizes.push(batch.logEvents);
    return Promise.resolve(allDelivered);
  });
  await send(10, lane);
  await send(1, lane);
  await ledgerShows({ accepted: 11, delivered: 10, waiting: 1 });
  expect(sizes).toEqual([10]);
  expect(await queue.getDelayedCount()).toBe(1);
});

test('a transient failure is tried again with the same batch, and counts an attempt', async () => {
  const tried: string[] = [];
  const seen = consume((batch) => {
    tried.push(batch.id);
    if (tried.length === 1) throw new Failure('cloudwatch.unavailable');
    return Promise.resolve(allDelivered);
  });
  await send(2);
  await ledgerShows({ delivered: 2 });
  expect(tried).toEqual([tried[0], tried[0]]);
  expect(seen.failures).toEqual([['cloudwatch.unavailable', 'retry']]);
});

test('when attempts run out, the batch is a dead letter with its payload, and the retry of the queue UI redrives it', async () => {
  let healthy = false;
  const seen = consume(() => {
    if (!healthy) throw new Failure('cloudwatch.unavailable');
    return Promise.resolve(allDelivered);
  });
  await send(2);
  await ledgerShows({ deadLettered: 2, waiting: 0 });
  const [failed] = await failedJobs(1);
  expect(seen.failures.map(([, next]) => next)).toEqual(['retry', 'dead_letter']);
  expect(failed?.failedReason).toContain('cloudwatch.unavailable');
  expect(await store.peek(failed?.id ?? '')).toMatchObject({ batch: { state: 'dead' } });

  healthy = true;
  await failed?.retry();
  await ledgerShows({ deadLettered: 0, delivered: 2 });
});

test.each<[FailureCode, string]>([
  ['cloudwatch.throttled', 'defer'],
  ['credential.trust_denied', 'suspend'],
])('%s puts the batch off without counting an attempt', async (code, next) => {
  const seen = consume(() => {
    throw new Failure(code, { retryAfterMs: 60_000 });
  });
  await send(2);
  await until(() => seen.failures.length === 1);
  expect(seen.failures).toEqual([[code, next]]);
  const [job] = await until(async () => {
    const delayed = await queue.getDelayed();
    return delayed.length === 1 && delayed;
  });
  expect(job?.attemptsMade).toBe(0);
  expect(await store.batch(job?.id ?? '')).toMatchObject({ lastFailure: code });
  await ledgerShows({ waiting: 2, deadLettered: 0 });
});

test('log events that are refused become a dead letter of their own, and the rest is delivered', async () => {
  const code = 'cloudwatch.log_event_too_old';
  let first = true;
  consume((batch) => {
    if (first) {
      first = false;
      return Promise.resolve({ rejected: [{ code, from: 0, to: 2 }] });
    }
    expect(batch.logEvents).toBe(2);
    return Promise.resolve(allDelivered);
  });
  await send(5);
  await ledgerShows({ delivered: 3, rejected: 2, waiting: 0 });
  const [job] = await failedJobs(1);
  expect(job?.failedReason).toContain(code);
  expect(job?.failedReason).toContain('2 log events');
  const peeked = await store.peek(job?.id ?? '');
  expect(
    peeked?.logEvents.map((text) => (JSON.parse(text) as { message: string }).message),
  ).toEqual(['m0', 'm1']);

  await job?.retry();
  await ledgerShows({ delivered: 5, rejected: 0 });
});

test('a batch that AWS calls malformed is refused whole and kept', async () => {
  consume(() => {
    throw new Failure('cloudwatch.invalid_batch');
  });
  await send(4);
  await ledgerShows({ rejected: 4, waiting: 0 });
});

test('a fault of ours makes a dead letter at once and hides what it said', async () => {
  consume(() => {
    throw new Error('secret internals');
  });
  await send(4);
  await ledgerShows({ deadLettered: 4, waiting: 0 });
  const [job] = await failedJobs(1);
  expect(job?.failedReason).toContain('internal.fault');
  expect(JSON.stringify(job?.toJSON())).not.toContain('secret internals');
});

test('a batch whose producer died before it had a job is found by the sweep', async () => {
  const fragments = [encodeFragment(quick, aLogEvent())];
  const orphan = aCloudWatchLane();
  await store.append({
    id: 'crashed0',
    sections: [
      {
        lanes: [{ lane: orphan, chunks: buildChunks(orphan, fragments) }],
        filteredByTenant: new Map(),
      },
    ],
  });
  consume(() => Promise.resolve(allDelivered));
  await ledgerShows({ accepted: 1, delivered: 1 });
});

test("a quiet tenant's batch overtakes those of one that floods", async () => {
  const order: string[] = [];
  const lanesOf = (tenantId: string, count: number): Lane[] =>
    Array.from({ length: count }, (_, i) =>
      aCloudWatchLane({
        id: `${tenantId}/cw/group\n${i}`,
        tenantId,
        lingerMs: 0,
        target: { sink: 'cloudwatch', logGroup: 'group', logStream: String(i) },
      }),
    );
  for (const lane of [...lanesOf('flood', 20), ...lanesOf('quiet', 1)]) await send(1, lane);
  await until(async () => (await queue.getPrioritizedCount()) === 21);
  consume((batch: Batch) => {
    order.push(batch.tenantId);
    return Promise.resolve(allDelivered);
  }, 1);
  await until(() => order.length === 21);
  expect(order.indexOf('quiet')).toBeLessThanOrEqual(2);
});

test('when a worker stops, what is under way ends first', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let begun = false;
  consume(async () => {
    begun = true;
    await released;
    return allDelivered;
  });
  await send(1);
  await until(() => begun);
  const closing = consumer?.close(5_000);
  release();
  await closing;
  expect(await ledger()).toMatchObject({ delivered: 1, waiting: 0 });
});

describe('a batch whose payload is not what was stored', () => {
  test.each<[string, (key: string) => Promise<unknown>]>([
    ['damaged', (key) => workerRedis.lset(key, 0, Buffer.from([0x28, 0xb5, 1, 2, 3]))],
    ['gone', (key) => workerRedis.del(key)],
  ])('because it is %s becomes a dead letter at once, and others go on', async (_, spoil) => {
    await send(2);
    const [job] = await until(async () => {
      const jobs = await queue.getJobs(['waiting', 'delayed', 'prioritized']);
      return jobs.length === 1 && jobs;
    });
    await spoil(chunksKey(0, job?.id ?? ''));
    const seen = consume(() => Promise.resolve(allDelivered));
    await ledgerShows({ accepted: 2, deadLettered: 2, waiting: 0 });
    const [failed] = await failedJobs(1);
    expect(seen.failures).toEqual([['batch.unreadable', 'dead_letter']]);
    expect(failed?.failedReason).toMatch(/^batch\.unreadable: /);
    await send(1);
    await ledgerShows({ accepted: 3, delivered: 1, deadLettered: 2 });
  });
});

test('an AWS that says "come back in 0 seconds" is not asked without a pause', async () => {
  let calls = 0;
  consume(() => {
    calls++;
    if (calls < 4) throw new Failure('cloudwatch.throttled', { retryAfterMs: 0 });
    return Promise.resolve(allDelivered);
  });
  const startedAt = Date.now();
  await send(1);
  await ledgerShows({ delivered: 1 });
  // Three pauses with full jitter, each of up to 500, 1,000 and 2,000 ms; without them it is over within 30 ms (measured).
  expect(Date.now() - startedAt).toBeGreaterThan(60);
});

test('a redriven batch has all of its lives again', async () => {
  let isUp = false;
  consume(() => {
    if (isUp) return Promise.resolve(allDelivered);
    throw new Failure('internal.fault');
  });
  await send(1);
  const [failed] = await failedJobs(1);
  await workerRedis.hset(jobKey(0, { id: failed?.id ?? '', target: quick.target }), 'stc', 11);
  await failed?.retry();
  const [again] = await until(async () => {
    const jobs = await queue.getFailed();
    return jobs[0] !== undefined && jobs[0].attemptsStarted > 1 && jobs;
  });
  expect(again?.stalledCounter).toBe(0);
  isUp = true;
  await again?.retry();
  await ledgerShows({ delivered: 1, deadLettered: 0 });
});

test('what goes wrong between the steps is told, and the batch is tried again', async () => {
  const broken = new BatchStore(workerRedis, 0);
  let settles = 0;
  const settle = broken.settle.bind(broken);
  broken.settle = (...step) =>
    ++settles === 1 ? Promise.reject(new Error('the connection is gone')) : settle(...step);
  const told = consumeTelling(() => Promise.resolve(allDelivered), broken);
  await send(1);
  await ledgerShows({ delivered: 1 });
  expect(told).toEqual([expect.objectContaining({ message: 'the connection is gone' })]);
});

test('an outcome that cannot be makes a dead letter, instead of being delivered again and again', async () => {
  let calls = 0;
  const told = consumeTelling(() => {
    calls++;
    return Promise.resolve({
      rejected: [{ code: 'cloudwatch.log_event_too_old', from: 7, to: 8 }],
    });
  });
  await send(2);
  await ledgerShows({ accepted: 2, deadLettered: 2, waiting: 0 });
  const [failed] = await failedJobs(1);
  expect(failed?.failedReason).toMatch(/^internal\.fault: /);
  expect([calls, told.length]).toEqual([1, 1]);
});

test('a destination whose calls hang keeps no other from being delivered', async () => {
  const lane = (destinationId: string, n = 0): Lane =>
    aCloudWatchLane({
      id: `acme/${destinationId}/group\nstream-${n}`,
      destinationId,
      lingerMs: 0,
    });
  const hanging: (() => void)[] = [];
  const delivered: string[] = [];
  consume(({ destinationId }) => {
    if (destinationId === 'well') {
      delivered.push(destinationId);
      return Promise.resolve(allDelivered);
    }
    return new Promise((resolve) => hanging.push(() => resolve(allDelivered)));
  }, 4);
  for (let n = 0; n < 20; n++) await send(1, lane('stuck', n));
  await until(() => hanging.length === 2); // half of the slots, however many batches there are
  for (let n = 0; n < 3; n++) {
    await send(1, lane('well', n));
    await until(() => delivered.length === n + 1, { timeoutMs: 15_000 });
  }
  expect(hanging).toHaveLength(2);
  // When it answers again, all of it is delivered, and nothing was counted as an attempt.
  const answer = setInterval(() => hanging.splice(0).forEach((resolve) => resolve()), 20);
  try {
    await until(
      async () => {
        const { waiting, delivered: all } = await store.totals();
        return waiting === 0 && all === 23;
      },
      { timeoutMs: 30_000 },
    );
  } finally {
    clearInterval(answer);
  }
}, 60_000);
