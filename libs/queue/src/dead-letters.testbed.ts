// Dead letters of two shards as BullMQ and the workers leave them, for the tests that ask what becomes of them.
import { shardOf, type FailureCode, type Lane, type Sink } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, startRedis, type TestRedis } from '@logferry/testing';
import type { Queue } from 'bullmq';
import { BatchStore } from './batch-store';
import { jobData, openQueue } from './catalog';
import { buildChunks } from './chunk';
import type { DeadLetter, DeadLetterFilter } from './dead-letter-store';
import { DeadLetters } from './dead-letters';
import { encodeFragment } from './fragment';
import { queueName } from './keys';
import { addJobs, newBatchId } from './producer';
import { patientRedis, type RedisClient } from './redis-connection';

const SHARDS = 2;
export const START_MS = Date.UTC(2026, 10, 21);

/** A destination of the tenant whose batches lie in a shard. */
export function destinationIn(shard: number, tenantId = 'acme'): string {
  for (let i = 0; ; i++) if (shardOf(tenantId, `d${i}`, SHARDS) === shard) return `d${i}`;
}

export function cloudWatchLane(tenantId: string, destinationId: string): Lane {
  return aCloudWatchLane({ id: `${tenantId}/${destinationId}`, tenantId, destinationId });
}

/** Starts a Redis for all tests of a file, and empties it before each. */
export function useDeadLetterTestbed(): DeadLetterTestbed {
  const bed = new DeadLetterTestbed();
  beforeAll(() => bed.start());
  beforeEach(() => bed.redis.flushall());
  afterAll(() => bed.stop());
  return bed;
}

export class DeadLetterTestbed {
  redis!: RedisClient;
  stores!: BatchStore[];
  deadLetters!: DeadLetters;
  private server!: Pick<TestRedis, 'url' | 'stop'>;
  private queues!: Queue[];

  async start(server?: Pick<TestRedis, 'url' | 'stop'>): Promise<void> {
    this.server = server ?? (await startRedis({ settings: { appendonly: 'no' } }));
    this.redis = patientRedis(this.server);
    this.stores = Array.from({ length: SHARDS }, (_, shard) => new BatchStore(this.redis, shard));
    this.deadLetters = new DeadLetters(this.stores);
    this.queues = this.stores.flatMap(({ shard }) => [
      openQueue(this.redis, 'cloudwatch', shard),
      openQueue(this.redis, 's3', shard),
    ]);
  }

  async stop(): Promise<void> {
    await this.deadLetters.close();
    await Promise.all(this.queues.map((queue) => queue.close()));
    this.redis.disconnect();
    await this.server.stop();
  }

  queueOf({ shard, sink }: { shard: number; sink: Sink }): Queue {
    const queue = this.queues.find(({ name }) => name === queueName(sink, shard));
    if (queue === undefined) throw new Error('there is such a queue');
    return queue;
  }

  /** A batch of a lane that was accepted and has its job; returns its id. */
  async accept(lane: Lane, messages: readonly string[]): Promise<string> {
    const store = this.storeOf(lane);
    const fragments = messages.map((message, i) =>
      encodeFragment(lane, aLogEvent({ timeMs: START_MS + i, message })),
    );
    const { changes } = await store.append({
      id: newBatchId(),
      sections: [
        { lanes: [{ lane, chunks: buildChunks(lane, fragments) }], filteredByTenant: new Map() },
      ],
    });
    const batchId = changes[0]?.batchId ?? '';
    const queue = this.queueOf({ shard: store.shard, sink: lane.target.sink });
    await addJobs(queue, [{ batchId, data: jobData(lane), delayMs: 60_000, tenantBatches: 1 }]);
    return batchId;
  }

  /** As BullMQ and a worker leave it: counted, and its job failed. */
  async makeDeadLetter(
    lane: Lane,
    reason: FailureCode = 'cloudwatch.unavailable',
    messages: readonly string[] = ['one', 'two'],
  ): Promise<string> {
    const store = this.storeOf(lane);
    const batchId = await this.accept(lane, messages);
    await store.begin(batchId);
    await store.deadLetter(batchId, reason);
    const queue = this.queueOf({ shard: store.shard, sink: lane.target.sink });
    await this.redis.zrem(queue.toKey('delayed'), batchId);
    await this.redis.zadd(queue.toKey('failed'), Date.now(), batchId);
    return batchId;
  }

  async found(id: string): Promise<DeadLetter> {
    const deadLetter = await this.deadLetters.find(id);
    if (deadLetter === undefined) throw new Error(`${id} is a dead letter`);
    return deadLetter;
  }

  /** Walks through all pages; returns their ids in the order in which they came. */
  async listed(
    filter: DeadLetterFilter,
    order: 'newest' | 'oldest' = 'newest',
    limit = 3,
  ): Promise<string[]> {
    const ids: string[] = [];
    let after;
    do {
      const page = await this.deadLetters.page({ filter, order, after, limit });
      expect(page.rows.length).toBeLessThanOrEqual(limit);
      ids.push(...page.rows.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    return ids;
  }

  private storeOf({ tenantId, destinationId }: Lane): BatchStore {
    const store = this.stores[shardOf(tenantId, destinationId, SHARDS)];
    if (store === undefined) throw new Error('there is such a shard');
    return store;
  }
}

/** All that a download would hold. */
export async function textOf(lines: AsyncGenerator<string>): Promise<string> {
  let text = '';
  for await (const line of lines) text += line;
  return text;
}
