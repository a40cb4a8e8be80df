import type { AuditEntry } from '@logferry/store';

/** An entry of the audit trail as it is told: over HTTP, and in the log events that it is forwarded as. */
export function auditEntryView({ id, atMs, tenantId, recordId, ...entry }: AuditEntry): object {
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
