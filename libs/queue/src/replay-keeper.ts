import type { Sink } from '@logferry/core';
import type { Replays } from './replays';
import { Rounds } from './rounds';

const INTERVAL_MS = 1_000;
/** A replay has few batches under way, and they are mostly settled sooner than this. */
const GOING_MS = 100;
const REPLAYS_A_ROUND = 20;

/** What a replay may take of Redis, asked each time. */
export interface ReplayBounds {
  tenantBytesMax(): number;
  /** Whether Redis has memory left for what is not live. */
  hasRoom(): boolean;
}

export interface ReplayObserver {
  replayed(batches: number): void;
  replayDone(replayId: string): void;
  error(error: unknown): void;
}

/**
 * Takes the replays of a sink on, a few batches at a time.
 *
 * Every worker runs one. Which batch is next, and whether there is room for it, is decided by the script that makes it, so that what
 * two do at once is what one would have done, and one that is killed leaves nothing behind.
 */
export class ReplayKeeper {
  private readonly rounds: Rounds;

  constructor(
    private readonly parts: { replays: Pick<Replays, 'running' | 'take'>; sink: Sink },
    private readonly bounds: ReplayBounds,
    private readonly observer: ReplayObserver,
  ) {
    this.rounds = new Rounds({
      everyMs: INTERVAL_MS,
      round: () => this.round(),
      onError: (error) => observer.error(error),
    });
  }

  stop(): void {
    this.rounds.stop();
  }

  /** @returns how long it is until the next one */
  private async round(): Promise<number | undefined> {
    const { replays, sink } = this.parts;
    const ids = await replays.running(sink, REPLAYS_A_ROUND);
    if (ids.length === 0 || !this.bounds.hasRoom()) return undefined;
    const amiss: unknown[] = [];
    // One that cannot go on keeps no other from doing so.
    for (const id of ids) await this.take(id).catch((error: unknown) => amiss.push(error));
    if (amiss.length > 0) throw new AggregateError(amiss, `${amiss.length} replays cannot go on`);
    return GOING_MS;
  }

  private async take(id: string): Promise<void> {
    const { made, next } = await this.parts.replays.take(id, {
      tenantBytesMax: this.bounds.tenantBytesMax(),
    });
    if (made > 0) this.observer.replayed(made);
    if (next === 'done') this.observer.replayDone(id);
  }
}
