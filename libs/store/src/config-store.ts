import { Destination, Tenant } from '@logferry/core';
import type { Cluster, Redis } from 'ioredis';
import type { StoredKey } from './api-key';

// One hash tag for all of it: it is small, and a change and its announcement are one transaction.
const TENANTS = '{lf}:tenants';
const KEYS = '{lf}:keys';
const CHANGES = '{lf}:changes';
const CHANGES_MAX = 10_000;
const destinationsOf = (tenantId: string): string => `{lf}:destinations:${tenantId}`;

/** A tenant and everything of it that ingest and workers need to know. */
export interface TenantRecord {
  tenant: Tenant;
  destinations: readonly Destination[];
  /** What is stored, and is nothing that this version knows as a destination. */
  unreadable?: readonly Unreadable[];
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

/** What was changed, for whoever remembers it. */
export type Change = { kind: 'tenant'; tenantId: string } | { kind: 'key'; keyId: string };

function readTenant(tenantId: string, json: string): Tenant {
  try {
    return Tenant.parse(JSON.parse(json));
  } catch (error) {
    throw new Unreadable(`tenant ${tenantId}`, tenantId, error);
  }
}

/** Tenants, destinations and keys, in Redis. Every write is announced in the same transaction. */
export class ConfigStore {
  constructor(private readonly redis: Redis | Cluster) {}

  async putTenant(tenant: Tenant): Promise<void> {
    await this.write({ kind: 'tenant', tenantId: tenant.id }, (transaction) =>
      transaction.hset(TENANTS, tenant.id, JSON.stringify(tenant)),
    );
  }

  async putDestination(tenantId: string, destination: Destination): Promise<void> {
    await this.write({ kind: 'tenant', tenantId }, (transaction) =>
      transaction.hset(destinationsOf(tenantId), destination.id, JSON.stringify(destination)),
    );
  }

  async deleteDestination(tenantId: string, destinationId: string): Promise<void> {
    await this.write({ kind: 'tenant', tenantId }, (transaction) =>
      transaction.hdel(destinationsOf(tenantId), destinationId),
    );
  }

  async putKey(key: StoredKey): Promise<void> {
    await this.write({ kind: 'key', keyId: key.id }, (transaction) =>
      transaction.hset(KEYS, key.id, JSON.stringify(key)),
    );
  }

  async deleteKey(keyId: string): Promise<void> {
    await this.write({ kind: 'key', keyId }, (transaction) => transaction.hdel(KEYS, keyId));
  }

  async tenantIds(): Promise<string[]> {
    return (await this.redis.hkeys(TENANTS)).sort();
  }

  /** @throws Unreadable for the tenant itself; a destination that cannot be read harms no other. */
  async tenant(tenantId: string): Promise<TenantRecord | undefined> {
    const [tenant, stored] = await Promise.all([
      this.redis.hget(TENANTS, tenantId),
      this.redis.hgetall(destinationsOf(tenantId)),
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
    const record = { tenant: readTenant(tenantId, tenant), destinations };
    return unreadable.length === 0 ? record : { ...record, unreadable };
  }

  async key(keyId: string): Promise<StoredKey | undefined> {
    const json = await this.redis.hget(KEYS, keyId);
    return json === null ? undefined : (JSON.parse(json) as StoredKey);
  }

  async keys(): Promise<StoredKey[]> {
    return (await this.redis.hvals(KEYS)).map((json) => JSON.parse(json) as StoredKey);
  }

  /** Where the announcements stand now. */
  async changesEnd(): Promise<string> {
    const [last] = await this.redis.xrevrange(CHANGES, '+', '-', 'COUNT', 1);
    return last?.[0] ?? '0-0';
  }

  /** What was announced after a place, at most `most`. */
  async changesAfter(place: string, most: number): Promise<{ place: string; changes: Change[] }> {
    const entries = await this.redis.xrange(CHANGES, `(${place}`, '+', 'COUNT', most);
    return {
      place: entries.at(-1)?.[0] ?? place,
      changes: entries.map(([, [, json = '{}']]) => JSON.parse(json) as Change),
    };
  }

  private async write(
    change: Change,
    add: (transaction: ReturnType<Redis['multi']>) => unknown,
  ): Promise<void> {
    const transaction = this.redis.multi();
    add(transaction);
    transaction.xadd(CHANGES, 'MAXLEN', '~', CHANGES_MAX, '*', 'change', JSON.stringify(change));
    const results = await transaction.exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
  }
}
