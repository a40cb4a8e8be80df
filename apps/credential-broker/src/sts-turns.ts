interface StsTurnsOptions {
  /** How many calls may begin in a second. */
  callsPerSecond: number;
  /** How many may be under way. */
  concurrencyMax: number;
}

/** A second's calls may not all begin in its first moment: STS counts over less than that. */
const BURST_SECONDS = 0.1;

/**
 * Who may call STS next. AWS allows an account so many calls a second in a Region, and whoever goes beyond is refused with everybody
 * else; so calls wait here, tenant by tenant in turn: one with a thousand destinations does not keep one with a single one waiting.
 */
export class StsTurns {
  private readonly waiting = new Map<string, (() => void)[]>();
  private waitingCount = 0;
  private underWay = 0;
  private tokens: number;
  private filledAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private readonly tokensMax: number;

  constructor(private readonly options: StsTurnsOptions) {
    this.tokensMax = Math.max(1, options.callsPerSecond * BURST_SECONDS);
    this.tokens = this.tokensMax;
  }

  /** Waits for a turn; what it resolves with gives the turn back. */
  async take(tenantId: string): Promise<() => void> {
    await new Promise<void>((resolve) => {
      const queue = this.waiting.get(tenantId);
      if (queue === undefined) this.waiting.set(tenantId, [resolve]);
      else queue.push(resolve);
      this.waitingCount++;
      this.go();
    });
    return () => {
      this.underWay--;
      this.go();
    };
  }

  /** About how long somebody who came now would wait. */
  get waitMs(): number {
    return Math.ceil((this.waitingCount * 1_000) / this.options.callsPerSecond);
  }

  private go(): void {
    this.fill();
    while (this.tokens >= 1 && this.underWay < this.options.concurrencyMax) {
      const next = this.next();
      if (next === undefined) return;
      this.tokens--;
      this.underWay++;
      next();
    }
    const isForToken = this.tokens < 1 && this.waitingCount > 0;
    if (!isForToken || this.timer !== undefined) return;
    const ms = Math.ceil(((1 - this.tokens) * 1_000) / this.options.callsPerSecond);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.go();
    }, ms);
  }

  private fill(): void {
    const now = performance.now();
    const added = ((now - this.filledAt) / 1_000) * this.options.callsPerSecond;
    this.tokens = Math.min(this.tokensMax, this.tokens + added);
    this.filledAt = now;
  }

  /** The first of the tenant whose turn it is; the tenant goes to the end of the row then. */
  private next(): (() => void) | undefined {
    for (const [tenantId, queue] of this.waiting) {
      this.waiting.delete(tenantId);
      const first = queue.shift();
      if (queue.length > 0) this.waiting.set(tenantId, queue);
      this.waitingCount--;
      return first;
    }
    return undefined;
  }
}
