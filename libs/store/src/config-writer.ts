import type { Cluster, Redis } from 'ioredis';
import { AUDIT_BOUNDS_WIDEST, auditText, type AuditBounds } from './audit-trail';
import {
  CONFIG_TAG,
  type Actor,
  type Expected,
  type RecordPlace,
  type RecordWrite,
  type StoredText,
  type Written,
} from './config-record';
import { writeScript } from './write-script';

const CHANGES_MAX = 10_000;
/** Whoever writes has read a moment before; others may come between, and not again and again. */
const TRIES = 20;

interface Scripts {
  lfWriteConfig(tag: string, args: (string | number)[]): Promise<number>;
}

/** Writes records together or not at all: with their versions, announced, and noted in the audit trail. */
export class ConfigWriter {
  private readonly scripts: Scripts;

  constructor(
    private readonly redis: Redis | Cluster,
    private readonly bounds: AuditBounds = AUDIT_BOUNDS_WIDEST,
  ) {
    redis.defineCommand('lfWriteConfig', { numberOfKeys: 1, lua: writeScript });
    this.scripts = redis as unknown as Scripts;
  }

  async write(by: Actor, writes: readonly RecordWrite[]): Promise<Written> {
    for (let tries = 0; tries < TRIES; tries++) {
      const before = await this.find(writes.map(({ place }) => place));
      for (const [i, { place, expected }] of writes.entries()) {
        const version = before[i]?.version;
        if (!isExpected(expected, version)) return { kind: 'conflict', place, version };
      }
      const changed = writes.map(({ to }, i) => {
        const text = to?.value === undefined ? undefined : JSON.stringify(to.value);
        return to !== undefined && text !== before[i]?.text;
      });
      const first = writes.findIndex(({ to }) => to !== undefined);
      const stays = { version: before[first]?.version ?? 0, created: false } as const;
      if (!changed.includes(true)) return { kind: 'unchanged', ...stays };
      const version = await this.scripts.lfWriteConfig(
        CONFIG_TAG,
        this.argumentsOf(by, writes, { before, changed }),
      );
      if (version === 0) continue;
      const full = version < 0 ? writes[-version - 1] : undefined;
      if (full?.most !== undefined)
        return { kind: 'full', place: full.place, most: full.most, version: undefined };
      if (changed[first] !== true) return { kind: 'written', ...stays };
      return { kind: 'written', version, created: before[first] === undefined };
    }
    throw new Error('a configuration is changed by others again and again');
  }

  /**
   * The texts and versions of records that are there. The versions are read first: of a record that changes meanwhile, its reader then
   * has an old version and is refused with it, and never the old text with the new version, which would undo the change.
   */
  async find(places: readonly RecordPlace[]): Promise<(StoredText | undefined)[]> {
    if (places.length === 0) return [];
    const fields = places.map(({ hash, field }) => `${hash}/${field}`);
    const pipeline = this.redis.pipeline();
    pipeline.hmget(`${CONFIG_TAG}:versions`, ...fields);
    for (const { hash, field } of places) pipeline.hget(`${CONFIG_TAG}:${hash}`, field);
    const results = await pipeline.exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
    const [versions, ...texts] = (results ?? []).map(([, result]) => result);
    return texts.map((text, i) =>
      typeof text === 'string'
        ? { text, version: Number((versions as (string | null)[])[i] ?? 0) }
        : undefined,
    );
  }

  private argumentsOf(
    by: Actor,
    writes: readonly RecordWrite[],
    { before, changed }: { before: readonly (StoredText | undefined)[]; changed: boolean[] },
  ): (string | number)[] {
    const { entriesMax, tenantEntriesMax, keepMs } = this.bounds;
    const args: (string | number)[] = [CHANGES_MAX, entriesMax, tenantEntriesMax, keepMs];
    args.push(writes.length);
    const announcements = new Set<string>();
    const entries: [tenantId: string, text: string][] = [];
    for (const [i, { place, to, most = '' }] of writes.entries()) {
      const was = before[i];
      const text = to?.value === undefined ? '' : JSON.stringify(to.value);
      const step = changed[i] !== true ? 'check' : text === '' ? 'delete' : 'set';
      args.push(place.hash, place.field, was?.text ?? '', was?.version ?? 0, step, text);
      args.push(place.tenantId ?? '', most);
      if (step === 'check') continue;
      announcements.add(JSON.stringify(place.change));
      const change = { before: was && parsed(was.text), after: to?.value };
      entries.push([place.tenantId ?? '', auditText(by, place, change)]);
    }
    args.push(announcements.size, ...announcements, entries.length, ...entries.flat());
    return args;
  }
}

function isExpected(expected: Expected | undefined, version: number | undefined): boolean {
  if (expected === undefined) return true;
  if (expected === 'absent') return version === undefined;
  return expected === 'present' ? version !== undefined : version === expected;
}

/** For the trail only: what cannot be read was there all the same. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return 'unreadable';
  }
}
