import type { Failure } from '@logferry/core';
import type { Logger } from './logger';
import type { Metrics } from './metrics';

/** A batch, as far as the log and the metrics name it. Metrics have no label for tenants: there may be very many. */
interface ObservedBatch {
  id: string;
  tenantId: string;
  destinationId: string;
  logEvents: number;
  bytes: number;
  openedAt: number;
}

type Next = 'retry' | 'defer' | 'suspend' | 'reject' | 'dead_letter';

/** What a worker tells about its deliveries: one log line for each that did not succeed, and numbers for all. */
export class DeliveryObserver {
  private readonly logEvents;
  private readonly batches;
  private readonly bytes;
  private readonly age;
  private readonly holds;
  private errorLoggedAt = 0;

  constructor(
    metrics: Metrics,
    private readonly log: Logger,
  ) {
    this.logEvents = metrics.counter('delivery_log_events_total', 'Log events by outcome', [
      'outcome',
      'code',
    ]);
    this.batches = metrics.counter(
      'delivery_batches_total',
      'Deliveries of a batch that were begun, by outcome',
      ['outcome', 'code'],
    );
    this.bytes = metrics.counter(
      'delivery_bytes_total',
      'Bytes of batches that were delivered, as the sink counts them',
    );
    this.holds = metrics.counter(
      'delivery_holds_total',
      'Destinations that were held since they do not work, and that went on again',
      ['change', 'code'],
    );
    this.age = metrics.histogram(
      'delivery_age_seconds',
      'Time from the first log event of a batch to its delivery',
      [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
    );
  }

  delivered(
    batch: ObservedBatch,
    outcome: { rejected: readonly { code: string; from: number; to: number }[] },
  ): void {
    let delivered = batch.logEvents;
    for (const { code, from, to } of outcome.rejected) {
      delivered -= to - from;
      this.logEvents.inc({ outcome: 'rejected', code }, to - from);
      this.log.warn(
        { ...name(batch), code, rejected: to - from },
        'log events were refused; they are kept as a dead letter',
      );
    }
    this.logEvents.inc({ outcome: 'delivered', code: '' }, delivered);
    this.batches.inc({ outcome: 'delivered', code: '' });
    this.bytes.inc(batch.bytes);
    this.age.observe((Date.now() - batch.openedAt) / 1_000);
    this.log.debug({ ...name(batch), logEvents: delivered }, 'delivered');
  }

  failed(batch: ObservedBatch, failure: Failure, next: Next): void {
    const { code, fault, detail } = failure;
    if (next === 'reject') this.logEvents.inc({ outcome: 'rejected', code }, batch.logEvents);
    this.batches.inc({ outcome: next, code });
    const line = { ...name(batch), code, fault, detail, next };
    if (next === 'dead_letter')
      this.log.error({ ...line, err: failure }, 'the batch is a dead letter');
    else this.log.warn(line, 'not delivered');
  }

  held(batch: ObservedBatch, { code, fault }: Failure): void {
    this.holds.inc({ change: 'held', code });
    this.log.warn({ ...name(batch), code, fault }, 'the destination is held');
  }

  resumed(batch: ObservedBatch): void {
    this.holds.inc({ change: 'resumed', code: '' });
    this.log.info(name(batch), 'the destination works again; what was held goes on');
  }

  /** A worker without Redis fails many times a second; its log must not. */
  error(error: unknown): void {
    if (Date.now() - this.errorLoggedAt < 1_000) return;
    this.errorLoggedAt = Date.now();
    this.log.warn({ err: error }, 'the queue');
  }
}

function name({ id, tenantId, destinationId }: ObservedBatch): Record<string, string> {
  return { batchId: id, tenantId, destinationId };
}
