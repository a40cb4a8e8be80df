import type { Sink } from '@logferry/core';
import {
  KeptBatches,
  KeptRetention,
  redisResponds,
  ReplayKeeper,
  Replays,
  type BatchStore,
  type KeepRoom,
  type RedisClient,
  type RedisMemory,
} from '@logferry/queue';
import { KeptObserver, type Logger, type Metrics } from '@logferry/runtime';
import type { Directory } from '@logferry/store';

interface KeepingParts {
  sink: Sink;
  stores: readonly BatchStore[];
  redis: RedisClient;
  memory: RedisMemory;
  directory: Pick<Directory, 'destination'>;
  metrics: Metrics;
  log: Logger;
  config: { keepMemoryPercentMax: number; keepTenantMemoryPercentMax: number };
}

/** What a worker does for what was delivered and is kept: gives it up in time, and takes its sink's replays on. */
export class Keeping {
  /** What the consumers may keep. */
  readonly room: KeepRoom;
  private readonly retention: KeptRetention;
  private readonly replays: readonly Replays[];
  private readonly keepers: readonly ReplayKeeper[];

  constructor(private readonly parts: KeepingParts) {
    const { sink, stores, metrics, log, directory } = parts;
    const observer = new KeptObserver(metrics, log);
    const kept = stores.map((store) => new KeptBatches(store));
    this.replays = stores.map((store, shard) => {
      const ofShard = kept[shard] ?? new KeptBatches(store);
      return new Replays(store, ofShard);
    });
    this.room = {
      tenantBytesMax: () => this.tenantBytesMax(),
      hasRoom: () => this.excess() < 0,
      gaveUp: (batches) => observer.gaveUp(batches, 'size'),
    };
    this.keepers = this.replays.map(
      (replays) => new ReplayKeeper({ replays, sink }, this.room, observer),
    );
    this.retention = new KeptRetention(
      {
        shards: kept,
        // Of another sink now: what was delivered through the former cannot be replayed any more.
        keepOf: async ({ tenantId, destinationId, sink: of }) => {
          const destination = await directory.destination(tenantId, destinationId);
          return destination?.type === of ? destination.keep : undefined;
        },
      },
      {
        tenantBytesMax: () => this.tenantBytesMax(),
        excessBytes: () => this.excessBytes(),
      },
      observer,
    );
    observer.gauges(() => this.state(kept));
  }

  /** Not to be awaited without Redis: then it would not end. */
  async close(): Promise<void> {
    this.retention.stop();
    for (const keeper of this.keepers) keeper.stop();
    await Promise.all(this.replays.map((replays) => replays.close()));
  }

  private tenantBytesMax(): number {
    const { memory, config, stores } = this.parts;
    return (memory.bytes * config.keepTenantMemoryPercentMax) / 100 / stores.length;
  }

  /** By how much of its memory Redis is fuller than it should be while anything is kept; less than 0 if it is not. */
  private excess(): number {
    const { memory, config } = this.parts;
    return memory.fill - config.keepMemoryPercentMax / 100;
  }

  private async excessBytes(): Promise<number> {
    const { memory } = this.parts;
    await memory.refresh();
    const excess = this.excess();
    return excess <= 0 ? 0 : excess * memory.bytes;
  }

  private async state(
    kept: readonly KeptBatches[],
  ): Promise<{ batches: number; bytes: number; replays: number }> {
    // Commands of a worker wait for Redis as long as it takes; a scrape must not.
    if (!(await redisResponds(this.parts.redis))) throw new Error('Redis does not answer');
    const totals = await Promise.all(kept.map((shard) => shard.totals()));
    const running = await Promise.all(
      this.replays.map((replays) => replays.runningCount(this.parts.sink)),
    );
    return {
      batches: totals.reduce((sum, { batches }) => sum + batches, 0),
      bytes: totals.reduce((sum, { bytes }) => sum + bytes, 0),
      replays: running.reduce((sum, count) => sum + count, 0),
    };
  }
}
