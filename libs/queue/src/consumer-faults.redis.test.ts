// What is wrong with the batch, with us or with Redis itself: never a batch that stands still, and never one that is lost.
import { aCloudWatchLane, aLogEvent, until } from '@logferry/testing';
import { BatchStore } from './batch-store';
import { buildChunks } from './chunk';
import { allDelivered, useConsumerTestbed } from './consumer.testbed';
import { DELAY_MS_MAX, DELAYED_PER_MS } from './catalog';
import { encodeFragment } from './fragment';
import { chunksKey } from './keys';
import { PayloadSource } from './payload-source';
import { sweepPage } from './sweep';

const bed = useConsumerTestbed();

test('a fault of ours makes a dead letter at once and hides what it said', async () => {
  bed.consume(() => {
    throw new Error('secret internals');
  });
  await bed.send(4);
  await bed.ledgerShows({ deadLettered: 4, waiting: 0 });
  const [job] = await bed.failedJobs(1);
  expect(job?.failedReason).toContain('internal.fault');
  expect(JSON.stringify(job?.toJSON())).not.toContain('secret internals');
});

describe('a batch whose payload is not what was stored', () => {
  test.each<[string, (key: string) => Promise<unknown>]>([
    ['damaged', (key) => bed.redis.lset(key, 0, Buffer.from([0x28, 0xb5, 1, 2, 3]))],
    ['gone', (key) => bed.redis.del(key)],
  ])('because it is %s becomes a dead letter at once, and others go on', async (_, spoil) => {
    await bed.send(2);
    const [job] = await until(async () => {
      const jobs = await bed.queue.getJobs(['waiting', 'delayed', 'prioritized']);
      return jobs.length === 1 && jobs;
    });
    await spoil(chunksKey(0, job?.id ?? ''));
    const seen = bed.consume(async (_, payload) => {
      await payload.load();
      return allDelivered;
    });
    await bed.ledgerShows({ accepted: 2, deadLettered: 2, waiting: 0 });
    const [failed] = await bed.failedJobs(1);
    expect(seen.failures).toEqual([['batch.unreadable', 'dead_letter']]);
    expect(failed?.failedReason).toMatch(/^batch\.unreadable: /);
    await bed.send(1);
    await bed.ledgerShows({ accepted: 3, delivered: 1, deadLettered: 2 });
  });
});

test('what goes wrong between the steps is told, and the batch is tried again', async () => {
  const broken = new BatchStore(bed.redis, 0);
  let settles = 0;
  const settle = broken.settle.bind(broken);
  broken.settle = (...step) =>
    ++settles === 1 ? Promise.reject(new Error('the connection is gone')) : settle(...step);
  const { errors } = bed.consume(() => Promise.resolve(allDelivered), {
    store: broken,
    expectsErrors: true,
  });
  await bed.send(1);
  await bed.ledgerShows({ delivered: 1 });
  expect(errors).toEqual([expect.objectContaining({ message: 'the connection is gone' })]);
});

test('while Redis does not answer, what AWS has taken waits to be counted, and is not put again', async () => {
  const away = new BatchStore(bed.redis, 0);
  const settle = away.settle.bind(away);
  let settles = 0;
  away.settle = async (...step) => {
    if (++settles === 1) throw new Error('Command timed out');
    if (settles > 2) return settle(...step);
    await settle(...step); // it takes effect, and nobody hears of it
    throw new Error('Command timed out');
  };
  let puts = 0;
  const { errors } = bed.consume(
    () => {
      puts++;
      return Promise.resolve(allDelivered);
    },
    { store: away, expectsErrors: true },
  );
  await bed.send(3);
  await bed.ledgerShows({ accepted: 3, delivered: 3, waiting: 0 });
  await until(async () => (await bed.queue.getCompletedCount()) === 1);
  expect([puts, settles, errors.length]).toEqual([1, 3, 2]);
});

test('an outcome that cannot be makes a dead letter, instead of being delivered again and again', async () => {
  let calls = 0;
  const { errors } = bed.consume(
    () => {
      calls++;
      return Promise.resolve({
        rejected: [{ code: 'cloudwatch.log_event_too_old', from: 7, to: 8 }],
      });
    },
    { expectsErrors: true },
  );
  await bed.send(2);
  await bed.ledgerShows({ accepted: 2, deadLettered: 2, waiting: 0 });
  const [failed] = await bed.failedJobs(1);
  expect(failed?.failedReason).toMatch(/^internal\.fault: /);
  expect([calls, errors.length]).toEqual([1, 1]);
});

test.each([
  ['ReplyError', 'LOADING Redis is loading'],
  ['RedisError', 'unexpected reply'],
  ['ClusterAllFailedError', 'Failed to refresh slots cache.'],
  ['Error', 'Command timed out'],
])(
  'a payload that Redis does not hand out just now (%s: %s) harms nothing: the batch is tried again',
  async (name, message) => {
    const flaky = new BatchStore(bed.redis, 0);
    const begin = flaky.begin.bind(flaky);
    let begun = 0;
    flaky.begin = async (batchId) => {
      const result = await begin(batchId);
      if (++begun > 1 || result === undefined) return result;
      const refused = Object.assign(new Error(message), { name });
      return { ...result, payload: new PayloadSource(() => Promise.reject(refused)) };
    };
    const { errors } = bed.consume(
      async (_, payload) => {
        await payload.load();
        return allDelivered;
      },
      { store: flaky, expectsErrors: true },
    );
    await bed.send(1);
    await bed.ledgerShows({ delivered: 1, deadLettered: 0 });
    expect(errors).toEqual([expect.objectContaining({ name, message })]);
  },
);

const aLazyLane = (destinationId: string) =>
  aCloudWatchLane({ id: destinationId, destinationId, lingerMs: 60_000 });

/** The only job that is put off. */
async function delayedJob(): Promise<string> {
  return until(async () => (await bed.redis.zrange(bed.queue.toKey('delayed'), '0', '-1'))[0]);
}

test('a batch that was opened by a process whose clock is three hours ahead is due when it should be', async () => {
  const { now } = Date;
  Date.now = () => now() + 3 * 3_600_000;
  try {
    await bed.send(1, aCloudWatchLane({ lingerMs: 200 }));
    await delayedJob();
  } finally {
    Date.now = now;
  }
  bed.consume(() => Promise.resolve(allDelivered));
  await bed.ledgerShows({ delivered: 1 });
});

test('a worker whose clock is three hours behind finds a batch without a job as soon as any other', async () => {
  const lane = aLazyLane('orphan');
  const lanes = [{ lane, chunks: buildChunks(lane, [encodeFragment(lane, aLogEvent())]) }];
  await bed.store.append({ id: 'crashed0', sections: [{ lanes, filteredByTenant: new Map() }] });
  const { now } = Date;
  Date.now = () => now() - 3 * 3_600_000;
  try {
    const page = { sink: 'cloudwatch', cursor: '0', ageMsMin: -1_000 } as const;
    expect(await sweepPage(bed.store, bed.queue, page)).toMatchObject({ mended: 1 });
  } finally {
    Date.now = now;
  }
});

test('a batch that a wrong clock has put off for longer than anything is put off is brought back, and no other', async () => {
  const putOff = async (id: string, delayMs: number): Promise<unknown> =>
    bed.redis.zadd(bed.queue.toKey('delayed'), 'XX', (Date.now() + delayMs) * DELAYED_PER_MS, id);
  await bed.send(1, aLazyLane('late'));
  const late = await delayedJob();
  await putOff(late, DELAY_MS_MAX + 30_000);
  await bed.send(1, aLazyLane('patient'));
  const patient = await until(async () =>
    (await bed.redis.zrange(bed.queue.toKey('delayed'), '0', '-1')).find((id) => id !== late),
  );
  await putOff(patient, DELAY_MS_MAX - 30_000);
  bed.consume(() => Promise.resolve(allDelivered));
  await bed.ledgerShows({ delivered: 1 }, 'late');
  await bed.ledgerShows({ delivered: 0, waiting: 1 }, 'patient');
}, 60_000);
