import type { SortedBatch } from './log-batch';

export interface OperationCount {
  readonly calls: number;
  /** Refusals and failures, by AWS's error code. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface CounterReading {
  /** Keys like `logs:PutLogEvents`. */
  readonly calls: Readonly<Record<string, OperationCount>>;
  readonly logEvents: {
    readonly batches: number;
    readonly accepted: number;
    readonly acceptedMessageBytes: number;
    readonly rejectedTooOld: number;
    readonly rejectedTooNew: number;
    readonly rejectedExpired: number;
  };
  readonly objects: {
    readonly put: number;
    readonly putBytes: number;
    /** PUTs that replaced an object: with deterministic keys and If-None-Match there are none. */
    readonly overwritten: number;
  };
}

/** What has been asked of the sandbox and what became of it, since the start or the last reset. */
export class Counters {
  private readonly calls = new Map<string, { calls: number; errors: Map<string, number> }>();
  private readonly logEvents = {
    batches: 0,
    accepted: 0,
    acceptedMessageBytes: 0,
    rejectedTooOld: 0,
    rejectedTooNew: 0,
    rejectedExpired: 0,
  };
  private readonly objects = { put: 0, putBytes: 0, overwritten: 0 };

  countCall(operation: string, errorCode: string | undefined): void {
    const count = this.calls.get(operation) ?? { calls: 0, errors: new Map<string, number>() };
    count.calls += 1;
    if (errorCode !== undefined) {
      count.errors.set(errorCode, (count.errors.get(errorCode) ?? 0) + 1);
    }
    this.calls.set(operation, count);
  }

  countLogEvents(batch: SortedBatch): void {
    this.logEvents.batches += 1;
    this.logEvents.accepted += batch.accepted.length;
    this.logEvents.acceptedMessageBytes += batch.acceptedMessageBytes;
    this.logEvents.rejectedTooOld += batch.counts.tooOld;
    this.logEvents.rejectedTooNew += batch.counts.tooNew;
    this.logEvents.rejectedExpired += batch.counts.expired;
  }

  countObject(contentBytes: number, isOverwritten: boolean): void {
    this.objects.put += 1;
    this.objects.putBytes += contentBytes;
    if (isOverwritten) this.objects.overwritten += 1;
  }

  read(): CounterReading {
    const calls = [...this.calls].map(([operation, { calls: count, errors }]) => [
      operation,
      { calls: count, errors: Object.fromEntries(errors) },
    ]);
    return {
      calls: Object.fromEntries(calls) as Record<string, OperationCount>,
      logEvents: { ...this.logEvents },
      objects: { ...this.objects },
    };
  }

  reset(): void {
    this.calls.clear();
    for (const key of Object.keys(this.logEvents)) {
      this.logEvents[key as keyof typeof this.logEvents] = 0;
    }
    for (const key of Object.keys(this.objects)) {
      this.objects[key as keyof typeof this.objects] = 0;
    }
  }
}
