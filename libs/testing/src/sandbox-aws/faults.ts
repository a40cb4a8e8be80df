// Faults on demand. A call passes every fault in the order they were set: waits add up, the first error ends the call.
import { setTimeout as delay } from 'node:timers/promises';
import { faultError } from './fault-error';
import { FaultSpec } from './fault-spec';
import type { FaultAction, ParsedFault } from './fault-spec';
import type { CallEffects, CallSubject } from './gate';
import { SANDBOX } from './limits';
import { createPrng } from './prng';

/** The connection is to be reset: there is nothing to answer. */
export class ConnectionReset extends Error {}

/** The client hung up while its call was waiting: the call must not take effect any more. */
export class ClientGone extends Error {}

export interface FaultReading extends ParsedFault {
  readonly id: string;
  /** Matching calls seen, hit or not. */
  readonly matched: number;
  readonly hits: number;
}

/** What a fault may do to the exchange a call travels in. */
export interface FaultedExchange {
  /** Aborted when the client hangs up or the sandbox stops. */
  readonly closed: AbortSignal;
  loseAnswer(): void;
  delayAnswer(byMs: number): void;
}

class Fault {
  matched = 0;
  hits = 0;
  readonly cleared = new AbortController();
  private readonly chance: () => number;

  constructor(
    readonly id: string,
    readonly spec: ParsedFault,
  ) {
    this.chance = createPrng(spec.seed);
  }

  get isSpent(): boolean {
    return this.spec.times !== undefined && this.hits >= this.spec.times;
  }

  /** Counts the call and says whether it is hit. */
  strikes(subject: CallSubject): boolean {
    if (this.isSpent || !this.matches(subject)) return false;
    this.matched += 1;
    if (this.matched <= this.spec.skip) return false;
    if (this.spec.probability < 1 && this.chance() >= this.spec.probability) return false;
    this.hits += 1;
    return true;
  }

  private matches(subject: CallSubject): boolean {
    const { kind } = this.spec.action;
    if (kind === 'half-accept' && subject.operation !== 'PutLogEvents') return false;
    return Object.entries(this.spec.match).every(
      ([key, wanted]) => wanted === undefined || subject[key as keyof CallSubject] === wanted,
    );
  }
}

export class Faults {
  private readonly faults = new Map<string, Fault>();
  private nextNumber = 1;

  add(spec: FaultSpec): string {
    const parsed = FaultSpec.parse(spec);
    if (this.faults.size >= SANDBOX.faultsMax) this.forgetSpent();
    if (this.faults.size >= SANDBOX.faultsMax) {
      throw new RangeError(`No more than ${String(SANDBOX.faultsMax)} faults at a time.`);
    }
    const id = `fault-${String(this.nextNumber)}`;
    this.nextNumber += 1;
    this.faults.set(id, new Fault(id, parsed));
    return id;
  }

  list(): readonly FaultReading[] {
    return [...this.faults.values()].map(({ id, spec, matched, hits }) => ({
      ...spec,
      id,
      matched,
      hits,
    }));
  }

  /** Calls that hang by this fault go on. */
  remove(id: string): boolean {
    this.faults.get(id)?.cleared.abort();
    return this.faults.delete(id);
  }

  clear(): void {
    for (const id of [...this.faults.keys()]) this.remove(id);
  }

  async apply(subject: CallSubject, exchange: FaultedExchange): Promise<CallEffects> {
    let effects: CallEffects = {};
    for (const fault of [...this.faults.values()]) {
      if (!fault.strikes(subject)) continue;
      const { action } = fault.spec;
      const error = faultError(action, subject);
      if (error !== undefined) throw error;
      if (action.kind === 'connection-reset') throw new ConnectionReset();
      if (action.kind === 'half-accept') effects = { ...effects, halfAccept: action };
      if (action.kind === 'lose-answer') {
        exchange.loseAnswer();
        effects = { ...effects, isAnswerLost: true };
      }
      if (action.kind === 'late-answer') exchange.delayAnswer(action.forMs);
      await waitFor(action, fault.cleared.signal, exchange.closed);
    }
    return effects;
  }

  private forgetSpent(): void {
    for (const [id, fault] of this.faults) {
      if (fault.isSpent) this.remove(id);
    }
  }
}

async function waitFor(
  action: FaultAction,
  cleared: AbortSignal,
  closed: AbortSignal,
): Promise<void> {
  if (action.kind !== 'hang' && action.kind !== 'latency') return;
  const signal = AbortSignal.any([cleared, closed]);
  if (!signal.aborted && action.forMs === undefined) {
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  } else {
    // Being cut short is not an error: a cleared fault lets its calls go on.
    await delay(action.forMs, undefined, { signal }).catch(() => undefined);
  }
  if (closed.aborted) throw new ClientGone();
}
