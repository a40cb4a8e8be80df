// One shard for random programs of the batch protocol, empty before each of them.
import { startRedis, type TestRedis } from '@logferry/testing';
import type { Model, Real } from './batch-protocol.testbed';
import { BatchStore } from './batch-store';
import { DeliverStep, sweepAll, TendStep } from './batch-steps.testbed';
import { openQueue } from './catalog';
import { DeadLetterStore } from './dead-letter-store';
import { Holds } from './holds';
import { KeptBatches } from './kept-batches';
import { patientRedis, type RedisClient } from './redis-connection';
import { Replays } from './replays';

export class BatchPrograms {
  private server!: TestRedis;
  private redis!: RedisClient;
  private parts!: Omit<Real, 'finished' | 'held'>;

  async start(): Promise<void> {
    this.server = await startRedis({ settings: { appendonly: 'no' } });
    this.redis = patientRedis(this.server);
    const { redis } = this;
    const store = new BatchStore(redis, 0);
    const kept = new KeptBatches(store);
    const queue = openQueue(redis, 'cloudwatch', 0);
    await queue.waitUntilReady();
    this.parts = {
      ...{ store, kept, queue, redis },
      holds: new Holds(redis, 0),
      deadLetters: new DeadLetterStore(store),
      replays: new Replays(store, kept),
    };
  }

  async stop(): Promise<void> {
    const { deadLetters, replays, queue } = this.parts;
    await Promise.all([deadLetters.close(), replays.close(), queue.close()]);
    this.redis.disconnect();
    await this.server.stop();
  }

  async fresh(): Promise<{ model: Model; real: Real }> {
    await this.redis.flushall();
    const model: Model = {
      accepted: new Map(),
      sink: new Map(),
      discarded: new Set(),
      replays: new Map(),
      repeatsMax: 0,
      nextId: 0,
    };
    return { model, real: { ...this.parts, finished: [], held: [] } };
  }

  /** Healthy workers, for as long as it takes. */
  async settleDown(model: Model, real: Real, rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await sweepAll(real);
      await new TendStep(false).run(model, real);
      await new DeliverStep().run(model, real);
    }
  }
}
