export interface RateLimit {
  /** Requests that are there at once. */
  readonly burst: number;
  /** Requests that come back. */
  readonly perSecond: number;
  /** Whether a 429 says `Retry-After`; Auth0's does so for some of its policies only. */
  readonly saysRetryAfter?: boolean;
}

/** Auth0's limits of its Management API: those of an Enterprise tenant in production are 50 at once and 16 a second. */
export class TokenBucket {
  private level: number;
  private filledAtMs: number;

  constructor(
    readonly limit: RateLimit,
    private readonly nowMs: () => number,
  ) {
    this.level = limit.burst;
    this.filledAtMs = nowMs();
  }

  /** Whether one more request is allowed; if it is, it has been taken. */
  take(): boolean {
    this.fill();
    if (this.level < 1) return false;
    this.level -= 1;
    return true;
  }

  /** Requests that are left, and the Unix second by which all are back. */
  reading(): { limit: number; remaining: number; resetSeconds: number } {
    this.fill();
    const { burst, perSecond } = this.limit;
    const fullInMs = ((burst - this.level) / perSecond) * 1_000;
    return {
      limit: burst,
      remaining: Math.floor(this.level),
      resetSeconds: Math.ceil((this.filledAtMs + fullInMs) / 1_000),
    };
  }

  /** Whole seconds until there is one again, as `Retry-After` counts. */
  retryAfterSeconds(): number {
    this.fill();
    return Math.max(1, Math.ceil((1 - this.level) / this.limit.perSecond));
  }

  private fill(): void {
    const nowMs = this.nowMs();
    const { burst, perSecond } = this.limit;
    const gained = (Math.max(0, nowMs - this.filledAtMs) / 1_000) * perSecond;
    this.level = Math.min(burst, this.level + gained);
    this.filledAtMs = nowMs;
  }
}
