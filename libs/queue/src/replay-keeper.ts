import type { Sink } from '@logferry/core';
import type { Replays } from './replays';

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
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly parts: { replays: Pick<Replays, 'running' | 'take'>; sink: Sink },
    private readonly bounds: ReplayBounds,
    private readonly observer: ReplayObserver,
  ) {
    this.schedule(INTERVAL_MS);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      void this.round()
        .catch((error: unknown) => this.tell(error))
        .then((delayMs) => this.schedule(delayMs));
    }, delayMs);
  }

  /** @returns how long it is until the next one */
  private async round(): Promise<number> {
    const { replays, sink } = this.parts;
    const ids = await replays.running(sink, REPLAYS_A_ROUND);
    if (ids.length === 0 || !this.bounds.hasRoom()) return INTERVAL_MS;
    let delayMs = GOING_MS;
    for (const id of ids) {
      // One that cannot go on keeps no other from doing so.
      await this.take(id).catch((error: unknown) => (delayMs = this.tell(error)));
    }
    return delayMs;
  }

  private async take(id: string): Promise<void> {
    const { made, next } = await this.parts.replays.take(id, {
      tenantBytesMax: this.bounds.tenantBytesMax(),
    });
    if (made > 0) this.observer.replayed(made);
    if (next === 'done') this.observer.replayDone(id);
  }

  /** Not ten times a second. */
  private tell(error: unknown): number {
    if (!this.isStopped) this.observer.error(error);
    return INTERVAL_MS;
  }
}
