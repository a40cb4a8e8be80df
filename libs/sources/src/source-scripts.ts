// Each script is one step. Those of a run look first whether the lock is still the run's: a process that was paused for a minute and goes
// on must move nothing that another one has moved meanwhile.
import type { Cluster, Redis } from 'ioredis';

/** Lock, position and run come first in every script of a run; its token is the first argument. */
const fenced = `
local lock, position, run = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', lock) ~= ARGV[1] then return -1 end
`;

/** Beside the lock, a run that was deleted with its source must not come to life again. */
const running = `${fenced}
if redis.call('EXISTS', run) == 0 then return -1 end
local function answer()
  local bits = 0
  if redis.call('HGET', run, 'cancel') then bits = bits + 1 end
  if (redis.call('HGET', position, 'epoch') or '0') ~= ARGV[2] then bits = bits + 2 end
  return bits
end
`;

/** ARGV: token, milliseconds. */
const lockScript = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
`;

/** ARGV: token, milliseconds. */
const renewScript = `${running}
redis.call('PEXPIRE', lock, ARGV[3])
return answer()
`;

const unlockScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

/**
 * KEYS: …, runs, the run that the position names. ARGV: token, run id, head, now, what it pulls from, a random name for a position that is
 * new. The run that the position names is one whose process has died, since its lock is ours now.
 */
const beginScript = `${fenced}
local runs, before = KEYS[4], KEYS[5]
if before ~= run and redis.call('HGET', before, 'state') == 'running' then
  redis.call('HSET', before, 'state', 'interrupted', 'endedAtMs', ARGV[4])
end
local state = redis.call('HGET', run, 'state')
if state and state ~= 'running' and state ~= 'interrupted' then return 0 end
local origin = redis.call('HGET', position, 'origin')
if origin and origin ~= ARGV[5] then
  redis.call('HDEL', position, 'checkpoint', 'inclusive', 'intent', 'startFrom', 'highest', 'resentUntil', 'caughtUpAtMs', 'newestMs')
  redis.call('HINCRBY', position, 'epoch', 1)
end
redis.call('HSET', position, 'origin', ARGV[5], 'runId', ARGV[2])
redis.call('HSETNX', position, 'generation', ARGV[6])
local checkpoint = redis.call('HGET', position, 'checkpoint')
if not state then
  redis.call('HSET', run, 'head', ARGV[3])
  if checkpoint then redis.call('HSET', run, 'firstCheckpoint', checkpoint, 'checkpoint', checkpoint) end
  redis.call('ZADD', runs, ARGV[4], ARGV[2])
end
redis.call('HSET', run, 'state', 'running')
redis.call('HDEL', run, 'endedAtMs')
return 1
`;

/** ARGV: token, epoch, intent. */
const intendScript = `${running}
local found = answer()
if found < 2 then redis.call('HSET', position, 'intent', ARGV[3]) end
return found
`;

/**
 * ARGV: token, epoch, checkpoint, newest time or '', rejections, then fields of the run and by how much they grow. The counters move with
 * the checkpoint; if somebody has set that meanwhile, it stays where it was set.
 */
const settleScript = `${running}
local found = answer()
if found < 2 and ARGV[3] ~= '' then
  redis.call('HSET', position, 'checkpoint', ARGV[3])
  redis.call('HDEL', position, 'inclusive', 'intent')
  local highest = redis.call('HGET', position, 'highest') or ''
  if #ARGV[3] > #highest or (#ARGV[3] == #highest and ARGV[3] > highest) then
    redis.call('HSET', position, 'highest', ARGV[3])
  end
end
if ARGV[3] ~= '' then redis.call('HSET', run, 'checkpoint', ARGV[3]) end
if ARGV[4] ~= '' then
  for _, at in ipairs({position, run}) do
    local newest = redis.call('HGET', at, 'newestMs')
    if not newest or tonumber(newest) < tonumber(ARGV[4]) then redis.call('HSET', at, 'newestMs', ARGV[4]) end
  end
end
if ARGV[5] ~= '' then
  local known = redis.call('HGET', run, 'rejections') or ''
  if #known < 2000 then redis.call('HSET', run, 'rejections', known .. ARGV[5]) end
end
for i = 6, #ARGV, 2 do
  if tonumber(ARGV[i + 1]) ~= 0 then redis.call('HINCRBY', run, ARGV[i], ARGV[i + 1]) end
end
return found
`;

/** KEYS: position. ARGV: checkpoint, inclusive, the START_FROM that it is of or ''. Whoever runs meanwhile sees the epoch change. */
const setCheckpointScript = `
local position = KEYS[1]
local highest = redis.call('HGET', position, 'highest')
if highest then redis.call('HSET', position, 'resentUntil', highest) end
redis.call('HDEL', position, 'intent', 'inclusive', 'caughtUpAtMs')
redis.call('HSET', position, 'checkpoint', ARGV[1])
if ARGV[2] == '1' then redis.call('HSET', position, 'inclusive', '1') end
if ARGV[3] ~= '' then redis.call('HSET', position, 'startFrom', ARGV[3]) end
return redis.call('HINCRBY', position, 'epoch', 1)
`;

/** The same, by a run. ARGV: token, checkpoint, inclusive, START_FROM. */
const startFromScript = `${fenced}
table.remove(ARGV, 1)
KEYS[1] = position
${setCheckpointScript}
`;

const warning = `
local function warn(words)
  local known = redis.call('HGET', run, 'warnings') or ''
  for word in string.gmatch(words, '%S+') do
    if not string.find(' ' .. known .. ' ', ' ' .. word .. ' ', 1, true) then known = known == '' and word or known .. ' ' .. word end
  end
  redis.call('HSET', run, 'warnings', known)
end
`;

/** ARGV: token, warning. */
const warnScript = `${running}${warning}
warn(ARGV[2])
return 1
`;

/**
 * KEYS: …, failed. ARGV: token, run id, state, now, error, warnings, 1 if it has read all that there was, 0 if nobody can say that any
 * more. A position that was forgotten with its source meanwhile stays forgotten.
 */
const endScript = `${fenced}${warning}
if redis.call('EXISTS', run) == 1 then
  redis.call('HSET', run, 'state', ARGV[3], 'endedAtMs', ARGV[4])
  warn(ARGV[6])
  if ARGV[5] ~= '' then redis.call('HSET', run, 'error', ARGV[5]) end
  if ARGV[3] == 'failed' then redis.call('ZADD', KEYS[4], ARGV[4], ARGV[2]) end
  if ARGV[3] ~= 'interrupted' then redis.call('HSET', position, 'endedAtMs', ARGV[4]) end
  if ARGV[7] == '1' then redis.call('HSET', position, 'caughtUpAtMs', ARGV[4]) end
  if ARGV[7] == '0' then redis.call('HDEL', position, 'caughtUpAtMs') end
end
redis.call('HDEL', position, 'runId')
redis.call('DEL', lock)
return 1
`;

/** KEYS: run, its log. ARGV: the most lines, level, text. A log would outlive a run that was deleted with its source. */
const logScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'level', ARGV[2], 'text', ARGV[3])
return 1
`;

/** KEYS: lock, run. ARGV: now. */
const reapScript = `
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('HGET', KEYS[2], 'state') == 'running' then
  redis.call('HSET', KEYS[2], 'state', 'interrupted', 'endedAtMs', ARGV[1])
  return 1
end
return 0
`;

/** KEYS: lock, run. ARGV: now. Returns 0 if there is nothing to cancel, 1 if it ends soon, 2 if it has ended, since nobody ran it. */
const cancelScript = `
local state = redis.call('HGET', KEYS[2], 'state')
if state ~= 'running' and state ~= 'interrupted' then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 and state == 'running' then
  redis.call('HSET', KEYS[2], 'cancel', '1')
  return 1
end
if state == 'interrupted' and ARGV[2] ~= '1' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'cancelled', 'endedAtMs', ARGV[1])
return 2
`;

const scripts = {
  lfSourceLock: { numberOfKeys: 1, lua: lockScript },
  lfSourceRenew: { numberOfKeys: 3, lua: renewScript },
  lfSourceUnlock: { numberOfKeys: 1, lua: unlockScript },
  lfSourceBegin: { numberOfKeys: 5, lua: beginScript },
  lfSourceIntend: { numberOfKeys: 3, lua: intendScript },
  lfSourceSettle: { numberOfKeys: 3, lua: settleScript },
  lfSourceCheckpoint: { numberOfKeys: 1, lua: setCheckpointScript },
  lfSourceStartFrom: { numberOfKeys: 3, lua: startFromScript },
  lfSourceWarn: { numberOfKeys: 3, lua: warnScript },
  lfSourceEnd: { numberOfKeys: 4, lua: endScript },
  lfSourceLog: { numberOfKeys: 2, lua: logScript },
  lfSourceReap: { numberOfKeys: 2, lua: reapScript },
  lfSourceCancel: { numberOfKeys: 2, lua: cancelScript },
} as const;

type Call = (...keysAndArguments: (string | number)[]) => Promise<number>;
export type SourceScripts = Record<keyof typeof scripts, Call>;

/** A Redis, or a Redis Cluster. */
export type SourceRedis = Redis | Cluster;

export function sourceScripts(redis: SourceRedis): SourceScripts {
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis as unknown as SourceScripts;
}
