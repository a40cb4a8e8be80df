import type { Sink } from '@logferry/core';
import type { Queue } from 'bullmq';
import type { BatchStore } from './batch-store';
import { jobData } from './catalog';
import { addJobs, promote } from './producer';
import { Rounds } from './rounds';

const INTERVAL_MS = 1_000;
/** Younger batches are left alone: their jobs are probably on their way. */
const AGE_MS_MIN = 3_000;

/**
 * Walks through a sink's unsettled batches, a page at a time, for ever, and mends what a crash between two steps left behind: a
 * batch without a job gets one, and a batch whose job BullMQ failed by itself (its workers died too often) is counted as dead. And what
 * a clock that was ahead has put off for longer than anything is put off: it would wait until all clocks show that time.
 *
 * Every worker runs one; what two do at once is harmless, since both steps are idempotent.
 */
export class Sweep {
  private cursor = '0';
  private readonly rounds: Rounds;

  constructor(
    private readonly store: BatchStore,
    private readonly queue: Queue,
    private readonly sink: Sink,
    onError: (error: unknown) => void,
  ) {
    this.rounds = new Rounds({ everyMs: INTERVAL_MS, round: () => this.sweepPage(), onError });
  }

  stop(): void {
    this.rounds.stop();
  }

  private async sweepPage(): Promise<void> {
    const page = await sweepPage(this.store, this.queue, {
      sink: this.sink,
      cursor: this.cursor,
      ageMsMin: AGE_MS_MIN,
    });
    this.cursor = page.cursor;
  }
}

/** One step of the sweep. */
export async function sweepPage(
  store: BatchStore,
  queue: Queue,
  { sink, cursor, ageMsMin }: { sink: Sink; cursor: string; ageMsMin: number },
): Promise<{ cursor: string; mended: number }> {
  const page = await store.sweep(sink, cursor, ageMsMin);
  const orphans = await Promise.all(page.orphans.map((batchId) => store.batch(batchId)));
  await addJobs(
    queue,
    orphans
      .filter((batch) => batch !== undefined)
      .map((batch) => ({ batchId: batch.id, data: jobData(batch), delayMs: 0, tenantBatches: 1 })),
  );
  await Promise.all(page.failed.map((batchId) => store.deadLetter(batchId, 'batch.stalled')));
  await Promise.all(page.late.map((batchId) => promote(queue, batchId)));
  const mended = page.orphans.length + page.failed.length + page.late.length;
  return { cursor: page.cursor, mended };
}
