import type { BatchStore } from '@logferry/queue';
import { Ledgers } from './ledgers';

/** What waits, counted where it is: over all shards. */
export class WaitingLogEvents {
  private readonly ledgers: Ledgers;

  constructor(private readonly stores: readonly BatchStore[]) {
    this.ledgers = new Ledgers(stores);
  }

  async ofDestination(tenantId: string, destinationId: string): Promise<number> {
    return (await this.ledgers.of(tenantId, destinationId)).waiting;
  }

  /** The batches of a tenant, also those of destinations that were deleted before. */
  async batchesOf(tenantId: string): Promise<number> {
    const batches = await Promise.all(this.stores.map((store) => store.tenantBatches(tenantId)));
    return batches.reduce((sum, count) => sum + count, 0);
  }
}
