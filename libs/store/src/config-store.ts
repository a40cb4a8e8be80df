import {
  assumedRole,
  Channel,
  Destination,
  Source,
  Tenant,
  type Credentials,
} from '@logferry/core';
import type { Cluster, Redis } from 'ioredis';
import type { StoredKey } from './api-key';
import type { AuditBounds } from './audit-trail';
import {
  CONFIG_TAG,
  destinationPlace,
  keyPlace,
  roleId,
  sourcePlace,
  tenantPlace,
  type Actor,
  type Change,
  type Expected,
  type RecordPlace,
  type RecordWrite,
  type StoredText,
  type Written,
} from './config-record';
import { ConfigWriter } from './config-writer';

const keyOf = (hash: string): string => `${CONFIG_TAG}:${hash}`;
const TENANTS = keyOf('tenants');
const KEYS = keyOf('keys');
const CHANGES = keyOf('changes');
/** Where the announcements stand before there is one. */
const NO_CHANGES = '0-0';
/** As many at once: a hash of very many must not keep Redis from everybody else. */
const SCAN_COUNT = 1_000;

/** How a write is to happen, and in whose name. */
export interface WriteOptions {
  by?: Actor;
  expected?: Expected | undefined;
}

/** A tenant and everything of it that ingest and workers need to know. */
export interface TenantRecord {
  tenant: Tenant;
  destinations: readonly Destination[];
  /** What is stored, and is nothing that this version knows as a destination. */
  unreadable?: readonly Unreadable[];
  /** Roles that AWS is known to let another tenant assume, by `roleId`. */
  wideRoles?: ReadonlySet<string>;
}

/** Whether AWS is known to let another tenant assume the role. */
export function isWide(record: TenantRecord | undefined, credentials: Credentials): boolean {
  const role = assumedRole(credentials);
  return role !== undefined && record?.wideRoles?.has(roleId(role)) === true;
}

/** What a tenant's log events are pulled from. */
export interface SourceRecords {
  sources: readonly Source[];
  /** What is stored, and is nothing that this version knows as a source. */
  unreadable: readonly Unreadable[];
}

/** Something stored that cannot be read: it was written by another version, or by hand. Asking again does not help. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';

  constructor(
    what: string,
    readonly id: string,
    cause: unknown,
  ) {
    super(`what is stored of ${what} cannot be read`, { cause });
  }
}

/** @throws Unreadable if it is there and cannot be read */
export function sourceIn(
  { sources, unreadable }: SourceRecords,
  sourceId: string,
): Source | undefined {
  const problem = unreadable.find(({ id }) => id === sourceId);
  if (problem !== undefined) throw problem;
  return sources.find(({ id }) => id === sourceId);
}

function readTenant(tenantId: string, json: string): Tenant {
  try {
    return Tenant.parse(JSON.parse(json));
  } catch (error) {
    throw new Unreadable(`tenant ${tenantId}`, tenantId, error);
  }
}

function readChannel(json: string): Channel | undefined {
  try {
    return Channel.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Tenants, destinations, sources, channels and keys, in Redis. Every write is announced and noted in the audit trail in the same step. */
export class ConfigStore {
  private readonly writer: ConfigWriter;

  /** @param audit how much of the audit trail a write leaves */
  constructor(
    private readonly redis: Redis | Cluster,
    audit?: AuditBounds,
  ) {
    this.writer = new ConfigWriter(redis, audit);
  }

  /** Several records together, or none of them. */
  write(by: Actor, writes: readonly RecordWrite[]): Promise<Written> {
    return this.writer.write(by, writes);
  }

  putTenant(tenant: Tenant, options: WriteOptions = {}): Promise<Written> {
    return this.put(tenantPlace(tenant.id), tenant, options);
  }

  putDestination(
    tenantId: string,
    destination: Destination,
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.put(destinationPlace(tenantId, destination.id), destination, options);
  }

  deleteDestination(
    tenantId: string,
    destinationId: string,
    options: WriteOptions = {},
  ): Promise<Written> {
    return this.put(destinationPlace(tenantId, destinationId), undefined, options);
  }

  putSource(tenantId: string, source: Source, options: WriteOptions = {}): Promise<Written> {
    return this.put(sourcePlace(tenantId, source.id), source, options);
  }

  deleteSource(tenantId: string, sourceId: string, options: WriteOptions = {}): Promise<Written> {
    return this.put(sourcePlace(tenantId, sourceId), undefined, options);
  }

  putKey(key: StoredKey, options: WriteOptions = {}): Promise<Written> {
    return this.put(keyPlace(key), key, options);
  }

  async deleteKey(keyId: string, options: WriteOptions = {}): Promise<Written> {
    const key = await this.key(keyId);
    return this.put(keyPlace(key ?? { id: keyId }), undefined, options);
  }

  async tenantIds(): Promise<string[]> {
    return (await this.redis.hkeys(TENANTS)).sort();
  }

  /** @throws Unreadable for the tenant itself; a destination that cannot be read harms no other. */
  async tenant(tenantId: string): Promise<TenantRecord | undefined> {
    const [tenant, stored, wideRoles] = await Promise.all([
      this.redis.hget(TENANTS, tenantId),
      this.redis.hgetall(keyOf(`destinations:${tenantId}`)),
      this.wideRoleIds(tenantId),
    ]);
    if (tenant === null) return undefined;
    const destinations: Destination[] = [];
    const unreadable: Unreadable[] = [];
    for (const [id, json] of Object.entries(stored)) {
      try {
        destinations.push(Destination.parse(JSON.parse(json)));
      } catch (error) {
        unreadable.push(new Unreadable(`destination ${id} of tenant ${tenantId}`, id, error));
      }
    }
    return {
      tenant: readTenant(tenantId, tenant),
      destinations,
      ...(unreadable.length === 0 ? {} : { unreadable }),
      ...(wideRoles.length === 0 ? {} : { wideRoles: new Set(wideRoles) }),
    };
  }

  async destinationIds(tenantId: string): Promise<string[]> {
    return (await this.redis.hkeys(keyOf(`destinations:${tenantId}`))).sort();
  }

  async wideRoleIds(tenantId: string): Promise<string[]> {
    return this.redis.hkeys(keyOf(`wideRoles:${tenantId}`));
  }

  async sourceIds(tenantId: string): Promise<string[]> {
    return (await this.redis.hkeys(keyOf(`sources:${tenantId}`))).sort();
  }

  /** Empty if there is no such tenant. */
  async sources(tenantId: string): Promise<SourceRecords> {
    const stored = await this.redis.hgetall(keyOf(`sources:${tenantId}`));
    const sources: Source[] = [];
    const unreadable: Unreadable[] = [];
    for (const [id, json] of Object.entries(stored)) {
      try {
        sources.push(Source.parse(JSON.parse(json)));
      } catch (error) {
        unreadable.push(new Unreadable(`source ${id} of tenant ${tenantId}`, id, error));
      }
    }
    return { sources, unreadable };
  }

  /** @throws Unreadable */
  async source(tenantId: string, sourceId: string): Promise<Source | undefined> {
    return sourceIn(await this.sources(tenantId), sourceId);
  }

  async channelIds(tenantId: string): Promise<string[]> {
    return (await this.redis.hkeys(keyOf(`channels:${tenantId}`))).sort();
  }

  /** What cannot be read is left out: nothing can be told there. */
  async channels(tenantId: string): Promise<Channel[]> {
    const stored = await this.redis.hvals(keyOf(`channels:${tenantId}`));
    return stored.flatMap((json) => readChannel(json) ?? []);
  }

  /** Of tenants, those that have channels: most have none. */
  async withChannels(tenantIds: readonly string[]): Promise<string[]> {
    if (tenantIds.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const tenantId of tenantIds) pipeline.exists(keyOf(`channels:${tenantId}`));
    const results = (await pipeline.exec()) ?? [];
    const failed = results.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
    return tenantIds.filter((_, i) => results[i]?.[1] === 1);
  }

  /** Records as they lie there, with their versions. */
  find(places: readonly RecordPlace[]): Promise<(StoredText | undefined)[]> {
    return this.writer.find(places);
  }

  async key(keyId: string): Promise<StoredKey | undefined> {
    const json = await this.redis.hget(KEYS, keyId);
    return json === null ? undefined : (JSON.parse(json) as StoredKey);
  }

  async keys(): Promise<StoredKey[]> {
    const found = new Map<string, StoredKey>(); // a scan may find one twice
    let cursor = '0';
    do {
      const [next, pairs] = await this.redis.hscan(KEYS, cursor, 'COUNT', SCAN_COUNT);
      cursor = next;
      for (let i = 0; i < pairs.length; i += 2)
        found.set(pairs[i] ?? '', JSON.parse(pairs[i + 1] ?? '{}') as StoredKey);
    } while (cursor !== '0');
    return [...found.values()];
  }

  /** Where the announcements stand now. */
  async changesEnd(): Promise<string> {
    const [last] = await this.redis.xrevrange(CHANGES, '+', '-', 'COUNT', 1);
    return last?.[0] ?? NO_CHANGES;
  }

  /**
   * What was announced after a place, at most `most`; nothing is known of that where the place itself is gone: Redis has come back with
   * an older state or none, or more was announced since than is kept.
   */
  async changesAfter(
    place: string,
    most: number,
  ): Promise<{ place: string; changes: Change[] } | undefined> {
    const isBegin = place === NO_CHANGES;
    const found = await this.redis.xrange(CHANGES, place, '+', 'COUNT', most + (isBegin ? 0 : 1));
    if (!isBegin && found[0]?.[0] !== place) return undefined;
    const entries = isBegin ? found : found.slice(1);
    return {
      place: entries.at(-1)?.[0] ?? place,
      changes: entries.map(([, [, json = '{}']]) => JSON.parse(json) as Change),
    };
  }

  private put(
    place: RecordPlace,
    value: object | undefined,
    { by = { kind: 'command' }, expected }: WriteOptions,
  ): Promise<Written> {
    return this.writer.write(by, [{ place, to: { value }, expected }]);
  }
}
