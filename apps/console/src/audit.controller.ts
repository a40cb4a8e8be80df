import { AuditTrail } from '@logferry/store';
import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import { auditEntryView } from './audit-entry-view';
import { auditQuery } from './audit-request';
import { tenantOf, type CalledRequest } from './caller';
import { unknownTenant } from './config-outcome';
import { parseQuery } from './page-request';

/** What was changed in the configuration, by whom. */
@Controller('/v1/audit')
export class AuditController {
  constructor(@Inject(AuditTrail) private readonly trail: AuditTrail) {}

  @Get()
  async list(@Req() { caller }: CalledRequest, @Query() query: unknown): Promise<object> {
    const { tenant, after, order, limit } = parseQuery(auditQuery, query);
    const own = tenantOf(caller);
    if (own !== undefined && tenant !== undefined && tenant !== own) throw unknownTenant();
    const sinceMade = own !== undefined;
    const entries = await this.trail.list({
      tenantId: own ?? tenant,
      sinceMade,
      after,
      order,
      limit,
    });
    // Given back even at the end of the list: whoever asks again with it is told what came since.
    return { entries: entries.map(auditEntryView), after: entries.at(-1)?.id ?? after ?? null };
  }
}
