import { sinks, type Sink } from '@logferry/core';
import type { LongestWait, Standings } from '@logferry/queue';

/** Batches that one round looks at, at most; the next one goes on behind them. */
const BATCHES_A_ROUND = 20_000;

/**
 * What has waited for longest for each destination, of all that waits: gathered over as many rounds as it takes, so that each of them is
 * bounded, however much waits.
 */
export class WaitSurvey {
  private finished: ReadonlyMap<string, LongestWait> | undefined;
  private gathered = new Map<string, LongestWait>();
  private readonly places: readonly { shard: number; sink: Sink }[];
  private place = 0;
  private offset = 0;

  constructor(private readonly standings: Standings) {
    this.places = Array.from({ length: standings.shards }, (_, shard) =>
      sinks.map((sink) => ({ shard, sink })),
    ).flat();
  }

  /** @param beforeMs what was opened later does not count as waiting yet */
  async advance(beforeMs: number): Promise<void> {
    for (let looked = 0; looked < BATCHES_A_ROUND;) {
      const place = this.places[this.place];
      if (place === undefined) return this.finish();
      const page = await this.standings.waits(place, beforeMs, this.offset);
      for (const [key, wait] of page.waits) this.gather(`${place.sink} ${key}`, wait);
      looked += page.looked;
      this.offset += page.looked;
      if (page.isEnd) {
        this.place++;
        this.offset = 0;
      }
    }
  }

  of(sink: Sink, destinationKey: string): LongestWait | undefined | 'unknown' {
    if (this.finished === undefined) return 'unknown';
    return this.finished.get(`${sink} ${destinationKey}`);
  }

  /** Since when the oldest of what waits in a sink's queues has waited; nothing if nothing does, or nobody has looked at all of it yet. */
  oldest(sink: Sink): number | undefined {
    let oldest: number | undefined;
    for (const [key, { sinceMs }] of this.finished ?? [])
      if (key.startsWith(`${sink} `)) oldest = Math.min(oldest ?? sinceMs, sinceMs);
    return oldest;
  }

  private finish(): void {
    this.finished = this.gathered;
    this.gathered = new Map();
    this.place = 0;
    this.offset = 0;
  }

  private gather(key: string, wait: LongestWait): void {
    const known = this.gathered.get(key);
    if (known === undefined) return void this.gathered.set(key, wait);
    const worse = wait.attempts > known.attempts ? wait : known;
    this.gathered.set(key, { ...worse, sinceMs: Math.min(known.sinceMs, wait.sinceMs) });
  }
}
