import {
  assert,
  destinationKey,
  shardOf,
  sinks,
  type DestinationPlace,
  type Sink,
} from '@logferry/core';
import type { Hold, Holds } from '@logferry/queue';

export interface HeldDestination extends Hold {
  sink: Sink;
}

/** The destinations of all shards to which nothing is delivered but a probe now and then. */
export class HeldDestinations {
  constructor(private readonly shards: readonly Holds[]) {}

  /** Those that have been held for longest come first. */
  async list(most: number): Promise<HeldDestination[]> {
    const lists = await Promise.all(
      this.shards.flatMap((holds) =>
        sinks.map(async (sink) =>
          (await holds.list(sink, most)).map((hold): HeldDestination => ({ ...hold, sink })),
        ),
      ),
    );
    return lists
      .flat()
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .slice(0, most);
  }

  /** Why a destination is held, if it is. Of a former sink of it only if the present one is not. */
  async find(key: string, sink: Sink): Promise<HeldDestination | undefined> {
    const found = await Promise.all(
      this.shards.flatMap((holds) =>
        sinks.map(async (one) => ({ hold: await holds.find(one, key), sink: one })),
      ),
    );
    const held = found.flatMap(({ hold, sink: of }) =>
      hold === undefined ? [] : [{ ...hold, sink: of }],
    );
    return held.find((one) => one.sink === sink) ?? held[0];
  }

  async count(sink: Sink): Promise<number> {
    const counts = await Promise.all(this.shards.map((holds) => holds.count(sink)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Lets a destination be tried at once. False if it is not held. */
  async resume(key: string): Promise<boolean> {
    const held = await Promise.all(
      this.shards.flatMap((holds) => sinks.map((sink) => holds.resume(sink, key))),
    );
    return held.includes(true);
  }

  /** Has a destination keep what comes for it until it is resumed. */
  async suspend({ tenantId, destinationId }: DestinationPlace, sink: Sink): Promise<void> {
    const holds = this.shards[shardOf(tenantId, destinationId, this.shards.length)];
    assert(holds !== undefined, 'there is a shard for each destination');
    await holds.suspend(sink, destinationKey(tenantId, destinationId));
  }
}
