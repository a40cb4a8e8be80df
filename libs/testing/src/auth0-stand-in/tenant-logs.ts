import { isLaterId, logId } from './log-id';
import { matcher } from './log-search';

/** A log event as the Management API gives it. */
export interface Auth0Log {
  readonly log_id: string;
  /** The same again. */
  readonly _id: string;
  readonly date: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** One to be added: what it does not say is made up as Auth0 would. */
export type NewAuth0Log = Partial<Auth0Log> & { readonly type: string };

interface Stored {
  readonly id: string;
  readonly takenAtMs: number;
  readonly date: string;
  readonly type: string;
  /** As it is sent: 100,000 of them as objects would need four times the memory. */
  readonly text: string;
}

/** The log of one tenant, in the order of its ids. */
export class TenantLogs {
  private readonly stored: Stored[] = [];
  private sequence = 0;

  constructor(
    private readonly nowMs: () => number,
    /** Older ones are gone. */
    public retentionMs: number,
  ) {}

  /** How many it has ever taken in. */
  get count(): number {
    return this.sequence;
  }

  /** Takes one in, now unless said otherwise. Those with an id of their own must come in the order of their ids. */
  add(log: NewAuth0Log, takenAtMs = this.nowMs()): Auth0Log {
    this.sequence += 1;
    const id = log.log_id ?? logId(takenAtMs, this.sequence);
    const last = this.stored.at(-1);
    if (last !== undefined && !isLaterId(id, last.id))
      throw new RangeError(`The log event ${id} does not come after ${last.id}.`);
    const date = log.date ?? new Date(takenAtMs).toISOString();
    const whole = { ...log, date, log_id: id, _id: id };
    this.stored.push({ id, takenAtMs, date, type: log.type, text: JSON.stringify(whole) });
    return whole;
  }

  /** Those newer than `id`; it need not be there any more, nor ever have been. */
  after(id: string, count: number): string[] {
    this.forgetOld();
    const start = this.firstIndex((stored) => isLaterId(stored.id, id));
    return this.stored.slice(start, start + count).map(({ text }) => text);
  }

  /** By search: all that match, by the event's own time; those of the same time in the order of their ids. */
  search(query: string, isNewestFirst: boolean): string[] {
    this.forgetOld();
    const matches = matcher(query);
    const found = this.stored
      .filter(({ text }) => query === '' || matches(JSON.parse(text) as Auth0Log))
      .sort((a, b) => (a.date < b.date ? -1 : Number(a.date > b.date)));
    if (isNewestFirst) found.reverse();
    return found.map(({ text }) => text);
  }

  one(id: string): string | undefined {
    this.forgetOld();
    return this.stored.find((stored) => stored.id === id)?.text;
  }

  /** The ids that can still be had, oldest first. */
  ids(): string[] {
    this.forgetOld();
    return this.stored.map(({ id }) => id);
  }

  all(): Auth0Log[] {
    this.forgetOld();
    return this.stored.map(({ text }) => JSON.parse(text) as Auth0Log);
  }

  /** Deletes the oldest ones, as the end of their retention would. */
  dropOldest(count: number): void {
    this.stored.splice(0, count);
  }

  private forgetOld(): void {
    const oldestMs = this.nowMs() - this.retentionMs;
    const kept = this.firstIndex(({ takenAtMs }) => takenAtMs >= oldestMs);
    if (kept > 0) this.dropOldest(kept);
  }

  private firstIndex(isReached: (stored: Stored) => boolean): number {
    let low = 0;
    let high = this.stored.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const stored = this.stored[middle];
      if (stored !== undefined && isReached(stored)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
