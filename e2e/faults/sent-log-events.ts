// What producers have sent, and what they were told of it. Every log event says in its message who sent it, for whom, and which it is.

/** Which log event it is, and of whom. */
export interface Origin {
  tenant: string;
  producer: string;
  sequence: number;
}

/**
 * - `acknowledged`: it must be somewhere.
 * - `unknown`: nobody answered, or not with a yes: it may be somewhere.
 * - `refused`: it was named as not accepted: it must be nowhere.
 */
export type Answer = 'acknowledged' | 'unknown' | 'refused';

export interface SentLogEvent extends Origin {
  answer: Answer;
  /** Its own time, if its producer said one. */
  timeMs: number | undefined;
  answeredAt: number;
}

export class SentLogEvents {
  private readonly byKey = new Map<string, SentLogEvent>();

  /** Told again with each repetition of a request: the last answer counts, and a yes is never taken back. */
  note(events: readonly Omit<SentLogEvent, 'answer' | 'answeredAt'>[], answer: Answer): void {
    const answeredAt = Date.now();
    for (const event of events) {
      const key = keyOf(event);
      if (this.byKey.get(key)?.answer === 'acknowledged') continue;
      this.byKey.set(key, { ...event, answer, answeredAt });
    }
  }

  find(origin: Origin): SentLogEvent | undefined {
    return this.byKey.get(keyOf(origin));
  }

  all(): SentLogEvent[] {
    return [...this.byKey.values()];
  }

  acknowledged(): number {
    let count = 0;
    for (const { answer } of this.byKey.values()) if (answer === 'acknowledged') count++;
    return count;
  }
}

export function keyOf({ tenant, producer, sequence }: Origin): string {
  return `${tenant}/${producer}/${sequence}`;
}

/** The message of a log event. */
export function messageOf(origin: Origin, padding: string): string {
  return `${keyOf(origin)} ${padding}`;
}

/** The log event that a message is of; undefined for one that no producer has written. */
export function originOf(message: string): Origin | undefined {
  const match = /^([a-z]+)\/([\w-]+)\/(\d+) /.exec(message);
  const [, tenant, producer, sequence] = match ?? [];
  if (tenant === undefined || producer === undefined) return undefined;
  return { tenant, producer, sequence: Number(sequence) };
}
