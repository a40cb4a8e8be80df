// What becomes of producers and consumers when Redis goes away, hangs or comes back, and the protocol on a Redis Cluster.
import {
  aCloudWatchLane,
  aLogEvent,
  anS3Lane,
  startRedis,
  startRedisCluster,
  startStopwatch,
  until,
} from '@logferry/testing';
import { imbalance, shardOf, type Lane } from '@logferry/core';
import type { Append, AppendOutcome } from './append';
import { BatchStore, type Appended, type Flush } from './batch-store';
import { BatchConsumer } from './consumer';
import { encodeFragment } from './fragment';
import { BatchProducer } from './producer';
import {
  connected,
  failFastRedis,
  isRedisError,
  patientRedis,
  type RedisClient,
} from './redis-connection';

const ignore = (): void => undefined;

/** Counts what was sent to Redis. */
class CountingStore extends BatchStore {
  appends = 0;
  /** Of one script. */
  mostLanes = 0;

  override append(flush: Flush): Promise<Appended> {
    this.appends++;
    const lanes = flush.sections.reduce((sum, section) => sum + section.lanes.length, 0);
    this.mostLanes = Math.max(this.mostLanes, lanes);
    return super.append(flush);
  }
}

function aProducer(
  redis: RedisClient,
  shard: number,
  store = new BatchStore(redis, shard),
): BatchProducer {
  redis.on('error', ignore);
  return new BatchProducer(redis, store, {
    groupCommitMs: 1,
    onEnqueueError: ignore,
  });
}

function aConsumer(redis: RedisClient, sink: 'cloudwatch' | 's3', shard: number): BatchConsumer {
  redis.on('error', ignore);
  return new BatchConsumer(
    redis,
    new BatchStore(redis, shard),
    () => Promise.resolve({ rejected: [] }),
    {
      sink,
      concurrency: 4,
      attemptsMax: 3,
      hold: { windowMs: Infinity, tenantBytesMax: () => Infinity },
      observer: { delivered: ignore, failed: ignore, held: ignore, resumed: ignore, error: ignore },
    },
  );
}

function append(producer: BatchProducer, lane: Lane): Promise<AppendOutcome> {
  const fragments = [encodeFragment(lane, aLogEvent())];
  return producer.append(
    { fragmentsByLane: new Map([[lane, fragments]]), filteredByTenant: new Map() },
    100,
  );
}

test('appends of 2,000 lanes each are taken side by side, and nobody waits for long behind them', async () => {
  const server = await startRedis({ settings: { appendonly: 'no' } });
  // How fast scripts are is the machine's matter; how much each of them does is ours.
  const redis = failFastRedis(server, 20_000);
  const store = new CountingStore(redis, 0);
  const producer = aProducer(redis, 0, store);
  try {
    await until(() => redis.status === 'ready');
    const many = (from: number): Append => ({
      fragmentsByLane: new Map(
        Array.from({ length: 2_000 }, (_, i) => [
          aCloudWatchLane({ id: `acme/cw/group\nstream-${from + i}` }),
          [encodeFragment(aCloudWatchLane(), aLogEvent())],
        ]),
      ),
      filteredByTenant: new Map(),
    });
    const large = Array.from({ length: 8 }, (_, i) => producer.append(many(i * 2_000), 100_000));
    const small = append(producer, aCloudWatchLane({ destinationId: 'quiet' }));
    await Promise.all([...large, small]);
    expect(await store.totals()).toMatchObject({ accepted: 16_001 });
    // Nobody is behind more than that.
    expect(store.mostLanes).toBe(2_000);
  } finally {
    await producer.close();
    redis.disconnect();
    await server.stop();
  }
}, 60_000);

const NOBODY = 'redis://127.0.0.1:1';

test.each([
  ['a Redis', NOBODY],
  ['a Redis Cluster', `${NOBODY},${NOBODY}`],
])(
  'a command for %s that is never reached ends, and counts as an error of Redis',
  async (_, url) => {
    const redis = patientRedis({ url }, 100);
    redis.on('error', ignore);
    const error: unknown = await redis.get('key').catch((reason: unknown) => reason);
    redis.disconnect();
    expect(error).toEqual(new Error('Command timed out'));
    expect(isRedisError(error)).toBe(true);
  },
);

test('a worker whose Redis hangs longer than its commands wait goes on when it answers again', async () => {
  const server = await startRedis();
  const [producerRedis, workerRedis] = [failFastRedis(server), patientRedis(server, 1_000)];
  const producer = aProducer(producerRedis, 0);
  const consumer = aConsumer(workerRedis, 'cloudwatch', 0);
  const lane = aCloudWatchLane({ lingerMs: 0 });
  const store = new BatchStore(workerRedis, 0);
  try {
    await until(() => producerRedis.status === 'ready');
    await append(producer, lane);
    // An append that was too late for its answer may have happened all the same.
    const delivered = (): Promise<number> =>
      store.totals().then(
        (totals) => totals.delivered,
        () => 0,
      );
    await until(async () => (await delivered()) >= 1);
    await server.pause();
    await expect(store.totals()).rejects.toThrow('Command timed out');
    await server.resume();
    await until(() => append(producer, lane).then(Boolean, () => false));
    await until(async () => (await delivered()) >= 2);
  } finally {
    await consumer.close(1_000);
    await producer.close();
    producerRedis.disconnect();
    workerRedis.disconnect();
    await server.stop();
  }
}, 30_000);

test('a killed Redis refuses appends at once, and both sides go on by themselves when it is back', async () => {
  const server = await startRedis();
  const [producerRedis, workerRedis] = [failFastRedis(server), patientRedis(server)];
  const producer = aProducer(producerRedis, 0);
  const consumer = aConsumer(workerRedis, 'cloudwatch', 0);
  const lane = aCloudWatchLane({ lingerMs: 0 });
  const store = new BatchStore(workerRedis, 0);
  try {
    await until(() => producerRedis.status === 'ready');
    await append(producer, lane);
    await until(async () => (await store.ledger('acme', 'cw')).delivered === 1);

    await server.kill();
    const ranMs = startStopwatch();
    await expect(append(producer, lane)).rejects.toThrow();
    expect(ranMs()).toBeLessThan(2_000);

    await server.start();
    const backMs = startStopwatch();
    await until(() =>
      append(producer, lane).then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await store.ledger('acme', 'cw')).delivered === 2);
    expect(backMs()).toBeLessThan(5_000);
  } finally {
    await consumer.close(1_000);
    await producer.close();
    producerRedis.disconnect();
    workerRedis.disconnect();
    await server.stop();
  }
}, 30_000);

test('a producer that starts before Redis refuses, and works once Redis is there', async () => {
  const server = await startRedis();
  await server.kill();
  const redis = failFastRedis(server);
  const producer = aProducer(redis, 0);
  try {
    await expect(append(producer, aCloudWatchLane())).rejects.toThrow();
    await server.start();
    await until(() =>
      append(producer, aCloudWatchLane()).then(
        () => true,
        () => false,
      ),
    );
    expect(await new BatchStore(redis, 0).totals()).toMatchObject({ accepted: 1 });
  } finally {
    await producer.close();
    redis.disconnect();
    await server.stop();
  }
}, 30_000);

test('who waited for the connection is answered at once; who has no Redis waits no longer than it says', async () => {
  const server = await startRedis();
  const redis = failFastRedis(server);
  redis.on('error', ignore);
  try {
    await connected(redis);
    expect(await redis.ping()).toBe('PONG');
    await server.kill();
    await until(() => redis.status !== 'ready');
    await connected(redis, 10);
    await expect(redis.ping()).rejects.toThrow('enableOfflineQueue');
  } finally {
    redis.disconnect();
    await server.stop();
  }
});

test('a Redis that hangs is not acknowledged within two seconds', async () => {
  const server = await startRedis();
  const redis = failFastRedis(server);
  const producer = aProducer(redis, 0);
  try {
    await until(() => redis.status === 'ready');
    await append(producer, aCloudWatchLane());
    await server.pause();
    const ranMs = startStopwatch();
    await expect(append(producer, aCloudWatchLane())).rejects.toThrow('Command timed out');
    expect(ranMs()).toBeLessThan(2_000);
    await server.resume();
    await until(() =>
      append(producer, aCloudWatchLane()).then(
        () => true,
        () => false,
      ),
    );
  } finally {
    await producer.close();
    redis.disconnect();
    await server.stop();
  }
}, 30_000);

test('on a Redis Cluster, shards lie on different nodes and every destination is delivered', async () => {
  const cluster = await startRedisCluster();
  const SHARDS = 4;
  const [producerRedis, workerRedis] = [failFastRedis(cluster), patientRedis(cluster)];
  const producers = Array.from({ length: SHARDS }, (_, shard) => aProducer(producerRedis, shard));
  const consumers = Array.from({ length: SHARDS }, (_, shard) => [
    aConsumer(workerRedis, 'cloudwatch', shard),
    aConsumer(workerRedis, 's3', shard),
  ]).flat();
  try {
    await until(() => producerRedis.status === 'ready');
    const lanes = Array.from({ length: 24 }, (_, i) => {
      const over = { id: `acme/d${i}/a\nb`, destinationId: `d${i}`, lingerMs: 0 };
      return i % 2 === 0 ? aCloudWatchLane(over) : anS3Lane(over);
    });
    const shards = lanes.map((lane) => shardOf(lane.tenantId, lane.destinationId, SHARDS));
    expect(new Set(shards).size).toBe(SHARDS);
    await Promise.all(
      lanes.map(async (lane, i) => {
        const producer = producers[shards[i] ?? -1];
        if (producer === undefined) throw new Error('no such shard');
        await until(() =>
          append(producer, lane).then(
            () => true,
            () => false,
          ),
        );
      }),
    );
    await until(
      async () => {
        const totals = await Promise.all(
          Array.from({ length: SHARDS }, (_, shard) => new BatchStore(workerRedis, shard).totals()),
        );
        expect(totals.map(imbalance)).toEqual([0, 0, 0, 0]);
        return totals.reduce((sum, { delivered }) => sum + delivered, 0) === lanes.length;
      },
      { what: 'all lanes are delivered', timeoutMs: 20_000 },
    );
  } finally {
    await Promise.all(consumers.map((consumer) => consumer.close(1_000)));
    await Promise.all(producers.map((producer) => producer.close()));
    producerRedis.disconnect();
    workerRedis.disconnect();
    await cluster.stop();
  }
}, 60_000);

/**
 * A worker of BullMQ's may stop fetching at a failover. One that has taken nothing for five seconds is replaced, when two looks, a
 * second apart, have found something to take; the rest is for a machine that is busy.
 */
const WORKER_BACK_MS = 10_000;

test('on a Redis Cluster, what died with its node is not sent again, and the replica takes over: from producers within a second of being master, from workers within ten', async () => {
  const cluster = await startRedisCluster({ replicas: true });
  const [producerRedis, workerRedis] = [failFastRedis(cluster, 5_000), patientRedis(cluster)];
  const producerStore = new CountingStore(producerRedis, 0);
  const producer = aProducer(producerRedis, 0, producerStore);
  const consumer = aConsumer(workerRedis, 'cloudwatch', 0);
  const store = new BatchStore(workerRedis, 0);
  const lane = aCloudWatchLane({ lingerMs: 0 });
  const isTaken = (): Promise<boolean> =>
    append(producer, lane).then(
      () => true,
      () => false,
    );
  try {
    await until(isTaken);
    await until(async () => (await store.totals()).delivered === 1);
    const master = await cluster.masterOf('{lf-0}:totals');
    await master.pause();
    producerStore.appends = 0;
    const underWay = append(producer, lane);
    const refused = expect(underWay).rejects.toThrow('Connection is closed');
    await until(() => producerStore.appends === 1);
    await master.kill();
    await refused;
    expect(await isTaken()).toBe(false);
    await until(
      async () => (await cluster.masterOf('{lf-0}:totals').catch(() => master)) !== master,
      {
        what: 'the replica is master',
      },
    );
    const ranMs = startStopwatch();
    await until(isTaken);
    expect(ranMs()).toBeLessThan(1_000);
    await until(async () => (await store.totals()).delivered === 2, {
      what: 'a worker delivers what the replica was given',
      timeoutMs: WORKER_BACK_MS,
    });
    expect(await store.totals()).toMatchObject({ accepted: 2, delivered: 2 });
  } finally {
    await consumer.close(1_000);
    await producer.close();
    producerRedis.disconnect();
    workerRedis.disconnect();
    await cluster.stop();
  }
}, 60_000);

test('workers and producers whose Redis was a replica for a while go on within a second of its being master again', async () => {
  const server = await startRedis();
  const [producerRedis, workerRedis, operator] = [
    failFastRedis(server),
    patientRedis(server),
    patientRedis(server),
  ];
  const producer = aProducer(producerRedis, 0);
  const store = new BatchStore(workerRedis, 0);
  const lane = aCloudWatchLane({ lingerMs: 0 });
  let begin: () => void = ignore;
  const released = new Promise<void>((resolve) => (begin = resolve));
  const consumer = new BatchConsumer(
    workerRedis,
    store,
    () => released.then(() => ({ rejected: [] })),
    {
      sink: 'cloudwatch',
      concurrency: 4,
      attemptsMax: 3,
      hold: { windowMs: Infinity, tenantBytesMax: () => Infinity },
      observer: { delivered: ignore, failed: ignore, held: ignore, resumed: ignore, error: ignore },
    },
  );
  try {
    await until(() => producerRedis.status === 'ready');
    await append(producer, lane);
    await until(async () => (await store.batch(await onlyBatch(operator)))?.state === 'sealed');
    await operator.call('REPLICAOF', '127.0.0.1', '1');
    begin(); // the delivery ends, and has to be settled, while nothing can be
    await expect(append(producer, lane)).rejects.toThrow('READONLY');
    await operator.call('REPLICAOF', 'NO', 'ONE');
    const ranMs = startStopwatch();
    await until(() =>
      append(producer, lane).then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await store.totals()).delivered === 2);
    expect(ranMs()).toBeLessThan(1_000);
  } finally {
    await consumer.close(1_000);
    await producer.close();
    for (const redis of [producerRedis, workerRedis, operator]) redis.disconnect();
    await server.stop();
  }
}, 30_000);

async function onlyBatch(redis: RedisClient): Promise<string> {
  const [id] = await redis.zrange('{lf-0}:live:cloudwatch', '0', '-1');
  return id ?? '';
}
