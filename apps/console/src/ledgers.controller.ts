import { Controller, Get, Inject, Param } from '@nestjs/common';
import { LedgerDesk } from './ledger-desk';

@Controller('/v1/tenants/:tenantId')
export class LedgersController {
  constructor(@Inject(LedgerDesk) private readonly desk: LedgerDesk) {}

  @Get('/ledgers')
  list(@Param('tenantId') tenantId: string): Promise<object> {
    return this.desk.list(tenantId);
  }

  @Get('/destinations/:destinationId/ledger')
  show(
    @Param('tenantId') tenantId: string,
    @Param('destinationId') destinationId: string,
  ): Promise<object> {
    return this.desk.find(tenantId, destinationId);
  }
}
