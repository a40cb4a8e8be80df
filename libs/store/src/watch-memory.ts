// What was noticed of tenants' destinations and sources, so that it is told once, and nothing is missed while no console runs.
import type { Cluster, Redis } from 'ioredis';
import { CONFIG_TAG } from './config-record';

const WATCHER = `${CONFIG_TAG}:watcher`;
const WATCHED = `${CONFIG_TAG}:watched`;
/** Beside what is remembered of each thing: that the tenant has been looked at before. */
const KNOWN = 'known';

const claimScript = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

interface Scripts {
  lfWatchClaim(key: string, owner: string, leaseMs: number): Promise<number>;
  lfWatchRelease(key: string, owner: string): Promise<void>;
}

/** What is remembered of one tenant, by the name of what it is of. */
export interface TenantMemory {
  isKnown: boolean;
  things: ReadonlyMap<string, unknown>;
}

export class WatchMemory {
  private readonly scripts: Scripts;

  constructor(private readonly redis: Redis | Cluster) {
    redis.defineCommand('lfWatchClaim', { numberOfKeys: 1, lua: claimScript });
    redis.defineCommand('lfWatchRelease', { numberOfKeys: 1, lua: releaseScript });
    this.scripts = redis as unknown as Scripts;
  }

  /** Whether this process is the one that watches, for so long; whoever is it stays it by asking again in time. */
  async claim(owner: string, leaseMs: number): Promise<boolean> {
    return (await this.scripts.lfWatchClaim(WATCHER, owner, leaseMs)) === 1;
  }

  async release(owner: string): Promise<void> {
    await this.scripts.lfWatchRelease(WATCHER, owner);
  }

  async of(tenantIds: readonly string[]): Promise<TenantMemory[]> {
    if (tenantIds.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const tenantId of tenantIds) pipeline.hgetall(keyOf(tenantId));
    const results = (await pipeline.exec()) ?? [];
    const failed = results.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
    return results.map(([, fields]) => {
      const { [KNOWN]: known, ...things } = fields as Record<string, string>;
      const parsed = Object.entries(things).map(([name, json]) => [name, read(json)] as const);
      return { isKnown: known !== undefined, things: new Map(parsed) };
    });
  }

  /** @param changes what is remembered from now on; of what is undefined, nothing */
  async put(tenantId: string, changes: ReadonlyMap<string, object | undefined>): Promise<void> {
    const key = keyOf(tenantId);
    const multi = this.redis.multi().hset(key, KNOWN, '1').sadd(WATCHED, tenantId);
    for (const [name, value] of changes)
      if (value === undefined) multi.hdel(key, name);
      else multi.hset(key, name, JSON.stringify(value));
    await multi.exec();
  }

  /** Forgets tenants that are not to be watched any more: what happens until they are again is not told. */
  async keepOnly(tenantIds: ReadonlySet<string>): Promise<void> {
    for (const tenantId of await this.redis.smembers(WATCHED))
      if (!tenantIds.has(tenantId))
        await this.redis.multi().del(keyOf(tenantId)).srem(WATCHED, tenantId).exec();
  }
}

const keyOf = (tenantId: string): string => `${CONFIG_TAG}:watch:${tenantId}`;

function read(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
