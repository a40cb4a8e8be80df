import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Secret } from './secret';

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

  mayRead(ip: string, authorization: string | undefined): boolean {
    if (ip === '127.0.0.1' || ip === '::1' || ip === '::ffff:127.0.0.1') return true;
    const [scheme, shown] = (authorization ?? '').split(' ');
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

  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
  ): Gauge<L> {
    return new Gauge({
      name: `logferry_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
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
}
