// One shard that keeps what was delivered, for the tests of what is kept and of replays.
import type { Lane, Sink } from '@logferry/core';
import { aCloudWatchLane, aLogEvent, startRedis, type TestRedis } from '@logferry/testing';
import { BatchStore, type Delivery, type Keeping } from './batch-store';
import { openQueue } from './catalog';
import { buildChunks } from './chunk';
import { encodeFragment } from './fragment';
import { KeptBatches, type KeptPlace } from './kept-batches';
import { newBatchId } from './producer';
import { patientRedis, type RedisAddress, type RedisClient } from './redis-connection';
import { Replays, type ReplayPlan } from './replays';

export const START_MS = Date.UTC(2026, 10, 21);
export const PLACE: KeptPlace = { tenantId: 'acme', destinationId: 'cw', sink: 'cloudwatch' };
export const ALL = { by: 'delivered', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;
const MUCH = 2 ** 40;

export class ReplayTestbed {
  redis!: RedisClient;
  store!: BatchStore;
  kept!: KeptBatches;
  replays!: Replays;
  private server: TestRedis | undefined;

  /** On the Redis that is given, else on one of its own. */
  async start(address?: RedisAddress): Promise<void> {
    if (address === undefined) this.server = await startRedis({ settings: { appendonly: 'no' } });
    const redis = patientRedis(address ?? this.server ?? { url: '' });
    this.redis = redis;
    this.store = new BatchStore(redis, 0);
    this.kept = new KeptBatches(this.store);
    this.replays = new Replays(this.store, this.kept);
  }

  async stop(): Promise<void> {
    await this.replays.close();
    this.redis.disconnect();
    await this.server?.stop();
  }

  /** @returns the id of a batch that holds these messages, a millisecond apart */
  async append(messages: readonly string[], lane: Lane = aCloudWatchLane()): Promise<string> {
    const fragments = messages.map((message, i) =>
      encodeFragment(lane, aLogEvent({ message, timeMs: START_MS + i })),
    );
    const { changes } = await this.store.append({
      id: newBatchId(),
      sections: [
        { lanes: [{ lane, chunks: buildChunks(lane, fragments) }], filteredByTenant: new Map() },
      ],
    });
    const [change] = changes;
    if (change === undefined) throw new Error('it went into a batch that is open');
    return change.batchId;
  }

  async settle(batchId: string, delivery: Partial<Delivery> = {}): Promise<void> {
    const begun = await this.store.begin(batchId);
    if (begun === undefined) throw new Error(`${batchId} was settled before`);
    await this.store.settle(begun.batch, { rejected: [], ...delivery });
  }

  /** Appends a batch and delivers it, so that it is kept. */
  async deliver(
    messages: readonly string[],
    { keep = {}, lane }: { keep?: Partial<Keeping>; lane?: Lane } = {},
  ): Promise<string> {
    const batchId = await this.append(messages, lane);
    await this.settle(batchId, { keep: this.keeping(keep) });
    return batchId;
  }

  keeping(over: Partial<Keeping> = {}): Keeping {
    return { bytesMax: MUCH, tenantBytesMax: MUCH, isEvent: false, ...over };
  }

  async begin(over: Partial<ReplayPlan> = {}): Promise<string> {
    const begun = await this.replays.begin({
      ...PLACE,
      ...ALL,
      isMarked: false,
      isOrdered: false,
      ...over,
    });
    if (!('id' in begun)) throw new Error(`${begun.running} is under way`);
    return begun.id;
  }

  take(id: string, tenantBytesMax = MUCH): ReturnType<Replays['take']> {
    return this.replays.take(id, { tenantBytesMax });
  }

  /** The ids of the batches that wait, oldest first. */
  async waiting(sink: Sink = 'cloudwatch'): Promise<string[]> {
    return this.redis.zrange(`{lf-0}:live:${sink}`, '0', '-1');
  }

  /** Delivers whatever waits. @returns the messages of each batch */
  async deliverAll(): Promise<string[][]> {
    const delivered: string[][] = [];
    for (const batchId of await this.waiting()) {
      const begun = await this.store.begin(batchId);
      if (begun === undefined) continue;
      const body = (await begun.payload.load()).body('[', ']').toString();
      delivered.push((JSON.parse(body) as { message: string }[]).map(({ message }) => message));
      const keep = begun.batch.replay === undefined ? this.keeping() : undefined;
      await this.store.settle(begun.batch, { rejected: [], keep });
      const queue = openQueue(this.redis, 'cloudwatch', 0);
      await queue.remove(batchId);
      await queue.close();
    }
    return delivered;
  }

  /** Replays until it is over. @returns the messages of each batch that was delivered */
  async runReplay(id: string): Promise<string[][]> {
    const delivered: string[][] = [];
    for (;;) {
      const { next } = await this.take(id);
      if (next === 'done' || next === 'ended') return delivered;
      delivered.push(...(await this.deliverAll()));
    }
  }
}
