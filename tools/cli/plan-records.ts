// What is to be written of a tenant's channels and sources, whose secrets are fields of their own.
import { path, type Expected } from './console-client';
import { fieldChanges } from './field-changes';
import type { ShownRecord } from './installation';
import type { Path } from './logferry-file';
import type { Change, Plan } from './plan';

/** A secret, and how it is shown. */
interface SecretField {
  field: string;
  secret: string;
  shown: string;
}

/** How one entry is written. */
export interface Wanted {
  /** All of it but the secrets, with what stays as it is. */
  after: object;
  secrets: SecretField[];
}

interface Entries<E> {
  kind: 'channel' | 'source';
  tenant: string;
  entries: readonly E[];
  there: readonly ShownRecord[];
  /** Whether what no entry names is deleted. */
  prune: boolean;
  /** What an entry says, if there is this record of it. */
  wanted(entry: E, record: ShownRecord | undefined, i: number): Wanted;
  /** An entry as it stands in the file. */
  asWritten(i: number): unknown;
}

export function planRecords<E extends { id: string }>(all: Entries<E>): Plan['changes'] {
  const { kind, tenant, entries, there, prune } = all;
  const changes: Change[] = [];
  entries.forEach((entry, i) => {
    const record = there.find(({ id }) => id === entry.id);
    const { after, secrets } = all.wanted(entry, record, i);
    const fields = [
      ...(record === undefined
        ? fieldChanges({}, all.asWritten(i)).filter(({ field }) => field !== 'id')
        : fieldChanges(fieldsOf(record), after)),
      ...secrets.map(({ field, shown }) => ({ field, after: shown })),
    ];
    if (record !== undefined && fields.length === 0) return;
    const plain = Object.fromEntries(secrets.map(({ field, secret }) => [field, secret]));
    changes.push({
      ...changing(record),
      kind,
      tenant,
      name: entry.id,
      fields,
      to: {
        address: addressOf(kind, tenant, entry.id),
        body: { ...after, ...plain },
        ...expecting(record),
      },
    });
  });
  for (const { id, version } of prune ? there : []) {
    if (entries.some((entry) => entry.id === id)) continue;
    const to = { address: addressOf(kind, tenant, id), expected: version };
    changes.push({ action: 'delete', kind, tenant, name: id, fields: [], to });
  }
  return changes;
}

/** Of one that cannot be read, everything is written anew. */
function fieldsOf({ version: _, ...fields }: ShownRecord): object {
  return fields.unreadable === true ? {} : fields;
}

function addressOf(kind: 'channel' | 'source', tenant: string, id: string): string {
  return kind === 'channel'
    ? path`/v1/tenants/${tenant}/channels/${id}`
    : path`/v1/tenants/${tenant}/sources/${id}`;
}

/** Where an entry's field stands in the file. */
export function placeOf(at: Path, i: number, field: string): Path {
  return [...at, i, field];
}

export function changing(current: object | undefined): Pick<Change, 'action'> {
  return { action: current === undefined ? 'create' : 'change' };
}

export function expecting(current: { version: number } | undefined): { expected: Expected } {
  return { expected: current?.version ?? 'absent' };
}
