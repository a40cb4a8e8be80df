import { Gauge } from 'prom-client';
import type { Metrics } from './metrics';

interface DeadLetterState {
  batches: number;
  bytes: number;
  oldestAgeMs: number;
  expiring: number;
  fullTenants: readonly string[];
}

/**
 * What dead letters there are, and what of them is about to go, read when somebody asks. Every process that has them tells the same,
 * so that an alert takes the largest. What cannot be read is left out: a 0 would say that all is well.
 */
export function deadLetterGauges(metrics: Metrics, read: () => Promise<DeadLetterState>): void {
  const registers = [metrics.registry];
  /** Each reads for itself: what was set by another's reading would be of the scrape before. */
  const collect = async (gauge: Gauge, of: (state: DeadLetterState) => number): Promise<void> => {
    const state = await read().catch(() => undefined);
    if (state === undefined) gauge.remove();
    else gauge.set(of(state));
  };
  const batches: Gauge = new Gauge({
    name: 'logferry_dead_letter_batches',
    help: 'Dead letters that are kept',
    registers,
    collect: () => collect(batches, (state) => state.batches),
  });
  const bytes: Gauge = new Gauge({
    name: 'logferry_dead_letter_bytes',
    help: 'Bytes of Redis that dead letters take',
    registers,
    collect: () => collect(bytes, (state) => state.bytes),
  });
  const oldestAge: Gauge = new Gauge({
    name: 'logferry_dead_letter_oldest_age_seconds',
    help: 'Age of the oldest dead letter; 0 if there is none',
    registers,
    collect: () => collect(oldestAge, (state) => state.oldestAgeMs / 1_000),
  });
  const expiring: Gauge = new Gauge({
    name: 'logferry_dead_letter_expiring_batches',
    help: 'Dead letters that are discarded within 24 hours for their age',
    registers,
    collect: () => collect(expiring, (state) => state.expiring),
  });
  const fullTenants: Gauge = new Gauge({
    name: 'logferry_dead_letter_full_tenants',
    help: 'Tenants whose dead letters take more than four fifths of their bound',
    registers,
    collect: () => collect(fullTenants, (state) => state.fullTenants.length),
  });
}
