import { answeredAtMs } from './bounded-call';

/** What an answer says of the rate limit, by the headers `x-ratelimit-*`. */
export interface RateReading {
  limit: number;
  remaining: number;
  /** In how long all of it is back. */
  resetInMs?: number | undefined;
}

/** @param nowMs by the clock of this machine, which counts only if the answer does not say what time it is */
export function rateReading(headers: Headers, nowMs: number): RateReading | undefined {
  const number = (name: string): number | undefined => {
    const text = headers.get(name);
    return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
  };
  const [limit, remaining] = [number('x-ratelimit-limit'), number('x-ratelimit-remaining')];
  if (limit === undefined || remaining === undefined) return undefined;
  const reset = number('x-ratelimit-reset');
  if (reset === undefined) return { limit, remaining };
  const resetInMs = reset * 1_000 - answeredAtMs(headers, nowMs);
  // What is over already says nothing, and least of all that everything is back.
  return resetInMs > 0 ? { limit, remaining, resetInMs } : { limit, remaining };
}

/** The last request is never used: whoever else uses the Management API of the tenant would be refused because of us. */
const RESERVE = 1;
const PER_SECOND = { min: 0.05, max: 1_000 } as const;
/** The headers count whole requests: over less time they say nothing about a rate. */
const MEASURED_MS_MIN = 1_000;
/** After so long it is measured anew, since others use the same limit, now more and now less. */
const MEASURED_MS_MAX = 20_000;
const REFUSED_MS = { first: 1_000, mostMs: 60_000 } as const;

/** From when it is measured how fast requests come back. */
interface Measuring {
  atMs: number;
  remaining: number;
  calls: number;
}

/**
 * Says when the next request may be sent so that the rate limit is used and never met. It reckons with what was left at the last answer
 * and with how fast it has been coming back since: the headers alone say when all of it is back, and to wait for that would use a part of
 * it only.
 */
export class Pacer {
  private limit = Number.POSITIVE_INFINITY;
  private left = Number.POSITIVE_INFINITY;
  private atMs = 0;
  private resetAtMs = Number.POSITIVE_INFINITY;
  private measuredPerMs = 0;
  private guessPerMs = 0;
  private measuring: Measuring | undefined;
  private underWay = 0;
  private blockedUntilMs = 0;
  private refusals = 0;

  /** How long to wait; nothing if the request may be sent at once, and then it counts as sent. */
  take(nowMs: number): number {
    if (nowMs < this.blockedUntilMs) return this.blockedUntilMs - nowMs;
    const wanted = Math.min(RESERVE + 1, this.limit);
    const left = this.leftAt(nowMs);
    // By the reset all of it is back, which is believed for one request: its answer says what really is.
    if (left < wanted && nowMs < this.resetAtMs)
      return Math.ceil(Math.min((wanted - left) / this.rate(), this.resetAtMs - nowMs));
    this.left = Math.max(left, wanted) - 1;
    this.resetAtMs = Number.POSITIVE_INFINITY;
    this.atMs = nowMs;
    this.underWay++;
    return 0;
  }

  /** A request was not answered: nothing is known of it but that it was sent. */
  failed(): void {
    this.underWay = Math.max(this.underWay - 1, 0);
    if (this.measuring !== undefined) this.measuring.calls++;
  }

  /** A request was answered. Who says nothing of a limit has none, until he refuses one. */
  answered(nowMs: number, reading: RateReading | undefined): void {
    this.failed();
    this.refusals = 0;
    if (reading === undefined) {
      this.left = this.limit = Number.POSITIVE_INFINITY;
      this.measuring = undefined;
      return;
    }
    this.limit = Math.max(reading.limit, 1);
    this.left = reading.remaining - this.underWay;
    this.atMs = nowMs;
    this.guess(nowMs, reading);
    this.measure(nowMs, reading);
  }

  /** A request was refused for the limit. */
  refused(nowMs: number, reading: RateReading | undefined, retryAfterMs?: number): void {
    this.underWay = Math.max(this.underWay - 1, 0);
    if (reading !== undefined) this.limit = Math.max(reading.limit, 1);
    this.left = 0;
    this.atMs = nowMs;
    this.measuring = undefined;
    const growing = Math.min(REFUSED_MS.first * 2 ** this.refusals++, REFUSED_MS.mostMs);
    this.blockedUntilMs = nowMs + (retryAfterMs ?? growing);
    this.resetAtMs = this.blockedUntilMs; // then one may be tried
  }

  private leftAt(nowMs: number): number {
    return Math.min(this.left + Math.max(nowMs - this.atMs, 0) * this.rate(), this.limit);
  }

  /** Neither is more than there is: a rate that is too low wastes nothing for long, since what comes back meanwhile is seen then. */
  private rate(): number {
    const perMs = Math.max(this.measuredPerMs, this.guessPerMs);
    return Math.min(Math.max(perMs, PER_SECOND.min / 1_000), PER_SECOND.max / 1_000);
  }

  /** Before it was measured: what is missing is back by the reset. Of both, the headers leave out what is no whole one. */
  private guess(nowMs: number, { limit, remaining, resetInMs }: RateReading): void {
    this.resetAtMs = nowMs + (resetInMs ?? Number.POSITIVE_INFINITY);
    if (resetInMs === undefined) return;
    this.guessPerMs = Math.max(limit - remaining - 1, 0) / resetInMs;
  }

  private measure(nowMs: number, { limit, remaining }: RateReading): void {
    // A bucket that is full takes no more: what would have come back cannot be seen.
    if (remaining >= limit - 1) {
      this.measuring = undefined;
      return;
    }
    if (this.measuring === undefined) {
      this.measuring = { atMs: nowMs, remaining, calls: 0 };
      return;
    }
    const { atMs, remaining: before, calls } = this.measuring;
    const ms = nowMs - atMs;
    if (ms < MEASURED_MS_MIN) return;
    this.measuredPerMs = (remaining - before + calls - 1) / ms;
    if (ms > MEASURED_MS_MAX) this.measuring = { atMs: nowMs, remaining, calls: 0 };
  }
}
