import type { Batch } from '@logferry/queue';
import type { Metrics } from '@logferry/runtime';

/**
 * Counts what CloudWatch Logs may have once more than it should: it takes the same call twice, and where nobody knows what became of
 * the first one it has to be put again.
 */
export class PossibleRepeats {
  private readonly logEvents;

  constructor(metrics: Metrics) {
    this.logEvents = metrics.counter(
      'cloudwatch_maybe_repeated_log_events_total',
      'Log events that CloudWatch Logs may have once more than it should, since nobody knows what became of a call with them',
      ['why'],
    );
  }

  count(logEvents: number, why: 'unanswered' | 'server_error' | 'taken_over'): void {
    this.logEvents.inc({ why }, logEvents);
  }

  /** A delivery that was begun before and came to no end: its worker died, was cut off or had to stop. */
  begun({ begun, lastFailure, logEvents }: Batch): void {
    if (begun > 1 && lastFailure === undefined) this.count(logEvents, 'taken_over');
  }
}
