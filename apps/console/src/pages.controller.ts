import type { Ledger } from '@logferry/core';
import type { BatchStore } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import type { ConnectionDesk } from './connection-desk';
import { batchPage } from './batch-page';
import type { HeldDestinations } from './held-destinations';
import { overviewPage, type OverviewRow } from './overview-page';

export const BATCH_STORES = Symbol('BatchStores');
export const TROUBLES = Symbol('Troubles');

/** Who knows what does not work. */
export interface Troubles {
  held: HeldDestinations;
  connections: ConnectionDesk;
}

const TENANTS_SHOWN = 200;
const HELD_SHOWN = 200;
const HTML = 'text/html; charset=utf-8';

@Controller()
export class PagesController {
  constructor(
    @Inject(BATCH_STORES) private readonly stores: readonly BatchStore[],
    @Inject(ConfigStore) private readonly config: ConfigStore,
    @Inject(TROUBLES) private readonly troubles: Troubles,
    @Inject(CONSOLE_CONFIG) private readonly settings: ConsoleConfig,
  ) {}

  @Get('/')
  @Header('content-type', HTML)
  async overview(): Promise<string> {
    const tenantIds = await this.config.tenantIds();
    const rows = await Promise.all(
      tenantIds.slice(0, TENANTS_SHOWN).map((tenantId) => this.rowsOf(tenantId)),
    );
    const totals = await Promise.all(this.stores.map((store) => store.totals()));
    return overviewPage({
      rows: rows.flat(),
      totals: totals.reduce(addLedgers),
      more: Math.max(tenantIds.length - TENANTS_SHOWN, 0),
      held: await this.troubles.held.list(HELD_SHOWN),
      broken: await this.troubles.connections.broken(HELD_SHOWN),
      readOnly: this.settings.readOnly,
    });
  }

  @Get('/batches/:batchId')
  @Header('content-type', HTML)
  async batch(@Param('batchId') batchId: string): Promise<string> {
    for (const store of this.stores) {
      const found = await store.peek(batchId);
      if (found !== undefined)
        return batchPage(found.batch, found.logEvents, this.settings.readOnly);
    }
    throw new RequestProblem(
      404,
      'console.unknown_batch',
      'there is no such batch: it was delivered, or never was',
    );
  }

  private async rowsOf(tenantId: string): Promise<OverviewRow[]> {
    const record = await this.config.tenant(tenantId);
    return Promise.all(
      (record?.destinations ?? []).map(async (destination) => ({
        tenantId,
        destination,
        ledger: await this.ledgerOf(tenantId, destination.id),
      })),
    );
  }

  /** Over all shards: what was accepted before shards were added is counted in the one that the destination had then. */
  private async ledgerOf(tenantId: string, destinationId: string): Promise<Ledger> {
    const ledgers = this.stores.map((store) => store.ledger(tenantId, destinationId));
    return (await Promise.all(ledgers)).reduce(addLedgers);
  }
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
