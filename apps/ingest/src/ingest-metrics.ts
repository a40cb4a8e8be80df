import { RepeatedLine, type Logger, type Metrics } from '@logferry/runtime';
import type { Acceptance } from './accept-log-events';
import type { RedisWatch } from './redis-watch';

/** What ingest tells about itself. A failing Redis is logged once a second at most: every request fails at the same time. */
export class IngestMetrics {
  private readonly logEvents;
  private readonly duplicates;
  private readonly bytes;
  private readonly latency;
  private readonly failures;
  private readonly rateLimits;
  private readonly failureLine: RepeatedLine<unknown>;

  constructor(metrics: Metrics, watch: Pick<RedisWatch, 'problems'>, log: Logger) {
    this.logEvents = metrics.counter('ingest_log_events_total', 'Log events by verdict', [
      'verdict',
    ]);
    this.duplicates = metrics.counter(
      'ingest_duplicate_log_events_total',
      'Log events that a destination had already, by their ids',
    );
    const problems = metrics.gauge(
      'ingest_redis_problem',
      '1 for each thing that is wrong with Redis',
      ['problem'],
      () => {
        problems.reset();
        for (const problem of watch.problems) problems.set({ problem }, 1);
      },
    );
    this.bytes = metrics.counter('ingest_body_bytes_total', 'Bytes of bodies that were taken');
    this.latency = metrics.histogram(
      'ingest_acknowledgement_seconds',
      'Time from the whole body to the acknowledgement',
      [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    );
    this.rateLimits = metrics.counter(
      'ingest_rate_limited_requests_total',
      'Requests that came when their key was ahead of its rate',
    );
    this.failures = metrics.counter(
      'ingest_store_failures_total',
      'Requests that could not be stored',
    );
    this.failureLine = new RepeatedLine((times, error) => {
      log.warn({ err: error, times }, 'log events could not be stored');
    }, 1_000);
  }

  accepted({ verdict, repeated }: Acceptance, bytes: number, tookMs: number): void {
    const { filtered = 0 } = verdict;
    if (repeated) {
      this.logEvents.inc({ verdict: 'repeated' }, verdict.accepted);
    } else {
      this.logEvents.inc({ verdict: 'accepted' }, verdict.accepted - filtered);
      this.logEvents.inc({ verdict: 'filtered' }, filtered);
      this.logEvents.inc({ verdict: 'rejected' }, verdict.rejected.length);
      this.duplicates.inc(verdict.duplicates ?? 0);
    }
    this.bytes.inc(bytes);
    this.latency.observe(tookMs / 1_000);
  }

  rateLimited(): void {
    this.rateLimits.inc();
  }

  storeFailed(error: unknown): void {
    this.failures.inc();
    this.failureLine.add(error);
  }
}
