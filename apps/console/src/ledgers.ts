import type { Ledger } from '@logferry/core';
import type { BatchStore } from '@logferry/queue';

/** Ledgers over all shards: what was accepted before shards were added is counted in the one that the destination had then. */
export class Ledgers {
  constructor(private readonly stores: readonly BatchStore[]) {}

  async of(tenantId: string, destinationId: string): Promise<Ledger> {
    const ledgers = this.stores.map((store) => store.ledger(tenantId, destinationId));
    return (await Promise.all(ledgers)).reduce(addLedgers);
  }

  async totals(): Promise<Ledger> {
    return (await Promise.all(this.stores.map((store) => store.totals()))).reduce(addLedgers);
  }
}

export function sumOf(ledgers: readonly Ledger[]): Ledger {
  const none = {
    accepted: 0,
    delivered: 0,
    rejected: 0,
    deadLettered: 0,
    waiting: 0,
    discarded: 0,
  };
  return ledgers.reduce(addLedgers, { ...none, rejectedBy: {}, discardedBy: {} });
}

function addLedgers(a: Ledger, b: Ledger): Ledger {
  return {
    accepted: a.accepted + b.accepted,
    delivered: a.delivered + b.delivered,
    rejected: a.rejected + b.rejected,
    rejectedBy: addCounts(a.rejectedBy, b.rejectedBy),
    deadLettered: a.deadLettered + b.deadLettered,
    waiting: a.waiting + b.waiting,
    discarded: a.discarded + b.discarded,
    discardedBy: addCounts(a.discardedBy, b.discardedBy),
  };
}

function addCounts(a: Ledger['rejectedBy'], b: Ledger['rejectedBy']): Ledger['rejectedBy'] {
  const sum = { ...a };
  for (const [code, count] of Object.entries(b) as [keyof typeof sum, number][])
    sum[code] = (sum[code] ?? 0) + count;
  return sum;
}
