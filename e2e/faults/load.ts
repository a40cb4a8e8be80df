import { until } from '@logferry/testing';
import type { Chance } from './chance';
import { Producer, type Trouble } from './producer';
import type { SentLogEvents } from './sent-log-events';
import { tenants } from './tenants';

interface LoadOptions {
  name: string;
  ingestUrls: readonly string[];
  chance: Chance;
  sent: SentLogEvents;
  pauseMsMax: number;
}

/**
 * Producers of all tenants at once: of each, one that never sends anything twice and one that repeats what was not answered; one that
 * mixes all tenants in its requests; and one that leaves the time to ingest.
 */
export class Load {
  private readonly producers: readonly Producer[];
  private readonly hushed = new Set<string>();

  constructor(private readonly options: LoadOptions) {
    const { name } = options;
    const all = tenants.map(({ id }) => id);
    const each = all.flatMap((id) => [
      this.producer(`${name}-once`, [id], { repeats: false, saysTime: true }),
      this.producer(`${name}-repeating`, [id], { repeats: true, saysTime: true }),
    ]);
    this.producers = [
      ...each,
      this.producer(`${name}-mixed`, all, { repeats: true, saysTime: true }),
      this.producer(`${name}-timeless`, [all[0] ?? ''], { repeats: false, saysTime: false }),
    ];
  }

  get troubles(): readonly Trouble[] {
    return this.producers.flatMap(({ troubles }) => troubles);
  }

  /**
   * Goes on until so many more are acknowledged. A load that stands still has met a fault; one that is slow, a busy machine: 14,352 of
   * 15,000 within a minute were seen where twenty others wanted the two processors.
   */
  async more(count: number, standstillMs = 60_000): Promise<void> {
    const { sent } = this.options;
    const goal = sent.acknowledged() + count;
    while (sent.acknowledged() < goal) {
      const before = sent.acknowledged();
      await until(() => sent.acknowledged() > before, {
        timeoutMs: standstillMs,
        what: `${goal - before} more log events are acknowledged`,
      });
    }
  }

  /** Goes on until so many more requests were answered with anything but a yes. */
  async moreTroubles(count: number, timeoutMs = 60_000): Promise<void> {
    const goal = this.troubles.length + count;
    await until(() => this.troubles.length >= goal, { timeoutMs, what: 'requests fail' });
  }

  /** How many of the requests that were asked after this moment got a yes. */
  yesesAskedAfter(epochMs: number): number {
    return this.producers.flatMap(({ yeses }) => yeses).filter((askedAt) => askedAt > epochMs)
      .length;
  }

  /** Sends nothing more for a tenant; what is on its way to be answered goes on. */
  hush(tenantId: string): void {
    this.hushed.add(tenantId);
  }

  /** Sends for a tenant again. */
  unhush(tenantId: string): void {
    this.hushed.delete(tenantId);
  }

  async stop(): Promise<void> {
    await Promise.all(this.producers.map((producer) => producer.stop()));
  }

  private producer(
    name: string,
    tenantIds: readonly string[],
    kind: { repeats: boolean; saysTime: boolean },
  ): Producer {
    const { chance, ingestUrls, sent, pauseMsMax } = this.options;
    return new Producer({
      name,
      tenants: tenantIds,
      hushed: this.hushed,
      ingestUrls,
      chance: chance.for(`${name}/${tenantIds.join()}`),
      sent,
      pauseMsMax,
      ...kind,
    });
  }
}
