import { destinationPlace, tenantPlace, type ConfigStore } from '@logferry/store';
import { z } from 'zod';
import { unknownTenant } from './config-outcome';
import { unknownDestination } from './destination-desk';
import type { Ledgers } from './ledgers';

const count = z.int().min(0);
const byReason = z.record(z.string(), count);

export const LedgerView = z.strictObject({
  destination: z.string().describe("the destination's id"),
  accepted: count.describe(
    'log events that were acknowledged for it: those delivered, rejected, dead-lettered and waiting, at every moment',
  ),
  delivered: count,
  rejected: count.describe('refused by AWS for good; kept as dead letters, unless discarded'),
  rejectedBy: byReason.describe('the same number, by the code of the failure'),
  deadLettered: count.describe('whose attempts ran out; kept as dead letters, unless discarded'),
  waiting: count,
  discarded: count.describe('of those rejected and dead-lettered: deleted for good since'),
  discardedBy: byReason.describe('the same number, by the code of the failure'),
});
export type LedgerView = z.infer<typeof LedgerView>;

export const LedgersView = z.strictObject({
  ledgers: z.array(LedgerView).describe('one for each destination that there is'),
});
export type LedgersView = z.infer<typeof LedgersView>;

/** Where a tenant's log events are, in numbers. */
export class LedgerDesk {
  constructor(
    private readonly store: ConfigStore,
    private readonly ledgers: Ledgers,
  ) {}

  /** @throws RequestProblem if there is no such tenant */
  async list(tenantId: string): Promise<LedgersView> {
    const [tenant] = await this.store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const ids = (await this.store.destinationIds(tenantId)).toSorted();
    return { ledgers: await Promise.all(ids.map((id) => this.view(tenantId, id))) };
  }

  /** @throws RequestProblem if there is no such destination, and nothing was ever accepted for one of this id */
  async find(tenantId: string, destinationId: string): Promise<LedgerView> {
    const view = await this.view(tenantId, destinationId);
    if (view.accepted > 0) return view;
    const [destination] = await this.store.find([destinationPlace(tenantId, destinationId)]);
    if (destination === undefined) throw unknownDestination();
    return view;
  }

  private async view(tenantId: string, destinationId: string): Promise<LedgerView> {
    return { destination: destinationId, ...(await this.ledgers.of(tenantId, destinationId)) };
  }
}
