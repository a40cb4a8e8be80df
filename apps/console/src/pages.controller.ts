import type { BatchStore } from '@logferry/queue';
import { RequestProblem } from '@logferry/runtime';
import { ConfigStore } from '@logferry/store';
import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { CONSOLE_CONFIG, type ConsoleConfig } from './config';
import type { ConnectionDesk } from './connection-desk';
import { batchPage } from './batch-page';
import type { DerivedScopes } from './derived-scopes';
import type { HeldDestinations } from './held-destinations';
import type { Ledgers } from './ledgers';
import { overviewPage, type OverviewRow } from './overview-page';

export const BATCH_STORES = Symbol('BatchStores');
export const OVERVIEW_PARTS = Symbol('OverviewParts');

/** Who knows where log events are, and what does not work. */
export interface OverviewParts {
  ledgers: Ledgers;
  scopes: DerivedScopes;
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
    @Inject(OVERVIEW_PARTS) private readonly overviewParts: OverviewParts,
    @Inject(CONSOLE_CONFIG) private readonly settings: ConsoleConfig,
  ) {}

  @Get('/')
  @Header('content-type', HTML)
  async overview(): Promise<string> {
    const tenantIds = await this.config.tenantIds();
    const rows = await Promise.all(
      tenantIds.slice(0, TENANTS_SHOWN).map((tenantId) => this.rowsOf(tenantId)),
    );
    const { ledgers, connections, scopes } = this.overviewParts;
    const held = await this.overviewParts.held.list(HELD_SHOWN);
    return overviewPage({
      rows: rows.flat(),
      totals: await ledgers.totals(),
      more: Math.max(tenantIds.length - TENANTS_SHOWN, 0),
      held,
      scopeOf: await scopes.of(held),
      broken: await connections.broken(HELD_SHOWN),
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
        ledger: await this.overviewParts.ledgers.of(tenantId, destination.id),
      })),
    );
  }
}
