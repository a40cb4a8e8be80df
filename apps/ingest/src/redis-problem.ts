import type { RedisFacts } from './redis-facts';

/** When an append counts as stored: when Redis has it, or when Redis's disk has it. */
export type Durability = 'everysec' | 'fsync';

/** What keeps ingest from taking anything, and what whoever runs Redis reads of it. */
export const refusals = {
  away: 'Redis does not answer',
  loading: 'Redis is loading its data',
  read_only: 'Redis takes no writes: it is a replica',
  cannot_persist: 'Redis takes no writes: it could not write to its disk',
  too_few_replicas: 'Redis takes no writes: it has fewer replicas than min-replicas-to-write',
  cluster_down: 'the Redis Cluster is down',
  evicts:
    'Redis would delete what waits when its memory is full: set maxmemory-policy to noeviction',
  not_durable:
    'LOGFERRY_INGEST_DURABILITY is fsync, and Redis does not sync each write: set appendonly to yes, appendfsync to always and no-appendfsync-on-rewrite to no, and let it write its file; where CONFIG is not allowed, say so in LOGFERRY_INGEST_REDIS_APPENDFSYNC',
} as const;

/** What makes less of the promise, and is taken all the same. */
export const warnings = {
  not_persistent:
    'Redis has no append-only file: what was acknowledged is lost when it restarts; set appendonly to yes',
  syncs_seldom:
    'Redis leaves it to its machine when to sync: a power cut takes what was acknowledged in the last half minute; set appendfsync to everysec',
  pauses_sync:
    'Redis syncs nothing while it writes its append-only file anew: set no-appendfsync-on-rewrite to no',
  evicts_what_expires:
    'Redis forgets Idempotency-Keys, ids and locks when its memory is full: set maxmemory-policy to noeviction',
} as const;

export type Refusal = keyof typeof refusals;
export type Warning = keyof typeof warnings;

/**
 * Whether what Redis has taken is as safe as it has to be.
 *
 * WAITAOF does not help one that syncs once a second: some answer it before they have synced (redis/redis#13793; Valkey 9.1.2, measured). And one whose file was
 * switched on while it ran says that it has one before it has: killed then, it begins empty (7.0.15, measured). That cannot be told
 * from the first time that a new Redis writes its file anew, so nothing is taken for that second either.
 */
export function isDurable(
  durability: Durability,
  { appendfsync, pausesSync, mayHaveNoFileYet }: RedisFacts,
): boolean {
  return (
    durability === 'everysec' || (appendfsync === 'always' && !pausesSync && !mayHaveNoFileYet)
  );
}

export function warningsOf({ appendfsync, pausesSync, evicts }: RedisFacts): Warning[] {
  const found: Warning[] = [];
  if (appendfsync === 'none') found.push('not_persistent');
  if (appendfsync === 'no') found.push('syncs_seldom');
  if (pausesSync) found.push('pauses_sync');
  if (evicts === 'what expires') found.push('evicts_what_expires');
  return found;
}
