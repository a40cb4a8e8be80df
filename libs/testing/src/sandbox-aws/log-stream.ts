// One log stream: the batches it was given, in order of arrival, and a view of its events in order of time.
import { SANDBOX } from './limits';
import type { Held, MemoryBudget } from './memory-budget';

export interface StoredEvent {
  readonly timestamp: number;
  readonly message: string;
  readonly ingestedAtMs: number;
  /** Grows with every event a stream takes: tells apart events that are alike, and gives equal timestamps an order. */
  readonly sequence: number;
}

export interface IncomingEvent {
  readonly timestamp: number;
  readonly message: string;
}

interface StoredBatch extends Held {
  readonly events: readonly IncomingEvent[];
  readonly ingestedAtMs: number;
  readonly sequenceStart: number;
}

export class LogStream {
  readonly name: string;
  readonly createdAtMs: number;
  firstEventAtMs: number | undefined;
  lastEventAtMs: number | undefined;
  lastIngestedAtMs: number | undefined;
  acceptedEvents = 0;
  acceptedMessageBytes = 0;
  droppedEvents = 0;
  private readonly batches = new Set<StoredBatch>();
  private readonly budget: MemoryBudget;
  private readonly onDrop: (events: number) => void;
  private view: readonly StoredEvent[] | undefined;

  constructor(
    name: string,
    createdAtMs: number,
    budget: MemoryBudget,
    onDrop: (events: number) => void,
  ) {
    this.name = name;
    this.createdAtMs = createdAtMs;
    this.budget = budget;
    this.onDrop = onDrop;
  }

  append(events: readonly IncomingEvent[], messageBytes: number, nowMs: number): void {
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return;
    const batch: StoredBatch = {
      events,
      ingestedAtMs: nowMs,
      sequenceStart: this.acceptedEvents,
      bytes: messageBytes + events.length * SANDBOX.keptEventOverheadBytes,
      drop: () => {
        this.forget(batch);
        this.droppedEvents += events.length;
        this.onDrop(events.length);
      },
    };
    this.acceptedEvents += events.length;
    this.acceptedMessageBytes += messageBytes;
    this.firstEventAtMs = Math.min(this.firstEventAtMs ?? first.timestamp, first.timestamp);
    this.lastEventAtMs = Math.max(this.lastEventAtMs ?? last.timestamp, last.timestamp);
    this.lastIngestedAtMs = nowMs;
    this.batches.add(batch);
    this.view = undefined;
    this.budget.hold(batch);
  }

  /** By time, then by arrival. Built when asked for and kept until the stream changes. */
  events(): readonly StoredEvent[] {
    this.view ??= [...this.batches]
      .flatMap(unfoldBatch)
      .sort((a, b) => a.timestamp - b.timestamp || a.sequence - b.sequence);
    return this.view;
  }

  /** The events that arrived last, latest first: cheap however long the stream is. */
  latestEvents(countMax: number): StoredEvent[] {
    const latest: StoredEvent[] = [];
    for (const batch of [...this.batches].reverse()) {
      if (latest.length >= countMax) break;
      latest.push(
        ...unfoldBatch(batch)
          .slice(latest.length - countMax)
          .reverse(),
      );
    }
    return latest;
  }

  /** Events beyond the first of their kind: same stream, same time, same message. CloudWatch keeps them, so a retry shows. */
  duplicateEvents(): number {
    const seen = new Set<string>();
    const events = this.events();
    for (const event of events) seen.add(`${String(event.timestamp)} ${event.message}`);
    return events.length - seen.size;
  }

  /** The stream is deleted: its memory goes back, and nothing counts as dropped. */
  release(): void {
    for (const batch of this.batches) this.budget.release(batch);
    this.batches.clear();
    this.view = undefined;
  }

  private forget(batch: StoredBatch): void {
    this.batches.delete(batch);
    this.view = undefined;
  }
}

function unfoldBatch({ events, ingestedAtMs, sequenceStart }: StoredBatch): StoredEvent[] {
  return events.map(({ timestamp, message }, index) => ({
    timestamp,
    message,
    ingestedAtMs,
    sequence: sequenceStart + index,
  }));
}
