import type { RedisClient } from '@logferry/queue';

/** How often Redis syncs its append-only file; `none` without one, `unknown` where it does not say. */
export type Appendfsync = 'always' | 'everysec' | 'no' | 'none' | 'unknown';

/** What one Redis says of itself. */
export interface RedisFacts {
  usedBytes: number;
  /** All the memory that it may take. */
  allBytes: number;
  /** What it deletes when its memory is full. */
  evicts: 'nothing' | 'what expires' | 'anything';
  appendfsync: Appendfsync;
  /** Whether it puts off syncing while it writes its file anew, however often it syncs else. */
  pausesSync: boolean;
  /** Whether it may be writing its file for the first time: until that is done, it would begin without all of it. */
  mayHaveNoFileYet: boolean;
}

interface Given {
  /** What counts as all of its memory where it has no maxmemory; 0 for all that its machine has. */
  memoryBytesMax: number;
  /** How often it syncs, where it is not to be asked. */
  appendfsync: Appendfsync | 'ask';
}

export async function askRedis(redis: RedisClient, given: Given): Promise<RedisFacts> {
  const [info, config] = await Promise.all([
    redis.info(),
    given.appendfsync === 'ask' ? askConfig(redis) : new Map<string, string>(),
  ]);
  const value = (name: string): string => new RegExp(`^${name}:(.*)`, 'm').exec(info)?.[1] ?? '';
  const maxmemory = Number(value('maxmemory'));
  const all = maxmemory || given.memoryBytesMax || Number(value('total_system_memory'));
  return {
    usedBytes: Number(value('used_memory')),
    allBytes: all === 0 ? Infinity : all,
    evicts: maxmemory === 0 ? 'nothing' : evictionOf(value('maxmemory_policy')),
    appendfsync: appendfsyncOf(given.appendfsync, value('aof_enabled'), config.get('appendfsync')),
    pausesSync: config.get('no-appendfsync-on-rewrite') === 'yes',
    mayHaveNoFileYet:
      Number(value('aof_base_size')) === 0 &&
      (value('aof_rewrite_in_progress').startsWith('1') ||
        value('aof_rewrite_scheduled').startsWith('1') ||
        value('aof_last_bgrewrite_status').startsWith('err')),
  };
}

/** Managed Redis mostly knows no CONFIG: then it says nothing. */
async function askConfig(redis: RedisClient): Promise<Map<string, string>> {
  try {
    const reply = await redis.config('GET', '*appendfsync*');
    return new Map(reply.flatMap((name, i) => (i % 2 === 0 ? [[name, reply[i + 1] ?? '']] : [])));
  } catch (error) {
    if (/unknown command|NOPERM|not allowed/i.test((error as Error).message)) return new Map();
    throw error;
  }
}

function appendfsyncOf(
  given: Given['appendfsync'],
  aofEnabled: string,
  said: string | undefined,
): Appendfsync {
  if (given !== 'ask') return given;
  if (aofEnabled === '0') return 'none';
  return said === 'always' || said === 'everysec' || said === 'no' ? said : 'unknown';
}

function evictionOf(policy: string): RedisFacts['evicts'] {
  if (policy.startsWith('allkeys')) return 'anything';
  return policy.startsWith('volatile') ? 'what expires' : 'nothing';
}
