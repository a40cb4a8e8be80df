import type { BatchStore } from '@logferry/queue';

/** What waits, counted where it is: over all shards. */
export class WaitingLogEvents {
  constructor(private readonly stores: readonly BatchStore[]) {}

  async ofDestination(tenantId: string, destinationId: string): Promise<number> {
    const ledgers = await Promise.all(
      this.stores.map((store) => store.ledger(tenantId, destinationId)),
    );
    return ledgers.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** The batches of a tenant, also those of destinations that were deleted before. */
  async batchesOf(tenantId: string): Promise<number> {
    const batches = await Promise.all(this.stores.map((store) => store.tenantBatches(tenantId)));
    return batches.reduce((sum, count) => sum + count, 0);
  }
}
