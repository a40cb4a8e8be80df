import type { SortedBatch } from './log-batch';

export interface OperationCount {
  readonly calls: number;
  /** How many of them were under way at the same time, at most. */
  readonly mostAtOnce: number;
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

interface Calls {
  calls: number;
  underWay: number;
  mostAtOnce: number;
  readonly errors: Map<string, number>;
}

/** What has been asked of the sandbox and what became of it, since the start or the last reset. */
export class Counters {
  private readonly calls = new Map<string, Calls>();
  private readonly logEvents = {
    batches: 0,
    accepted: 0,
    acceptedMessageBytes: 0,
    rejectedTooOld: 0,
    rejectedTooNew: 0,
    rejectedExpired: 0,
  };
  private readonly objects = { put: 0, putBytes: 0, overwritten: 0 };

  /** A call is under way; what is returned is told of its end. */
  begin(operation: string): () => void {
    const count = this.callsOf(operation);
    count.underWay += 1;
    count.mostAtOnce = Math.max(count.mostAtOnce, count.underWay);
    return () => {
      count.underWay -= 1;
    };
  }

  countCall(operation: string, errorCode: string | undefined): void {
    const count = this.callsOf(operation);
    count.calls += 1;
    if (errorCode !== undefined) {
      count.errors.set(errorCode, (count.errors.get(errorCode) ?? 0) + 1);
    }
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
    const calls = [...this.calls]
      .filter(([, { calls: count }]) => count > 0)
      .map(([operation, { calls: count, mostAtOnce, errors }]) => [
        operation,
        { calls: count, mostAtOnce, errors: Object.fromEntries(errors) },
      ]);
    return {
      calls: Object.fromEntries(calls) as Record<string, OperationCount>,
      logEvents: { ...this.logEvents },
      objects: { ...this.objects },
    };
  }

  private callsOf(operation: string): Calls {
    const known = this.calls.get(operation);
    if (known !== undefined) return known;
    const count = { calls: 0, underWay: 0, mostAtOnce: 0, errors: new Map<string, number>() };
    this.calls.set(operation, count);
    return count;
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
