import { Failure, type Sink } from '@logferry/core';
import type { Queue } from 'bullmq';
import type { BatchStore } from './batch-store';
import type { ConsumerObserver } from './consumer';
import type { Holds, Tending } from './holds';
import { promote } from './producer';
import { Rounds } from './rounds';

/** How long, and how much, is kept for a destination that does not work. */
export interface HoldLimits {
  windowMs: number;
  /** What a tenant's held batches may take of Redis in this shard. Asked each time, since a Redis may be given more. */
  tenantBytesMax: () => number;
}

interface Parts {
  store: BatchStore;
  holds: Holds;
  queue: Queue;
  sink: Sink;
}

const INTERVAL_MS = 1_000;
/** There may be more where these came from. */
const RELEASING_MS = 50;

/**
 * Wakes the batches that were put aside: one for each destination that is due for a probe, and all of those whose destination works
 * again. And gives up, oldest first, what was held too long or is too much.
 *
 * Every worker runs one. What two do at once is harmless: a batch that is woken twice asks Redis whether it may go.
 */
export class HoldKeeper {
  private readonly rounds: Rounds;

  constructor(
    private readonly parts: Parts,
    private readonly limits: HoldLimits,
    private readonly observer: Pick<ConsumerObserver, 'failed' | 'error'>,
  ) {
    this.rounds = new Rounds({
      everyMs: INTERVAL_MS,
      round: async () => ((await this.tend()) > 0 ? RELEASING_MS : undefined),
      onError: (error) => observer.error(error),
    });
  }

  stop(): void {
    this.rounds.stop();
  }

  /** @returns how many were woken for good */
  private async tend(): Promise<number> {
    const { holds, queue, sink } = this.parts;
    const { windowMs, tenantBytesMax } = this.limits;
    const { probes, released, expired } = await holds.tend(sink, windowMs, tenantBytesMax());
    await Promise.all(probes.map((batchId) => promote(queue, batchId)));
    const woken = await Promise.all(
      released.map(async (aside) => ((await promote(queue, aside.batchId)) ? [aside] : [])),
    );
    // One that could not be woken may be on its way to being put off this very moment: the next round tries again.
    await holds.release(woken.flat());
    for (const batch of expired) await this.giveUp(batch);
    return woken.flat().length;
  }

  private async giveUp({ batchId, code }: Tending['expired'][number]): Promise<void> {
    const { store, queue } = this.parts;
    const batch = await store.batch(batchId);
    if (batch === undefined || !(await store.deadLetter(batchId, code, true))) return;
    this.observer.failed(batch, new Failure(code), 'dead_letter');
    await promote(queue, batchId);
  }
}
