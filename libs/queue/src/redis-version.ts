import type { RedisClient } from './redis-connection';

/** The versions of all masters, each once; mostly that is one. */
export async function redisVersions(redis: RedisClient): Promise<string[]> {
  const nodes = 'nodes' in redis ? redis.nodes('master') : [redis];
  const infos = await Promise.all(nodes.map((node) => node.info('server')));
  return [...new Set(infos.map(versionIn))].sort();
}

/** Valkey says the version of Redis that it can stand in for, and its own beside it. */
function versionIn(info: string): string {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:([\\w.]+)`, 'm').exec(info)?.[1];
  return field('redis_version') ?? 'unknown';
}
