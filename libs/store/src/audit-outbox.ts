// The entries of the audit trail that are still to be forwarded: for each tenant that wants it, a queue of their ids, filled by the step
// that notes them (write-script.ts). A queue's head is how far the forwarding of its tenant has come.
import type { Cluster, Redis } from 'ioredis';
import { readEntry, type AuditEntry } from './audit-trail';
import { CONFIG_TAG } from './config-record';

/** What became of an entry that was to be forwarded. Each is one of these, or waits. */
export const forwardingOutcomes = ['forwarded', 'refused', 'trimmed', 'tenant_deleted'] as const;
export type ForwardingOutcome = (typeof forwardingOutcomes)[number];

/** How many entries there are in each state, since ever: what is waiting and the outcomes add up to all that were to be forwarded. */
export type ForwardingCounts = Record<ForwardingOutcome | 'waiting', number>;

/** An entry to be forwarded; without `entry`, it is not in the trail any more. */
export interface QueuedEntry {
  id: string;
  entry?: AuditEntry;
}

const claimScript = `
local key = KEYS[1] .. ':auditForwarder'
local owner = redis.call('GET', key)
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
return 1`;

const releaseScript = `
local key = KEYS[1] .. ':auditForwarder'
if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end`;

const nowInScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

const dueScript = `${nowInScript}
return redis.call('ZRANGEBYSCORE', KEYS[1] .. ':auditDue', '-inf', now, 'LIMIT', 0, ARGV[1])`;

/** ARGV: the tenant, how many entries at most, how old they must be. Puts the tenant behind all others whose turn it is. */
const nextScript = `${nowInScript}
local tenant, most, ageMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = redis.call('LRANGE', KEYS[1] .. ':auditQueue:' .. tenant, 0, most - 1)
local found, dueAt = {}, now
for i, id in ipairs(ids) do
  local at = tonumber(string.match(id, '^%d+'))
  if at + ageMs > now then
    if i == 1 then dueAt = at + ageMs end
    break
  end
  found[i] = { id, redis.call('XRANGE', KEYS[1] .. ':audit:' .. tenant, id, id)[1] or false }
end
redis.call('ZADD', KEYS[1] .. ':auditDue', 'XX', string.format('%.0f', dueAt), tenant)
return found`;

/** ARGV: the tenant, the id, the outcome. Of another entry than the first in the queue, which it was when it was read, nothing is done. */
const settleScript = `
local queue = KEYS[1] .. ':auditQueue:' .. ARGV[1]
if redis.call('LINDEX', queue, 0) ~= ARGV[2] then return 0 end
redis.call('LPOP', queue)
redis.call('HINCRBY', KEYS[1] .. ':auditForwarding', ARGV[3], 1)
if redis.call('EXISTS', queue) == 0 then redis.call('ZREM', KEYS[1] .. ':auditDue', ARGV[1]) end
return 1`;

const postponeScript = `${nowInScript}
redis.call('ZADD', KEYS[1] .. ':auditDue', 'XX', string.format('%.0f', now + ARGV[2]), ARGV[1])`;

interface Scripts {
  lfAuditClaim(tag: string, owner: string, leaseMs: number): Promise<number>;
  lfAuditRelease(tag: string, owner: string): Promise<void>;
  lfAuditDue(tag: string, most: number): Promise<string[]>;
  lfAuditNext(
    tag: string,
    tenantId: string,
    ...[most, ageMs]: [number, number]
  ): Promise<[string, [string, string[]] | null][]>;
  lfAuditSettle(
    tag: string,
    tenantId: string,
    ...[id, outcome]: [string, ForwardingOutcome]
  ): Promise<number>;
  lfAuditPostpone(tag: string, tenantId: string, waitMs: number): Promise<void>;
}

export class AuditOutbox {
  private readonly scripts: Scripts;

  constructor(private readonly redis: Redis | Cluster) {
    const define = (name: string, lua: string): void =>
      redis.defineCommand(name, { numberOfKeys: 1, lua });
    define('lfAuditClaim', claimScript);
    define('lfAuditRelease', releaseScript);
    define('lfAuditDue', dueScript);
    define('lfAuditNext', nextScript);
    define('lfAuditSettle', settleScript);
    define('lfAuditPostpone', postponeScript);
    this.scripts = redis as unknown as Scripts;
  }

  /** Whether this process is the one that forwards, for so long; whoever is it stays it by asking again in time. */
  async claim(owner: string, leaseMs: number): Promise<boolean> {
    return (await this.scripts.lfAuditClaim(CONFIG_TAG, owner, leaseMs)) === 1;
  }

  async release(owner: string): Promise<void> {
    await this.scripts.lfAuditRelease(CONFIG_TAG, owner);
  }

  /** Tenants whose turn it is. */
  due(most: number): Promise<string[]> {
    return this.scripts.lfAuditDue(CONFIG_TAG, most);
  }

  /** A tenant's oldest entries, of those that are at least so old. */
  async next(tenantId: string, most: number, ageMs: number): Promise<QueuedEntry[]> {
    const found = await this.scripts.lfAuditNext(CONFIG_TAG, tenantId, most, ageMs);
    return found.map(([id, entry]) => (entry === null ? { id } : { id, entry: readEntry(entry) }));
  }

  /** Takes a tenant's oldest entry out of its queue and counts it. False if it is that no more: another process was faster. */
  async settle(tenantId: string, id: string, outcome: ForwardingOutcome): Promise<boolean> {
    return (await this.scripts.lfAuditSettle(CONFIG_TAG, tenantId, id, outcome)) === 1;
  }

  async postpone(tenantId: string, waitMs: number): Promise<void> {
    await this.scripts.lfAuditPostpone(CONFIG_TAG, tenantId, waitMs);
  }

  async counts(): Promise<ForwardingCounts> {
    const read = await this.redis.hgetall(`${CONFIG_TAG}:auditForwarding`);
    const of = (name: string): number => Number(read[name] ?? 0);
    const counts = Object.fromEntries(forwardingOutcomes.map((name) => [name, of(name)])) as Record<
      ForwardingOutcome,
      number
    >;
    const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { ...counts, waiting: of('queued') - done };
  }
}
