// What is done with dead letters, each step one Lua script. Keys and index: scripts.ts and dead-letter-index.ts.
import { PRIORITY_MAX } from './catalog';
import { deadLetterIndex } from './dead-letter-index';
import { prelude } from './script-prelude';

const withIndex = `${prelude}${deadLetterIndex}
local function isDeadLetter(state) return state == 'dead' or state == 'refused' end
`;

/**
 * Ends a dead letter without delivering it. It stays counted as what it was, with its reason, so that the ledger balances, and beside
 * that as discarded. Its job is BullMQ's and cannot go in the same step, so that it is put down to be removed: else a crash would leave
 * a failed job that stands for nothing.
 */
const discardFunction = `
local function discard(id)
  local batch = redis.call('HMGET', key('batch', id), 'state', 'destinationKey', 'tenantId', 'logEvents', 'reason', 'sink', 'storedBytes')
  local state, destination, tenant, n, reason, sink, stored = unpack(batch)
  if not isDeadLetter(state) then return nil end
  unshelve(id)
  redis.call('DEL', key('chunks', id), key('batch', id))
  redis.call('ZREM', key('live', sink), id)
  count(destination, 'discarded', tonumber(n))
  count(destination, 'discarded:' .. reason, tonumber(n))
  redis.call('HINCRBY', key('tenant', tenant), 'bytes', -tonumber(stored))
  redis.call('SADD', key('jobless', sink), id)
  return tonumber(n), tonumber(stored)
end
`;

/** ARGV: batch ids. Returns how many were discarded, and of how many log events. */
export const discardScript = `${withIndex}${discardFunction}
local batches, logEvents = 0, 0
for i = 1, #ARGV do
  local n = discard(ARGV[i])
  if n then
    batches = batches + 1
    logEvents = logEvents + n
  end
end
return {batches, logEvents}
`;

/**
 * Discards the oldest, by age or until what is left of a tenant's keeps to a bound. What two do at once is what one would have done,
 * since the condition is looked at before each. What somebody redrives does not expire on its way: only those whose jobs are failed.
 *
 * ARGV: index, the age in milliseconds from which they expire, the most batches of this step, a tenant and the bytes of Redis that its
 * dead letters may take, or two empty strings, and the names of the sinks' queues. Returns batches, log events, bytes.
 */
export const expireScript = `${withIndex}${discardFunction}
local index, most, tenant = tag .. ':' .. ARGV[1], tonumber(ARGV[3]), ARGV[4]
local queues = {cloudwatch = ARGV[6], s3 = ARGV[7]}
local batches, logEvents, bytes = 0, 0, 0
-- More than are discarded are looked at, so that those that are on their way do not stand before all others.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now() - tonumber(ARGV[2]), 'LIMIT', 0, 10 * most)) do
  if batches == most then break end
  if tenant ~= '' and tonumber(redis.call('ZSCORE', tag .. ':deadBytes', tenant) or 0) <= tonumber(ARGV[5]) then break end
  local sink = redis.call('HGET', key('batch', id), 'sink')
  if not sink then
    -- The batch was deleted by hand; the oldest entry must not stand in the way of all others for ever.
    redis.call('ZREM', index, id)
    redis.call('ZREM', tag .. ':dead', id)
  elseif redis.call('ZSCORE', tag .. ':' .. queues[sink] .. ':failed', id) then
    local n, stored = discard(id)
    if n then batches, logEvents, bytes = batches + 1, logEvents + n, bytes + stored end
  end
end
return {batches, logEvents, bytes}
`;

/**
 * A page of dead letters, in order of the time at which they became so and then of their ids.
 *
 * ARGV: index, 1 for the newest first, from ms, to ms, the position after which to go on (ms and id, or two empty strings), how many to
 * look at, how many to return, and what they must have, or an empty string each: tenant, destination, sink, reason. Then the names of
 * the sinks' queues.
 *
 * Returns the position of the last that was looked at, 1 if there are no more, how many matched, their log events and bytes, and for
 * each that is returned: id, when it became a dead letter, 1 if its job is failed, and its fields.
 */
export const pageScript = `${prelude}
local index, newestFirst, afterMs, afterId = tag .. ':' .. ARGV[1], ARGV[2] == '1', ARGV[5], ARGV[6]
local lookMax, rowsMax = tonumber(ARGV[7]), tonumber(ARGV[8])
local queues = {cloudwatch = ARGV[13], s3 = ARGV[14]}
local from, to = ARGV[3], ARGV[4]
if afterMs ~= '' then
  if newestFirst then to = afterMs else from = afterMs end
end

-- As Redis orders members of one score. Lua's own comparison goes by the locale.
local function isBehind(a, b)
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then return a:byte(i) > b:byte(i) end
  end
  return #a > #b
end

local function wasSeen(ms, id)
  if ms ~= afterMs then return false end
  if newestFirst then return not isBehind(afterId, id) end
  return not isBehind(id, afterId)
end

local function isWanted(batch)
  for i = 1, 4 do
    if ARGV[8 + i] ~= '' and batch[i] ~= ARGV[8 + i] then return false end
  end
  return true
end

local rows, looked, offset, ended, full = {}, 0, 0, false, false
local lastMs, lastId, matched, logEvents, bytes = afterMs, afterId, 0, 0, 0
while not ended and not full do
  local page
  if newestFirst then
    page = redis.call('ZREVRANGEBYSCORE', index, to, from, 'WITHSCORES', 'LIMIT', offset, 100)
  else
    page = redis.call('ZRANGEBYSCORE', index, from, to, 'WITHSCORES', 'LIMIT', offset, 100)
  end
  offset = offset + 100
  ended = #page < 200
  for i = 1, #page, 2 do
    local id, ms = page[i], page[i + 1]
    if not wasSeen(ms, id) then
      if looked == lookMax or (rowsMax > 0 and #rows == rowsMax) then
        full, ended = true, false
        break
      end
      looked, lastMs, lastId = looked + 1, ms, id
      local batch = redis.call('HMGET', key('batch', id), 'tenantId', 'destinationId', 'sink', 'reason', 'logEvents', 'bytes',
        'storedBytes', 'firstMs', 'openedAt', 'state', 'begun', 'target')
      if batch[1] and isWanted(batch) then
        matched, logEvents, bytes = matched + 1, logEvents + tonumber(batch[5]), bytes + tonumber(batch[7])
        if rowsMax > 0 then
          local failed = redis.call('ZSCORE', tag .. ':' .. queues[batch[3]] .. ':failed', id) and '1' or '0'
          rows[#rows + 1] = {id, ms, failed, unpack(batch)}
        end
      end
    end
  end
end
return {lastMs, lastId, ended and 1 or 0, matched, logEvents, bytes, rows}
`;

/**
 * Says of batches where their jobs are, so that they are redriven from there. Refused log events whose job is still on its way to be
 * failed are redriven by that run already.
 *
 * The more a tenant has, the later its turn, as when log events are accepted. One alone goes only behind what the tenant has waiting.
 *
 * ARGV: the names of the sinks' queues, then batch ids. Returns of each: \`gone\` (there is no such batch), \`waiting\` (it is no dead
 * letter any more), or the place of its job: \`failed\`, \`missing\`, \`active\` or \`queued\`; and its sink.
 */
export const redriveScript = `${withIndex}
local queues = {cloudwatch = ARGV[1], s3 = ARGV[2]}
local places = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local batch = redis.call('HMGET', key('batch', id), 'state', 'sink', 'tenantId')
  local state, sink, tenant = unpack(batch)
  local place
  if not state then
    place, sink = 'gone', ''
  elseif not isDeadLetter(state) then
    place = 'waiting'
  else
    local queue = tag .. ':' .. queues[sink]
    redis.call('HDEL', key('batch', id), 'parking')
    if redis.call('EXISTS', queue .. ':' .. id) == 0 then
      place = 'missing'
    elseif redis.call('ZSCORE', queue .. ':failed', id) then
      place = 'failed'
      local waiting = tonumber(redis.call('HGET', key('tenant', tenant), 'batches') or 0)
      local redriven = #ARGV > 3 and redis.call('ZCARD', key('deadOf', tenant)) or 1
      redis.call('HSET', queue .. ':' .. id, 'priority', math.min(waiting + redriven, ${PRIORITY_MAX}))
    elseif redis.call('LPOS', queue .. ':active', id) then
      place = 'active'
    else
      place = 'queued'
    end
  end
  places[#places + 1] = place
  places[#places + 1] = sink
end
return places
`;

/**
 * Puts other log events in the place of a dead letter's, as many as there were: the counters count the same log events as before.
 *
 * ARGV: batch id, log events, bytes, first ms, last ms, then chunks. Returns \`corrected\`, or why not: \`gone\`, \`waiting\`,
 * \`count\`, or \`maybe_written\` if an object with the former log events may lie in the bucket under this batch's key. Its next
 * delivery would find that one and take it for its own.
 */
export const correctScript = `${withIndex}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'tenantId', 'logEvents', 'storedBytes')
local state, tenant, n, stored = batch[1], batch[2], batch[3], tonumber(batch[4])
if not state then return 'gone' end
if not isDeadLetter(state) then return 'waiting' end
if n ~= ARGV[2] then return 'count' end
local fields = redis.call('HGETALL', key('batch', id))
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 10) == 'keyClaims:' and fields[i + 1] ~= '0' then return 'maybe_written' end
end
local chunks, more = key('chunks', id), batchOverheadBytes - stored
redis.call('DEL', chunks)
for i = 6, #ARGV do
  redis.call('RPUSH', chunks, ARGV[i])
  more = more + #ARGV[i]
end
redis.call('HSET', key('batch', id), 'bytes', ARGV[3], 'firstMs', ARGV[4], 'lastMs', ARGV[5], 'storedBytes', stored + more)
redis.call('HINCRBY', key('tenant', tenant), 'bytes', more)
addDeadBytes(tenant, more)
return 'corrected'
`;
