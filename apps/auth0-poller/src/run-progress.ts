import type { RunWarning, RunLogLine } from '@logferry/core';
import type { RunGrowth, RunLease } from '@logferry/sources';
import type { Logger } from '@logferry/runtime';
import type { PollerMetrics } from './poller-metrics';

const TOLD_EVERY_MS = 1_000;

/** What a run has come to that is not written down yet, and what it tells whoever watches it. */
export class RunProgress {
  readonly warnings = new Set<RunWarning>();
  read = 0;
  newestMs: number | undefined;
  private pending = { apiCalls: 0, waitedApiMs: 0, waitedIngestMs: 0 };
  private toldAtMs = 0;
  private accepted = 0;
  private unwanted = 0;

  constructor(
    private readonly lease: RunLease,
    private readonly metrics: PollerMetrics,
    private readonly logger: Logger,
  ) {}

  called(status: number): void {
    this.pending.apiCalls++;
    this.metrics.called(status);
  }

  waited(on: 'api' | 'ingest', ms: number): void {
    if (on === 'api') this.pending.waitedApiMs += ms;
    else this.pending.waitedIngestMs += ms;
    this.metrics.waited(on, ms);
  }

  /** What is to be counted with the next step, and is counted by it. */
  take(): RunGrowth {
    const taken = this.pending;
    this.pending = { apiCalls: 0, waitedApiMs: 0, waitedIngestMs: 0 };
    return taken;
  }

  settled(growth: RunGrowth, checkpoint: string): void {
    this.read += growth.read ?? 0;
    this.accepted += growth.accepted ?? 0;
    this.unwanted += growth.unwanted ?? 0;
    this.metrics.settled(growth);
    const nowMs = Date.now();
    if (nowMs - this.toldAtMs < TOLD_EVERY_MS) return;
    this.toldAtMs = nowMs;
    const unwanted = this.unwanted > 0 ? `, ${this.unwanted} wanted by no destination` : '';
    this.tell(
      'info',
      `${this.read} read, ${this.accepted} accepted${unwanted}, up to ${checkpoint}`,
    );
  }

  saw(timeMs: number | undefined): void {
    if (timeMs !== undefined) this.newestMs = Math.max(this.newestMs ?? 0, timeMs);
  }

  /** For whoever watches the run; without Redis, nobody does. */
  tell(level: RunLogLine['level'], text: string): void {
    const { feed } = this.lease;
    this.logger.debug({ ...feed, text }, 'run');
    this.lease.log(level, text).catch(() => undefined);
  }
}
