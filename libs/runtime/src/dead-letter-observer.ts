import type { Logger } from './logger';
import type { Metrics } from './metrics';

/** A line of the log must not grow with the number of tenants. */
const TENANTS_TOLD = 20;

/** Tells what becomes of dead letters that nobody looks after: in the log, and in a number that an alert can be put on. */
export class DeadLetterObserver {
  private readonly expiredLogEvents;

  constructor(
    metrics: Metrics,
    private readonly log: Logger,
  ) {
    this.expiredLogEvents = metrics.counter(
      'dead_letter_expired_log_events_total',
      'Log events of dead letters that were discarded for their age, or their size',
      ['why'],
    );
  }

  expired(
    { batches, logEvents, bytes }: { batches: number; logEvents: number; bytes: number },
    why: 'age' | 'size',
  ): void {
    this.expiredLogEvents.inc({ why }, logEvents);
    this.log.warn({ batches, logEvents, bytes, why }, 'dead letters have expired');
  }

  expiring({ expiring, fullTenants }: { expiring: number; fullTenants: readonly string[] }): void {
    this.log.warn(
      { batches: expiring, fullTenants: fullTenants.slice(0, TENANTS_TOLD) },
      'dead letters are about to expire: redrive or download them within 24 hours',
    );
  }

  error(error: unknown): void {
    this.log.warn({ err: error }, 'dead letters could not be looked through');
  }
}
