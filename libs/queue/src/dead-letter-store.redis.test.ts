// What is done with dead letters: redriven, discarded, corrected; each exactly, whoever else is at it.
import { aCloudWatchLane, aLogEvent, anS3Lane, until } from '@logferry/testing';
import { buildChunks } from './chunk';
import { encodeFragment } from './fragment';
import { KeyClaims } from './key-claims';
import { joblessKey } from './keys';
import { newBatchId } from './producer';
import {
  cloudWatchLane,
  destinationIn,
  START_MS,
  textOf,
  useDeadLetterTestbed,
} from './dead-letters.testbed';

const NONE = { redriven: 0, queued: 0, busy: 0, waiting: 0, gone: 0 };
const bed = useDeadLetterTestbed();

test('a dead letter is redriven once, and its job is where workers take it', async () => {
  const id = await bed.makeDeadLetter(cloudWatchLane('acme', destinationIn(1)));
  const deadLetter = await bed.found(id);
  expect(deadLetter).toMatchObject({ shard: 1, isQueued: false, logEvents: 2, state: 'dead' });
  expect(await bed.deadLetters.redrive(deadLetter)).toBe('redriven');
  expect(await bed.deadLetters.redrive(deadLetter)).toBe('queued');
  expect((await bed.found(id)).isQueued).toBe(true);
  const queue = bed.queueOf({ shard: 1, sink: 'cloudwatch' });
  expect(await queue.getFailedCount()).toBe(0);
  await bed.stores[1]?.begin(id);
  expect(await bed.deadLetters.redrive(deadLetter)).toBe('waiting');
  await bed.stores[1]?.settle({ id, logEvents: 2 }, { rejected: [] });
  expect(await bed.deadLetters.redrive(deadLetter)).toBe('gone');
});

test('two who redrive the same at once redrive it once', async () => {
  const id = await bed.makeDeadLetter(cloudWatchLane('acme', destinationIn(0)));
  const deadLetter = await bed.found(id);
  const outcomes = await Promise.all([1, 2, 3].map(() => bed.deadLetters.redrive(deadLetter)));
  expect(outcomes.filter((outcome) => outcome === 'redriven')).toHaveLength(1);
  expect(
    await bed.queueOf({ shard: 0, sink: 'cloudwatch' }).getJobCountByTypes('prioritized', 'wait'),
  ).toBe(1);
});

test('a dead letter whose job is gone gets a new one', async () => {
  const id = await bed.makeDeadLetter(cloudWatchLane('acme', destinationIn(0)));
  const queue = bed.queueOf({ shard: 0, sink: 'cloudwatch' });
  await queue.remove(id);
  expect(await bed.deadLetters.redrive(await bed.found(id))).toBe('redriven');
  expect((await queue.getJob(id))?.data).toMatchObject({ tenant: 'acme' });
});

test('a dead letter that a worker is just about to fail is not redriven into the void: it is said to be busy', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const id = await bed.accept(lane, ['one']);
  const queue = bed.queueOf({ shard: 0, sink: 'cloudwatch' });
  await bed.redis.zrem(queue.toKey('delayed'), id);
  await bed.redis.lpush(queue.toKey('active'), id);
  await bed.stores[0]?.begin(id);
  await bed.stores[0]?.deadLetter(id, 'cloudwatch.unavailable'); // and its worker has not told BullMQ yet
  expect(await bed.deadLetters.redrive(await bed.found(id))).toBe('busy');
  await bed.redis.lrem(queue.toKey('active'), 0, id);
  await bed.redis.zadd(queue.toKey('failed'), Date.now(), id);
  expect(await bed.deadLetters.redrive(await bed.found(id))).toBe('redriven');
});

test('refused log events whose job was not yet failed are redriven by the run that would have failed it', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const id = await bed.accept(lane, ['one', 'two']);
  const begun = await bed.stores[0]?.begin(id);
  if (begun === undefined || begun.verdict !== 'go') throw new Error('it is to be delivered');
  const payload = await begun.payload.load();
  const refused = newBatchId();
  await bed.stores[0]?.settle(begun.batch, {
    rejected: [
      { code: 'cloudwatch.log_event_too_old', batchId: refused, slice: payload.slice(0, 1) },
    ],
  });
  expect(await bed.found(refused)).toMatchObject({
    state: 'refused',
    logEvents: 1,
    reason: 'cloudwatch.log_event_too_old',
  });
  expect(await bed.deadLetters.redrive(await bed.found(refused))).toBe('redriven'); // a crash had left it without a job
  expect((await bed.stores[0]?.begin(refused))?.verdict).toBe('go');
  expect(await bed.stores[0]?.totals()).toMatchObject({ waiting: 1, delivered: 1, rejected: 0 });
});

test('hundreds are redriven by a filter, of both shards, and nothing else is', async () => {
  const lanes = [
    cloudWatchLane('acme', destinationIn(0)),
    cloudWatchLane('acme', destinationIn(1)),
  ];
  for (let i = 0; i < 450; i++)
    await bed.makeDeadLetter(lanes[i % 2] ?? aCloudWatchLane(), 'cloudwatch.unavailable', ['x']);
  const other = await bed.makeDeadLetter(cloudWatchLane('globex', 'd0'));
  const untilMs = await bed.deadLetters.nowMs();
  await until(async () => (await bed.deadLetters.nowMs()) > untilMs);
  const late = await bed.makeDeadLetter(lanes[0] ?? aCloudWatchLane());
  const walk = { untilMs, deadlineMs: Date.now() + 30_000 };
  const { tally, next } = await bed.deadLetters.redriveAll({ tenantId: 'acme' }, walk);
  expect(next).toBeUndefined();
  expect(tally).toEqual({ ...NONE, redriven: 450 });
  expect((await bed.found(other)).isQueued).toBe(false);
  expect((await bed.found(late)).isQueued).toBe(false); // what failed again meanwhile is not redriven for ever
  expect((await bed.deadLetters.redriveAll({ tenantId: 'acme' }, walk)).tally).toEqual({
    ...NONE,
    queued: 450,
  });
});

test('when time runs out, it says where to go on', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  for (let i = 0; i < 201; i++) await bed.makeDeadLetter(lane, 'cloudwatch.unavailable', ['x']);
  const untilMs = await bed.deadLetters.nowMs();
  const { tally, next } = await bed.deadLetters.discardAll({}, { untilMs, deadlineMs: 0 });
  expect([tally, next]).toEqual([{ batches: 200, logEvents: 200 }, expect.anything()]);
  const rest = await bed.deadLetters.discardAll({}, { untilMs, after: next, deadlineMs: 0 });
  expect([rest.tally, rest.next]).toEqual([{ batches: 1, logEvents: 1 }, undefined]);
});

test('what is discarded is gone from Redis but for its counts, and the ledger balances', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const id = await bed.makeDeadLetter(lane);
  const deadLetter = await bed.found(id);
  expect(await bed.deadLetters.discard(deadLetter)).toBe(true);
  expect(await bed.deadLetters.discard(deadLetter)).toBe(false);
  expect(await bed.stores[0]?.ledger('acme', lane.destinationId)).toMatchObject({
    accepted: 2,
    deadLettered: 2,
    discarded: 2,
    discardedBy: { 'cloudwatch.unavailable': 2 },
    waiting: 0,
  });
  expect((await bed.redis.keys('*')).filter((key) => key.includes(id))).toEqual([]);
  expect(await bed.stores[0]?.tenantBytes('acme')).toBe(0);
  expect(
    (await bed.redis.keys('*')).filter((key) => key.includes(':dead') || key.includes('jobless')),
  ).toEqual([]);
  expect(await bed.queueOf({ shard: 0, sink: 'cloudwatch' }).getJobs()).toEqual([]);
});

test('what is waiting is not discarded, and of a batch that a worker has taken back nothing is', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const waiting = await bed.accept(lane, ['one']);
  expect(await bed.deadLetters.discard({ id: waiting, shard: 0 })).toBe(false);
  await bed.stores[0]?.begin(waiting); // so that the next is another batch
  const dead = await bed.makeDeadLetter(lane);
  const deadLetter = await bed.found(dead);
  await bed.stores[0]?.begin(dead);
  expect(await bed.deadLetters.discard(deadLetter)).toBe(false);
  expect(await bed.stores[0]?.totals()).toMatchObject({ waiting: 3, discarded: 0 });
});

test('a job that a worker has in its hands is removed later, when its batch is gone', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const id = await bed.makeDeadLetter(lane);
  const queue = bed.queueOf({ shard: 0, sink: 'cloudwatch' });
  await bed.redis.set(`${queue.toKey(id)}:lock`, 'a worker');
  await bed.deadLetters.discard(await bed.found(id));
  expect(await bed.redis.smembers(joblessKey(0, 'cloudwatch'))).toEqual([id]);
  await bed.redis.del(`${queue.toKey(id)}:lock`);
  await bed.deadLetters.discard({ id: 'another', shard: 0 });
  expect(await bed.redis.smembers(joblessKey(0, 'cloudwatch'))).toEqual([]);
  expect(await queue.getJob(id)).toBeUndefined();
});

test('corrected log events take the place of those that were there, and the counters stay exact', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const id = await bed.makeDeadLetter(lane);
  const fragments = ['better one, and much longer than it was before', 'better two'].map(
    (message, i) => encodeFragment(lane, aLogEvent({ timeMs: START_MS + 5_000 + i, message })),
  );
  expect(await bed.deadLetters.correct(await bed.found(id), buildChunks(lane, fragments))).toBe(
    'corrected',
  );
  const deadLetter = await bed.found(id);
  expect(deadLetter).toMatchObject({ logEvents: 2, firstMs: START_MS + 5_000 });
  expect(await bed.stores[0]?.tenantBytes('acme')).toBe(deadLetter.storedBytes);
  expect(await textOf(bed.deadLetters.lines(deadLetter))).toContain('better one');
  const begun = await bed.stores[0]?.begin(id);
  if (begun === undefined || begun.verdict !== 'go') throw new Error('it is to be delivered');
  expect((await begun.payload.load()).slice(0, 2).text.toString()).toContain('better two');
  expect(await bed.deadLetters.correct(deadLetter, buildChunks(lane, fragments))).toBe('waiting');
});

test('other than as many log events as there were are no correction', async () => {
  const lane = cloudWatchLane('acme', destinationIn(0));
  const deadLetter = await bed.found(await bed.makeDeadLetter(lane));
  const fragments = (n: number) =>
    Array.from({ length: n }, () => encodeFragment(lane, aLogEvent({ timeMs: START_MS })));
  expect(await bed.deadLetters.correct(deadLetter, buildChunks(lane, fragments(1)))).toBe('count');
  expect(await bed.deadLetters.correct(deadLetter, buildChunks(lane, fragments(3)))).toBe('count');
  expect(await textOf(bed.deadLetters.lines(deadLetter))).toContain('one');
  expect(await bed.deadLetters.correct({ id: 'nothing', shard: 0 }, [])).toBe('gone');
});

test('a dead letter of which an object may lie in the bucket is not corrected: its redrive would take that one for its own', async () => {
  const lane = anS3Lane({ id: 's3', destinationId: destinationIn(1) });
  const id = await bed.makeDeadLetter(lane, 's3.unavailable');
  const chunks = buildChunks(
    lane,
    ['a', 'b'].map((message) => encodeFragment(lane, aLogEvent({ message }))),
  );
  const claims = new KeyClaims(bed.redis, 1);
  const { candidate = -1 } = (await claims.claim(id, 'acme-logs')) ?? {};
  expect(await bed.deadLetters.correct(await bed.found(id), chunks)).toBe('maybe_written');
  await claims.release(id, 'acme-logs', candidate);
  expect(await bed.deadLetters.correct(await bed.found(id), chunks)).toBe('corrected');
});
