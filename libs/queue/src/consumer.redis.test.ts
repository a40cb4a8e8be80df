// Producers and consumers together, on real BullMQ queues: what becomes of a batch for each way a delivery can end.
import { Failure, type FailureCode, type Lane } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, until } from '@logferry/testing';
import type { Batch } from './batch';
import { DELAYED_PER_MS } from './catalog';
import { buildChunks } from './chunk';
import { allDelivered, quick, useConsumerTestbed } from './consumer.testbed';
import { encodeFragment } from './fragment';
import { DeadLetterStore } from './dead-letter-store';
import { batchKey, jobKey } from './keys';

const bed = useConsumerTestbed();

test('what is appended is delivered, payload and all, and its job completes', async () => {
  const bodies: string[] = [];
  const seen = bed.consume(async (_, payload) => {
    bodies.push((await payload.load()).body('[', ']').toString());
    return allDelivered;
  });
  await bed.send(3);
  await bed.ledgerShows({ accepted: 3, delivered: 3, waiting: 0 });
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject([
    { message: 'm0' },
    { message: 'm1' },
    { message: 'm2' },
  ]);
  await until(async () => (await bed.queue.getCompletedCount()) === 1);
  expect(seen.failures).toEqual([]);
});

test('a batch waits for its linger, unless it fills before', async () => {
  const lane = aCloudWatchLane({
    lingerMs: 60_000,
    limits: { ...quick.limits, logEventsMax: 10 },
  });
  const sizes: number[] = [];
  bed.consume((batch) => {
    sizes.push(batch.logEvents);
    return Promise.resolve(allDelivered);
  });
  await bed.send(10, lane);
  await bed.send(1, lane);
  await bed.ledgerShows({ accepted: 11, delivered: 10, waiting: 1 });
  expect(sizes).toEqual([10]);
  expect(await bed.queue.getDelayedCount()).toBe(1);
});

test('a transient failure is tried again with the same batch, and counts an attempt', async () => {
  const tried: string[] = [];
  const seen = bed.consume((batch) => {
    tried.push(batch.id);
    if (tried.length === 1) throw new Failure('cloudwatch.unavailable');
    return Promise.resolve(allDelivered);
  });
  await bed.send(2);
  await bed.ledgerShows({ delivered: 2 });
  expect(tried).toEqual([tried[0], tried[0]]);
  expect(seen.failures).toEqual([['cloudwatch.unavailable', 'retry']]);
});

test('when attempts run out, the batch is a dead letter with its payload, and the retry of the queue UI redrives it', async () => {
  let healthy = false;
  const seen = bed.consume(() => {
    if (!healthy) throw new Failure('cloudwatch.unavailable');
    return Promise.resolve(allDelivered);
  });
  await bed.send(2);
  await bed.ledgerShows({ deadLettered: 2, waiting: 0 });
  const [failed] = await bed.failedJobs(1);
  expect(seen.failures.map(([, next]) => next)).toEqual(['retry', 'dead_letter']);
  expect(failed?.failedReason).toContain('cloudwatch.unavailable');
  expect(await bed.store.peek(failed?.id ?? '')).toMatchObject({ batch: { state: 'dead' } });

  healthy = true;
  await failed?.retry();
  await bed.ledgerShows({ deadLettered: 0, delivered: 2 });
});

test.each<[FailureCode, string]>([
  ['cloudwatch.throttled', 'defer'],
  ['credential.trust_denied', 'suspend'],
])('%s puts the batch off without counting an attempt', async (code, next) => {
  const seen = bed.consume(() => {
    throw new Failure(code, { retryAfterMs: 60_000 });
  });
  await bed.send(2);
  await until(() => seen.failures.length === 1);
  expect(seen.failures).toEqual([[code, next]]);
  const [job] = await until(async () => {
    const delayed = await bed.queue.getDelayed();
    return delayed.length === 1 && delayed;
  });
  expect(job?.attemptsMade).toBe(0);
  expect(await bed.store.batch(job?.id ?? '')).toMatchObject({ lastFailure: code });
  await bed.ledgerShows({ waiting: 2, deadLettered: 0 });
});

test('whoever fails and asks for a pause is tried after it, and the attempt counts', async () => {
  const seen = bed.consume(
    () => {
      throw new Failure('cloudwatch.unavailable', { retryAfterMs: 60_000 });
    },
    { attemptsMax: 9 },
  );
  await bed.send(2);
  await until(() => seen.failures.length === 1);
  const [id = '', dueAt = 0] = await until(async () => {
    const found = await bed.redis.zrange(bed.queue.toKey('delayed'), '0', '-1', 'WITHSCORES');
    return found.length === 2 && found;
  });
  expect(Number(dueAt) / DELAYED_PER_MS).toBeGreaterThan(Date.now() + 50_000);
  expect(await bed.redis.hget(batchKey(0, id), 'attempts')).toBe('1');
});

test('log events that are refused become a dead letter of their own, and the rest is delivered', async () => {
  const code = 'cloudwatch.log_event_too_old';
  let first = true;
  bed.consume((batch) => {
    if (first) {
      first = false;
      return Promise.resolve({ rejected: [{ code, from: 0, to: 2 }] });
    }
    expect(batch.logEvents).toBe(2);
    return Promise.resolve(allDelivered);
  });
  await bed.send(5);
  await bed.ledgerShows({ delivered: 3, rejected: 2, waiting: 0 });
  const [job] = await bed.failedJobs(1);
  expect(job?.failedReason).toContain(code);
  expect(job?.failedReason).toContain('2 log events');
  const peeked = await bed.store.peek(job?.id ?? '');
  expect(
    peeked?.logEvents.map((text) => (JSON.parse(text) as { message: string }).message),
  ).toEqual(['m0', 'm1']);

  await job?.retry();
  await bed.ledgerShows({ delivered: 5, rejected: 0 });
});

test('a batch that AWS calls malformed is refused whole and kept', async () => {
  bed.consume(() => {
    throw new Failure('cloudwatch.invalid_batch');
  });
  await bed.send(4);
  await bed.ledgerShows({ rejected: 4, waiting: 0 });
});

test('a batch whose producer died before it had a job is found by the sweep', async () => {
  const fragments = [encodeFragment(quick, aLogEvent())];
  const orphan = aCloudWatchLane();
  await bed.store.append({
    id: 'crashed0',
    sections: [
      {
        lanes: [{ lane: orphan, chunks: buildChunks(orphan, fragments) }],
        filteredByTenant: new Map(),
      },
    ],
  });
  bed.consume(() => Promise.resolve(allDelivered));
  await bed.ledgerShows({ accepted: 1, delivered: 1 });
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
  for (const lane of [...lanesOf('flood', 20), ...lanesOf('quiet', 1)]) await bed.send(1, lane);
  await until(async () => (await bed.queue.getPrioritizedCount()) === 21);
  bed.consume(
    (batch: Batch) => {
      order.push(batch.tenantId);
      return Promise.resolve(allDelivered);
    },
    { concurrency: 1 },
  );
  await until(() => order.length === 21);
  expect(order.indexOf('quiet')).toBeLessThanOrEqual(2);
});

test('when a worker stops, what is under way ends first', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let begun = false;
  bed.consume(async () => {
    begun = true;
    await released;
    return allDelivered;
  });
  await bed.send(1);
  await until(() => begun);
  const closing = bed.closeConsumer(5_000);
  release();
  await closing;
  expect(await bed.ledger()).toMatchObject({ delivered: 1, waiting: 0 });
});

test('an AWS that says "come back in 0 seconds" is not asked without a pause', async () => {
  let calls = 0;
  bed.consume(() => {
    calls++;
    if (calls < 4) throw new Failure('cloudwatch.throttled', { retryAfterMs: 0 });
    return Promise.resolve(allDelivered);
  });
  const startedAt = Date.now();
  await bed.send(1);
  await bed.ledgerShows({ delivered: 1 });
  // Three pauses with full jitter, each of up to 500, 1,000 and 2,000 ms; without them it is over within 30 ms (measured).
  expect(Date.now() - startedAt).toBeGreaterThan(60);
});

test('a redriven batch has all of its lives again', async () => {
  let isUp = false;
  bed.consume(() => {
    if (isUp) return Promise.resolve(allDelivered);
    throw new Failure('internal.fault');
  });
  await bed.send(1);
  const [failed] = await bed.failedJobs(1);
  await bed.redis.hset(jobKey(0, { id: failed?.id ?? '', target: quick.target }), 'stc', 11);
  await failed?.retry();
  const [again] = await until(async () => {
    const jobs = await bed.queue.getFailed();
    return jobs[0] !== undefined && jobs[0].attemptsStarted > 1 && jobs;
  });
  expect(again?.stalledCounter).toBe(0);
  isUp = true;
  await again?.retry();
  await bed.ledgerShows({ delivered: 1, deadLettered: 0 });
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
  bed.consume(
    ({ destinationId }) => {
      if (destinationId === 'well') {
        delivered.push(destinationId);
        return Promise.resolve(allDelivered);
      }
      return new Promise((resolve) => hanging.push(() => resolve(allDelivered)));
    },
    { concurrency: 4 },
  );
  for (let n = 0; n < 20; n++) await bed.send(1, lane('stuck', n));
  await until(() => hanging.length === 2); // half of the slots, however many batches there are
  for (let n = 0; n < 3; n++) {
    await bed.send(1, lane('well', n));
    await until(() => delivered.length === n + 1, { timeoutMs: 15_000 });
  }
  expect(hanging).toHaveLength(2);
  // When it answers again, all of it is delivered, and nothing was counted as an attempt.
  const answer = setInterval(() => hanging.splice(0).forEach((resolve) => resolve()), 20);
  try {
    await until(
      async () => {
        const { waiting, delivered: all } = await bed.store.totals();
        return waiting === 0 && all === 23;
      },
      { timeoutMs: 30_000 },
    );
  } finally {
    clearInterval(answer);
  }
}, 60_000);

test('nor do those that are redriven overtake it', async () => {
  const flood = aCloudWatchLane({ ...quick, id: 'flood', tenantId: 'flood' });
  const refuse = new Failure('cloudwatch.invalid_batch');
  bed.consume(() => Promise.reject(refuse));
  for (let n = 0; n < 40; n++) {
    await bed.send(1, flood);
    await bed.failedJobs(n + 1);
  }
  await bed.closeConsumer(1_000);
  const deadLetters = new DeadLetterStore(bed.store);
  const { rows } = await deadLetters.page({ filter: {}, order: 'oldest', limit: 100 });
  await deadLetters.redrive(rows.map(({ id }) => id));
  await deadLetters.close();
  await bed.send(1);
  await until(async () => (await bed.queue.getPrioritizedCount()) === 41);
  const tenants: string[] = [];
  bed.consume(
    ({ tenantId }) => {
      tenants.push(tenantId);
      return Promise.resolve(allDelivered);
    },
    { concurrency: 1 },
  );
  await until(() => tenants.length === 41);
  expect(tenants.indexOf('acme')).toBeLessThan(5);
});
