import type { Job, Processor, Worker } from 'bullmq';
import { Rounds } from './rounds';
import { within } from './within';

interface JobFetcherOptions {
  /** Opens a worker of BullMQ's, which begins to fetch at once. */
  open: (process: Processor) => Worker;
  process: (job: Job, token: string | undefined) => Promise<void>;
  /** Whether there are jobs that a worker could take now. */
  hasWork: () => Promise<boolean>;
  /** How many jobs a worker takes at once. */
  inHandMax: number;
  onError: (error: unknown) => void;
  lookMs?: number;
  /** For how long a worker with room may take nothing. */
  idleMsMax?: number;
}

const LOOK_MS = 1_000;
/** It takes a job within milliseconds. */
const IDLE_MS_MAX = 5_000;

/**
 * Fetches jobs, and sees to it that somebody does.
 *
 * After the failover of a Redis Cluster a worker of BullMQ's stops fetching for good, one time in four: neither an error nor another
 * command comes of it, while its other connection goes on (bullmq 6.7.0, ioredis 6.0.0; seen for more than a minute). One that takes
 * nothing although there is something is left, and another one opened.
 */
export class JobFetcher {
  private worker: Worker;
  /** Those that were left, as long as they have not ended. */
  private readonly left = new Set<Worker>();
  private inHand = 0;
  private movedAt = performance.now();
  /** Whether there was something to take when it was looked last. */
  private hadWork = false;
  private isClosed = false;
  private readonly rounds: Rounds;

  constructor(private readonly options: JobFetcherOptions) {
    this.worker = this.open();
    this.rounds = new Rounds({
      everyMs: options.lookMs ?? LOOK_MS,
      round: () => this.look(),
      onError: options.onError,
    });
  }

  /** Lets what is under way end, for at most `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.isClosed = true;
    this.rounds.stop();
    const closed = await within(this.worker.close(), deadlineMs);
    // Closing by force after closing kindly has no effect in BullMQ; cutting its connections has.
    if (closed === 'late') this.left.add(this.worker);
    for (const worker of this.left) void worker.disconnect().catch(() => undefined);
  }

  private open(): Worker {
    const worker = this.options.open((job, token) => this.process(job, token));
    worker.on('error', this.options.onError);
    return worker;
  }

  private async process(job: Job, token: string | undefined): Promise<void> {
    this.inHand++;
    this.movedAt = performance.now();
    try {
      await this.options.process(job, token);
    } finally {
      this.inHand--;
      this.movedAt = performance.now();
    }
  }

  private async look(): Promise<void> {
    const { movedAt } = this;
    const { inHandMax, idleMsMax = IDLE_MS_MAX } = this.options;
    if (this.inHand >= inHandMax || performance.now() - movedAt < idleMsMax) {
      this.hadWork = false;
      return;
    }
    // What came a moment ago may be on its way: it is looked at twice.
    const hadWork = this.hadWork;
    this.hadWork = await this.options.hasWork();
    // It may have been closed while it looked: nobody would close what it opens then.
    if (hadWork && this.hadWork && movedAt === this.movedAt && !this.isClosed) this.replace();
  }

  /** What the worker has in hand goes on; it only fetches nothing any more. */
  private replace(): void {
    const idle = this.worker;
    this.options.onError(
      new Error('the worker took nothing although there is something: another one takes its place'),
    );
    this.left.add(idle);
    void idle
      .close()
      .catch(() => undefined)
      .finally(() => this.left.delete(idle));
    this.movedAt = performance.now();
    this.hadWork = false;
    this.worker = this.open();
  }
}
