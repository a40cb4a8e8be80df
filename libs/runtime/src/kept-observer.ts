import type { Gauge } from 'prom-client';
import type { Logger } from './logger';
import type { Metrics } from './metrics';

/** What there is to tell of what is kept, read when somebody asks. */
interface KeptState {
  batches: number;
  bytes: number;
  replays: number;
}

/** Tells what becomes of what was delivered and is kept: in numbers, and in the log when a replay is over. */
export class KeptObserver {
  private readonly givenUp;
  private readonly replayedBatches;

  constructor(
    private readonly metrics: Metrics,
    private readonly log: Logger,
  ) {
    this.givenUp = metrics.counter(
      'kept_given_up_batches_total',
      'Kept batches that were given up: for their age, since their destination or tenant has too many, or since Redis is nearly full',
      ['why'],
    );
    this.replayedBatches = metrics.counter(
      'replayed_batches_total',
      'Batches that replays have made',
    );
  }

  /** What cannot be read is left out: a 0 would say that nothing is kept. */
  gauges(read: () => Promise<KeptState>): void {
    const collect = async (gauge: Gauge, of: (state: KeptState) => number): Promise<void> => {
      const state = await read().catch(() => undefined);
      if (state === undefined) gauge.remove();
      else gauge.set(of(state));
    };
    const { metrics } = this;
    const batches: Gauge = metrics.gauge(
      'kept_batches',
      'Batches that were delivered and are kept',
      [],
      () => collect(batches, (state) => state.batches),
    );
    const bytes: Gauge = metrics.gauge(
      'kept_bytes',
      'Bytes of Redis that kept batches take',
      [],
      () => collect(bytes, (state) => state.bytes),
    );
    const replays: Gauge = metrics.gauge('replays_running', 'Replays that are under way', [], () =>
      collect(replays, (state) => state.replays),
    );
  }

  gaveUp(batches: number, why: 'age' | 'size' | 'memory'): void {
    this.givenUp.inc({ why }, batches);
    if (why === 'memory')
      this.log.warn({ batches }, 'Redis is nearly full: kept batches were given up');
  }

  replayed(batches: number): void {
    this.replayedBatches.inc(batches);
  }

  replayDone(replayId: string): void {
    this.log.info({ replayId }, 'a replay is done');
  }

  error(error: unknown): void {
    this.log.warn({ err: error }, 'what is kept could not be looked through');
  }
}
