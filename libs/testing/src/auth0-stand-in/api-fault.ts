// What can be made to go wrong. A call passes every fault in the order they were set: waits add up, the first one that answers ends it.
import { setTimeout as delay } from 'node:timers/promises';
import { createPrng } from '../sandbox-aws/prng';
import { ApiError, errorAnswer } from './api-error';
import type { ApiOperation } from './auth0-tenant';
import type { Answer } from '../sandbox-aws/answer';
import type { Auth0Log } from './tenant-logs';

export type ApiFaultAction =
  /** An error in Auth0's own form, or whatever is given. */
  | {
      kind: 'answer';
      httpStatus: number;
      body?: string;
      headers?: Readonly<Record<string, string>>;
    }
  /** JSON that ends in the middle, under a length that is right. */
  | { kind: 'garbled' }
  /** The logs of an answer as they should not be: without ids, twice, in another order, or no list at all. */
  | { kind: 'logs'; change: (logs: Auth0Log[]) => unknown }
  /** Headers that are others; undefined takes one away. */
  | { kind: 'headers'; headers: Readonly<Record<string, string | undefined>> }
  /** Takes the request and does not answer: until the fault is cleared, or for so long. Then the call goes on. */
  | { kind: 'hang'; forMs?: number }
  /** Answers late. */
  | { kind: 'latency'; forMs: number }
  /** The connection is reset instead of an answer. */
  | { kind: 'reset' }
  /** Half of the answer, and then the connection breaks. */
  | { kind: 'cut' }
  /** Half of the answer, and then nothing more. */
  | { kind: 'stall' };

export interface ApiFault {
  readonly action: ApiFaultAction;
  /** All of them unless said otherwise. */
  readonly operation?: ApiOperation;
  readonly domain?: string;
  /** After so many calls the fault is over; without it the fault stays until it is cleared. */
  readonly times?: number;
  /** The first so many matching calls are left alone. */
  readonly skip?: number;
  /** The share of matching calls that is hit, drawn from `seed`. */
  readonly probability?: number;
  readonly seed?: number;
}

/** What becomes of an answer on its way out. */
export interface Sending {
  answer: Answer;
  how: 'whole' | 'cut' | 'stall' | 'reset';
}

interface Call {
  readonly operation: ApiOperation;
  readonly domain?: string | undefined;
}

class SetFault {
  matched = 0;
  hits = 0;
  readonly cleared = new AbortController();
  private readonly chance: () => number;

  constructor(readonly spec: ApiFault) {
    this.chance = createPrng(spec.seed ?? 1);
  }

  strikes(call: Call): boolean {
    const { operation, domain, times, skip, probability } = this.spec;
    if (times !== undefined && this.hits >= times) return false;
    if (operation !== undefined && operation !== call.operation) return false;
    if (domain !== undefined && domain !== call.domain) return false;
    this.matched += 1;
    if (this.matched <= (skip ?? 0)) return false;
    if (probability !== undefined && this.chance() >= probability) return false;
    this.hits += 1;
    return true;
  }
}

/** A fault that was set. */
export interface FaultHandle {
  /** Calls that were hit. */
  readonly hits: number;
  /** Ends it; calls that hang by it go on. */
  clear(): void;
}

export class ApiFaults {
  private readonly faults = new Set<SetFault>();

  add(spec: ApiFault): FaultHandle {
    const fault = new SetFault(spec);
    this.faults.add(fault);
    return {
      get hits() {
        return fault.hits;
      },
      clear: () => this.remove(fault),
    };
  }

  clear(): void {
    for (const fault of this.faults) this.remove(fault);
  }

  /** Lets the call be answered, and does to it what the faults that strike it want. */
  async apply(call: Call, answer: () => Promise<Answer>, closed: AbortSignal): Promise<Sending> {
    const struck = [...this.faults].filter((fault) => fault.strikes(call));
    for (const fault of struck) await waitFor(fault.spec.action, fault.cleared.signal, closed);
    const instead = struck.map(({ spec }) => answerInstead(spec.action)).find(Boolean);
    let sending: Sending = { answer: instead ?? (await answer()), how: 'whole' };
    for (const { spec } of struck) sending = changed(sending, spec.action);
    return sending;
  }

  private remove(fault: SetFault): void {
    fault.cleared.abort();
    this.faults.delete(fault);
  }
}

function answerInstead(action: ApiFaultAction): Answer | undefined {
  if (action.kind !== 'answer') return undefined;
  const usual = errorAnswer(new ApiError(action.httpStatus, ...wording(action.httpStatus)));
  return {
    httpStatus: action.httpStatus,
    headers: { ...usual.headers, ...action.headers },
    body: action.body ?? usual.body,
  };
}

function wording(httpStatus: number): [message: string, errorCode?: string] {
  if (httpStatus === 401) return ['Invalid token'];
  if (httpStatus === 403)
    return ['Insufficient scope, expected any of: read:logs', 'insufficient_scope'];
  if (httpStatus === 429) return ['Global limit has been reached', 'too_many_requests'];
  return ['An internal error occurred', 'internal_error'];
}

function changed(sending: Sending, action: ApiFaultAction): Sending {
  const { answer } = sending;
  const { body } = answer;
  switch (action.kind) {
    case 'garbled':
      return { ...sending, answer: { ...answer, body: body.slice(0, body.length >> 1) } };
    case 'logs': {
      if (answer.httpStatus !== 200) return sending;
      const logs = JSON.parse(String(body)) as Auth0Log[];
      return { ...sending, answer: { ...answer, body: JSON.stringify(action.change(logs)) } };
    }
    case 'headers': {
      const entries = Object.entries({ ...answer.headers, ...action.headers });
      const headers = Object.fromEntries(
        entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
      return { ...sending, answer: { ...answer, headers } };
    }
    case 'cut':
    case 'stall':
    case 'reset':
      return { ...sending, how: action.kind };
    default:
      return sending;
  }
}

async function waitFor(
  action: ApiFaultAction,
  cleared: AbortSignal,
  closed: AbortSignal,
): Promise<void> {
  if (action.kind !== 'hang' && action.kind !== 'latency') return;
  const signal = AbortSignal.any([cleared, closed]);
  if (action.forMs !== undefined) {
    // Being cut short is not an error: a cleared fault lets its calls go on.
    await delay(action.forMs, undefined, { signal }).catch(() => undefined);
  } else if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}
