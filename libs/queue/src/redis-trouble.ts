import { shardTag } from './keys';
import type { RedisClient } from './redis-connection';

/** Why a Redis that answers takes nothing just now. */
export type RedisTrouble =
  'loading' | 'read_only' | 'cannot_persist' | 'too_few_replicas' | 'cluster_down' | 'full';

const byReply: readonly (readonly [reply: string, trouble: RedisTrouble])[] = [
  ['LOADING', 'loading'],
  ['READONLY', 'read_only'],
  ['MASTERDOWN', 'read_only'],
  ['MISCONF', 'cannot_persist'],
  ['NOREPLICAS', 'too_few_replicas'],
  ['CLUSTERDOWN', 'cluster_down'],
  ['OOM', 'full'],
];

/** What Redis's refusal of a command says of Redis; nothing, if the refusal is of the command alone. */
export function troubleOf(error: unknown): RedisTrouble | undefined {
  const { message } = error as Error;
  // Not only at its beginning: Redis 6 quotes what a script met with, and a cluster's client what the last node said.
  return byReply.find(([reply]) => new RegExp(`\\b${reply} `).test(message))?.[1];
}

/** What another connection to the same address may not meet with: after a failover, the address leads to another Redis. */
export function mayBeElsewhere(error: unknown): boolean {
  const trouble = troubleOf(error);
  return (
    trouble === 'read_only' || trouble === 'loading' || /^UNBLOCKED /.test((error as Error).message)
  );
}

/**
 * Whether Redis takes writes: a command that is one, and writes nothing. It is refused like any other write, and not written to the
 * append-only file.
 *
 * @throws what Redis says
 */
export async function probeWrites(redis: RedisClient, shards: number): Promise<void> {
  // A single Redis is one for all shards; in a cluster each has its node.
  const tags = Array.from({ length: 'nodes' in redis ? shards : 1 }, (_, shard) => shardTag(shard));
  await Promise.all(tags.map((tag) => redis.setrange(`${tag}:probe`, 0, '')));
}
