import type { AuditEntry } from '@logferry/store';
import { auditEntryView } from './audit-entry-view';

/**
 * An entry of the audit trail as a log event of its tenant. It is a function of the entry alone: what is sent again must be the same
 * request, or ingest would not know it for one that it has taken.
 */
export function auditLogEvent(tenantId: string, entry: AuditEntry): object {
  const source = 'logferry';
  const { id, atMs, action, kind, recordId } = entry;
  return {
    type: 'audit',
    time: atMs,
    id: `${source}/${tenantId}/${id}`,
    message: { source, ...auditEntryView(entry) },
    // env0's preset has a log stream for each organization: without the attribute, these would be in one called "unknown".
    attributes: { source, organizationId: tenantId, action, kind, record: recordId },
  };
}
