// What was changed in the configuration, by whom: one entry for each record, written in the step that changes it (write-script.ts).
import type { Cluster, Redis } from 'ioredis';
import { CONFIG_TAG, type Actor, type RecordKind, type RecordPlace } from './config-record';
import { withoutSecrets } from './without-secrets';

/** How much of the trail is kept: the newest entries of all tenants together and of each, and none that is older. */
export interface AuditBounds {
  entriesMax: number;
  tenantEntriesMax: number;
  keepMs: number;
}

/** Wider than anybody may set them, for whoever does not know how they are set: a command must not delete what the console keeps. */
export const AUDIT_BOUNDS_WIDEST: AuditBounds = {
  entriesMax: 1_000_000,
  tenantEntriesMax: 100_000,
  keepMs: 3_650 * 86_400_000,
};

/** Of an entry's text: with 10,000 entries, the trail takes 80 MB at most. */
const ENTRY_CHARS_MAX = 8_192;

export interface AuditEntry {
  /** Grows with time; where the list goes on. */
  id: string;
  atMs: number;
  /** The version that the record has since. */
  version: number;
  by: Actor;
  action: 'created' | 'changed' | 'deleted';
  kind: RecordKind;
  tenantId?: string;
  recordId: string;
  /** Without secrets. Of what is very large, only the fields that differ, or `too_large`. */
  before: unknown;
  after: unknown;
}

type Noted = Omit<AuditEntry, 'id' | 'atMs' | 'version'>;

/** The text of an entry, as the script stores it. */
export function auditText(
  by: Actor,
  { kind, field, tenantId }: RecordPlace,
  { before, after }: { before: unknown; after: object | undefined },
): string {
  const noted = {
    by,
    action: before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed',
    kind,
    ...(tenantId === undefined ? {} : { tenantId }),
    recordId: field,
  } as const;
  for (const [was, is] of [
    [shown(before), shown(after)] as const,
    differences(shown(before), shown(after)),
  ]) {
    const text = JSON.stringify({ ...noted, before: was, after: is } satisfies Noted);
    if (text.length <= ENTRY_CHARS_MAX) return text;
  }
  const bounded = (value: unknown): unknown => (value === undefined ? null : 'too_large');
  return JSON.stringify({ ...noted, before: bounded(before), after: bounded(after) });
}

/** A key's hash opens nothing, and is nobody's business all the same. */
function shown(value: unknown): unknown {
  if (!isObject(value)) return value ?? null;
  return withoutSecrets(
    Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'hash')),
  );
}

function differences(before: unknown, after: unknown): [unknown, unknown] {
  if (!isObject(before) || !isObject(after)) return [before, after];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const only = (value: Record<string, unknown>): object =>
    Object.fromEntries(names.map((name) => [name, value[name]]));
  return [only(before), only(after)];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export interface AuditQuery {
  /** Of this tenant only. */
  tenantId?: string | undefined;
  /** Only since that tenant was made: what is older is of another one that had its id. */
  sinceMade?: boolean;
  /** Behind this id, or this time, in the order that is asked for. */
  after?: string | undefined;
  order: 'oldest' | 'newest';
  limit: number;
}

/** The trail as it is read. */
export class AuditTrail {
  constructor(
    private readonly redis: Redis | Cluster,
    private readonly keepMs: number,
  ) {}

  async list(query: AuditQuery): Promise<AuditEntry[]> {
    const { tenantId, after, order, limit } = query;
    const key = `${CONFIG_TAG}:audit${tenantId === undefined ? '' : `:${tenantId}`}`;
    const oldest = await this.oldestId(query);
    // Nothing is before that; and Redis knows no time before 1970.
    if (order === 'newest' && after !== undefined && !isLater(after, oldest)) return [];
    const entries =
      order === 'oldest'
        ? await this.redis.xrange(key, later(oldest, after), '+', 'COUNT', limit)
        : await this.redis.xrevrange(
            key,
            after === undefined ? '+' : `(${after}`,
            oldest,
            'COUNT',
            limit,
          );
    return entries.map(readEntry);
  }

  private async oldestId({ tenantId, sinceMade = false }: AuditQuery): Promise<string> {
    // Entries are deleted when others are added; one that is too old must not be seen until then.
    const oldest = String(Math.max(0, Date.now() - this.keepMs));
    if (!sinceMade || tenantId === undefined) return oldest;
    const since = await this.redis.hget(`${CONFIG_TAG}:tenantsSince`, tenantId);
    return since !== null && isLater(since, oldest) ? since : oldest;
  }
}

/** An entry as a stream of Redis tells it. */
export function readEntry([id, [, version = '0', , entry = '{}']]: [string, string[]]): AuditEntry {
  return {
    id,
    atMs: Number(id.split('-')[0]),
    version: Number(version),
    ...(JSON.parse(entry) as Noted),
  };
}

/** Where entries begin that are not older than one, and behind another. */
function later(oldest: string, after: string | undefined): string {
  return after === undefined || isLater(oldest, after) ? oldest : `(${after}`;
}

function isLater(id: string, than: string): boolean {
  const [ms, count] = timeOf(id);
  const [thanMs, thanCount] = timeOf(than);
  return ms > thanMs || (ms === thanMs && count > thanCount);
}

/** Of an id, or of a time, which may be before 1970. */
function timeOf(id: string): [ms: number, count: number] {
  const [, ms, count = 0] = /^(-?\d+)(?:-(\d+))?$/.exec(id) ?? [];
  return [Number(ms), Number(count)];
}
