import { imbalance, type Ledger } from '@logferry/core';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Secret } from './secret';

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
/** What proxies add to a request that they pass on; Node has headers in lower case. */
const PASSED_ON = /^(x-forwarded-.+|forwarded|x-real-ip|via)$/;

/** The metrics of one process, and who may read them: this machine, or whoever shows the token. */
export class Metrics {
  readonly registry = new Registry();

  constructor(
    app: string,
    private readonly token: Secret | undefined,
  ) {
    this.registry.setDefaultLabels({ app });
    collectDefaultMetrics({ register: this.registry });
  }

  /** Behind a proxy on this machine everybody comes from loopback, so a request that was passed on needs the token. */
  mayRead(ip: string, headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
    const isPassedOn = Object.keys(headers).some((name) => PASSED_ON.test(name));
    if (LOOPBACK.includes(ip) && !isPassedOn) return true;
    const { authorization } = headers;
    const [scheme, shown] = (typeof authorization === 'string' ? authorization : '').split(' ');
    return (
      this.token !== undefined &&
      scheme?.toLowerCase() === 'bearer' &&
      this.token.equals(shown ?? '')
    );
  }

  counter<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
  ): Counter<L> {
    return new Counter({
      name: `logferry_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
    });
  }

  /** Set when somebody asks. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect: () => void | Promise<void>,
  ): Gauge<L> {
    return new Gauge({
      name: `logferry_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect,
    });
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({
      name: `logferry_${name}`,
      help,
      buckets: [...buckets],
      registers: [this.registry],
    });
  }

  /**
   * Where all log events are, read when somebody asks. The gauge of what is unaccounted for must be 0 at every moment; an alert on
   * it is an alert on loss. If it cannot be read, it is left out: a 0 would be a lie, and the other metrics are wanted then too.
   */
  ledger(read: () => Promise<readonly Ledger[]>): void {
    const sum = (ledgers: readonly Ledger[], of: (ledger: Ledger) => number): number =>
      ledgers.reduce((total, ledger) => total + of(ledger), 0);
    const readable = (): Promise<readonly Ledger[]> => read().catch(() => []);
    const registers = [this.registry];
    const places = ['accepted', 'delivered', 'rejected', 'deadLettered', 'waiting'] as const;
    const gauge = new Gauge({
      name: 'logferry_ledger_log_events',
      help: 'Log events by where they are',
      labelNames: ['place'],
      registers,
      collect: async () => {
        const ledgers = await readable();
        gauge.reset();
        if (ledgers.length === 0) return;
        for (const place of places)
          gauge.set(
            { place },
            sum(ledgers, (ledger) => ledger[place]),
          );
      },
    });
    const discarded: Gauge = new Gauge({
      name: 'logferry_ledger_discarded_log_events',
      help: 'Log events that were discarded; they still count as rejected or dead-lettered',
      registers,
      collect: async () => {
        const ledgers = await readable();
        if (ledgers.length === 0) discarded.remove();
        else discarded.set(sum(ledgers, (ledger) => ledger.discarded));
      },
    });
    // Reads for itself: the numbers of a scrape are written down one after the other, and one that was set by another's reading would
    // be that of the scrape before.
    const unaccounted: Gauge = new Gauge({
      name: 'logferry_ledger_unaccounted_log_events',
      help: 'Accepted log events that are nowhere; anything but 0 is a fault',
      registers,
      collect: async () => {
        const ledgers = await readable();
        if (ledgers.length === 0) unaccounted.remove();
        else unaccounted.set(sum(ledgers, imbalance));
      },
    });
  }
}
