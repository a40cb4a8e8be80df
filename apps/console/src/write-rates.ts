import type { SharedRates } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';

/** How much of its rate a tenant may use at once after a lull, as the time that it takes at that rate. */
const BURST_MS = 20_000;

/**
 * Holds each tenant to a rate of changes, over all of its keys and all processes: every change is announced to every process, and one
 * that is told of too many at once forgets what it knows of everybody.
 */
export class WriteRates {
  /** @param perSecond 0 for as many as there are */
  constructor(
    private readonly rates: Pick<SharedRates, 'use'>,
    private readonly perSecond: number,
  ) {}

  /** @throws RequestProblem if the tenant is ahead of its rate; whatever Redis throws */
  async take(tenantId: string): Promise<void> {
    if (this.perSecond === 0) return;
    // By tenant and not by key: whoever may change the configuration makes keys.
    const name = `${tenantId}:writes`;
    const tookMs = 1_000 / this.perSecond;
    const [aheadMs = 0] = await this.rates.use([{ name, tookMs }]);
    const waitMs = aheadMs - BURST_MS;
    if (waitMs <= 0) return;
    // Who is refused has used nothing, or somebody who asks again and again would never be let in.
    await this.rates.use([{ name, tookMs: -tookMs }]);
    const seconds = Math.ceil(waitMs / 1_000);
    throw new RequestProblem(
      429,
      'config.rate_limited',
      `this tenant has changed as much as it may; come back in ${seconds} s`,
      { 'retry-after': String(seconds) },
    );
  }
}
