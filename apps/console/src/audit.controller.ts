import { AuditTrail, type AuditEntry } from '@logferry/store';
import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
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
    const entries = await this.trail.list({ tenantId: own ?? tenant, after, order, limit });
    // Given back even at the end of the list: whoever asks again with it is told what came since.
    return { entries: entries.map(entryView), after: entries.at(-1)?.id ?? after ?? null };
  }
}

function entryView({ id, atMs, tenantId, recordId, ...entry }: AuditEntry): object {
  const { by, action, kind, version, before, after } = entry;
  return {
    id,
    at: new Date(atMs).toISOString(),
    by,
    action,
    kind,
    tenant: tenantId ?? null,
    record: recordId,
    version,
    before,
    after,
  };
}
