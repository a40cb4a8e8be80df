import type { Use } from '@logferry/queue';
import type { KeyRate } from '@logferry/store';

/** How much one request takes of a key's rate. */
export interface Amount {
  logEvents: number;
  bytes: number;
}

/** A key as its rate goes by it. */
export interface RatedKey {
  id: string;
  /** What is said of it alone; what it does not say, the defaults do. */
  rate?: KeyRate | undefined;
}

interface KeyRatesOptions {
  defaults: Required<KeyRate>;
  /** How much of its rate a key may use at once after a lull, as the time that it takes at that rate. */
  burstMs: number;
  /** Notes what this process used, and tells how far ahead all processes are. */
  use: (uses: readonly Use[]) => Promise<number[]>;
  nowMs?: () => number;
}

/** One rate of one key, as far as this process knows. */
interface Meter {
  /** The time up to which everything that was used is spread evenly. */
  atMs: number;
  /** What nobody else knows of yet. */
  untoldMs: number;
}

const TELL_MS = 1_000;
/** The first time that a key is heard of, others may have used its rate already. */
const TELL_FIRST_MS = 50;

/**
 * Holds each key to its rate, over all processes, without asking Redis for a request.
 *
 * A request is let in while the key is not ahead of its rate by the burst, and is then paid for whole, so that one larger than the
 * burst is possible and those after it wait for longer. What this process used it tells the others once a second: for as long they
 * may let in too much together, which is paid back as well.
 */
export class KeyRates {
  private readonly meters = new Map<string, Meter>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly now: () => number;

  constructor(private readonly options: KeyRatesOptions) {
    this.now = options.nowMs ?? (() => performance.now());
  }

  /** After how long the key may send again; 0 if it may now. */
  waitMs(key: RatedKey): number {
    const { burstMs } = this.options;
    let waitMs = 0;
    for (const { name } of this.ratesOf(key)) {
      const meter = this.meters.get(name);
      if (meter !== undefined) waitMs = Math.max(waitMs, meter.atMs - this.now() - burstMs);
    }
    return waitMs;
  }

  /** Counts a request. Returns what takes it back, for one that is not taken through a fault of ours. */
  take(key: RatedKey, amount: Amount): () => void {
    const uses = this.ratesOf(key).map(({ name, perSecond, unit }) => ({
      name,
      tookMs: (amount[unit] / perSecond) * 1_000,
    }));
    for (const { name, tookMs } of uses) this.add(name, tookMs);
    return () => {
      for (const { name, tookMs } of uses) this.add(name, -tookMs);
    };
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private ratesOf({
    id,
    rate,
  }: RatedKey): { name: string; perSecond: number; unit: keyof Amount }[] {
    const { defaults } = this.options;
    const logEvents = rate?.logEventsPerSecond ?? defaults.logEventsPerSecond;
    const bytes = rate?.bytesPerSecond ?? defaults.bytesPerSecond;
    const rates: ReturnType<KeyRates['ratesOf']> = [];
    if (logEvents > 0)
      rates.push({ name: `${id}:logEvents`, perSecond: logEvents, unit: 'logEvents' });
    if (bytes > 0) rates.push({ name: `${id}:bytes`, perSecond: bytes, unit: 'bytes' });
    return rates;
  }

  private add(name: string, tookMs: number): void {
    let meter = this.meters.get(name);
    if (meter === undefined) {
      meter = { atMs: 0, untoldMs: 0 };
      this.meters.set(name, meter);
      this.tellIn(TELL_FIRST_MS);
    }
    meter.atMs = Math.max(meter.atMs, this.now()) + tookMs;
    meter.untoldMs += tookMs;
  }

  private tellIn(delayMs: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.tell(), delayMs).unref();
  }

  private async tell(): Promise<void> {
    const told = [...this.meters].map(([name, meter]) => {
      const { untoldMs } = meter;
      meter.untoldMs = 0;
      return { name, meter, tookMs: untoldMs };
    });
    try {
      const aheads = await this.options.use(told.map(({ name, tookMs }) => ({ name, tookMs })));
      told.forEach(({ meter }, i) => (meter.atMs = this.now() + (aheads[i] ?? 0) + meter.untoldMs));
    } catch {
      // Redis is away and nothing is accepted. Whether it has noted it nobody knows; it is not counted twice.
    }
    for (const [name, { atMs, untoldMs }] of this.meters)
      if (untoldMs === 0 && atMs <= this.now()) this.meters.delete(name);
    if (this.meters.size > 0) this.tellIn(TELL_MS);
  }
}
