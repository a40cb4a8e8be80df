// Holding a destination: what waits for it is kept, and tried with one batch at a time, until one of them is settled. Like all scripts of
// the batch protocol they move what they count in one step.
//
// What somebody has suspended by hand (`byHand` of its `hold:`) is tried by nobody until somebody resumes it, so no probe of it is ever due.
//
// Keys: `hold:` (of a place, which is a destination as one sink knows it: why and since when it is held, or its strikes so far), `holds:` (of a sink: the destinations that are
// held, by the time of the next probe), `held:` (of a place: its batches that were put aside, by the time they were opened or
// last redriven),
// `releasing:` (of a sink: the destinations whose batches are on their way back), `order:` (of a lane in strict order: its batches).
import type { FailureCode } from '@logferry/core';
import { prelude } from './script-prelude';

/** Why somebody's word holds a destination. */
export const BY_HAND = 'destination.suspended_by_hand' satisfies FailureCode;

/** Lua functions, to stand after the prelude of a script. */
export const holding = `
-- By sink, since a destination may have become one of another: what waits for the former must not hold what goes to the present one.
local function placeOf(destination, sink) return sink .. ':' .. destination end

-- Puts a batch aside. It may be open still, and larger each time.
local function hold(id, place, tenant)
  local batch = redis.call('HMGET', key('batch', id), 'openedAt', 'storedBytes', 'heldBytes', 'redrivenAt')
  local bytes = tonumber(batch[2]) or 0
  redis.call('ZADD', key('held', place), batch[4] or batch[1], id)
  redis.call('HINCRBY', key('tenant', tenant), 'heldBytes', bytes - (tonumber(batch[3]) or 0))
  redis.call('HSET', key('batch', id), 'heldBytes', bytes)
  redis.call('HINCRBY', key('batch', id), 'heldTimes', 1)
end

local function unhold(id, place, tenant, heldBytes)
  if not heldBytes then return end
  redis.call('ZREM', key('held', place), id)
  redis.call('HINCRBY', key('tenant', tenant), 'heldBytes', -tonumber(heldBytes))
  redis.call('HDEL', key('batch', id), 'heldBytes')
end

-- A batch was settled, so its destination works: whatever was held against it is forgotten. Returns 1 if it was held.
local function lift(destination, sink)
  local place = placeOf(destination, sink)
  -- It was on its way when somebody suspended its destination: that it works is not what they doubted.
  if redis.call('HEXISTS', key('hold', place), 'byHand') == 1 then return 0 end
  if redis.call('DEL', key('hold', place)) == 0 then return 0 end
  if redis.call('ZREM', key('holds', sink), destination) == 0 then return 0 end
  if redis.call('EXISTS', key('held', place)) == 1 then
    redis.call('SADD', key('releasing', sink), destination)
  end
  return 1
end
`;

/**
 * Notes why a delivery did not succeed, and holds the destination if that is what it means.
 *
 * ARGV: batch id, code, 1 if it counts an attempt, what it says of the destination (`suspended`: its owner has to act; `strike`: broken,
 * if it is the last of several in a row; or nothing), 1 if the batch was a probe, the strikes that make it broken, the first and the
 * longest pause before a probe of what is suspended and of what is broken, a number in [0, 1), and the pause that AWS or we ask for (0
 * if nobody does), and as how many strikes it counts.
 *
 * Returns the attempts since the batch was accepted or last redriven, 1 if the batch is put aside, and 1 if the destination was not
 * held before, or not for that. A batch that is settled stays gone.
 */
export const failScript = `${prelude}${holding}
local id, code, counts, says, isProbe, strikesMax = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1', tonumber(ARGV[6])
local batch = redis.call('HMGET', key('batch', id), 'destinationKey', 'tenantId', 'sink', 'state')
local destination, tenant, sink, state = unpack(batch)
if not destination then return {0, 0, 0} end
redis.call('HSET', key('batch', id), 'lastFailure', code)
local place = placeOf(destination, sink)
local held = key('hold', place)
local before, byHand, why = unpack(redis.call('HMGET', held, 'kind', 'byHand', 'code'))
local kind = before
if says == 'suspended' then
  kind = 'suspended'
elseif says == 'strike' and not before then
  if redis.call('HINCRBY', held, 'strikes', ARGV[13]) >= strikesMax then kind = 'broken' end
  redis.call('PEXPIRE', held, 600000) -- strikes are in a row only as long as somebody counts
end
-- Attempts run out only against a destination that works otherwise: as long as it is held, none is counted.
local attempts = redis.call('HINCRBY', key('batch', id), 'attempts', before and 0 or counts)
if not kind then return {attempts, 0, 0} end
-- What was resumed, and does not work after all, is held anew.
local isNew = not byHand and (before ~= kind or (why == '${BY_HAND}' and says ~= ''))
if not byHand and (isProbe or isNew) then
  local firstMs, mostMs = tonumber(ARGV[7]), tonumber(ARGV[8])
  if kind == 'broken' then firstMs, mostMs = tonumber(ARGV[9]), tonumber(ARGV[10]) end
  local againMs = tonumber(ARGV[12])
  if isNew then
    redis.call('HSET', held, 'kind', kind, 'sinceMs', now(), 'probes', 0)
    redis.call('PERSIST', held)
  end
  if says ~= '' then redis.call('HSET', held, 'code', code) end
  if againMs == 0 then
    local probes = redis.call('HINCRBY', held, 'probes', 1)
    againMs = math.min(mostMs, firstMs * 2 ^ math.min(probes - 1, 30)) * (0.5 + tonumber(ARGV[11]) / 2)
  end
  local probeAt = now() + math.floor(againMs)
  redis.call('HSET', held, 'probeAt', probeAt)
  redis.call('ZADD', key('holds', sink), probeAt, destination)
  redis.call('SREM', key('releasing', sink), destination)
end
-- The worker may have lost the batch meanwhile, and somebody else made a dead letter of it.
if state == 'open' or state == 'sealed' then hold(id, place, tenant) end
return {attempts, 1, isNew and 1 or 0}
`;

/** A destination for which nothing has come so long after a probe was due works, or nobody sends to it any more: no reason to hold it. */
const ABANDONED_MS = 3_600_000;

/**
 * Says which of the batches that were put aside are to be woken, and which have been there too long.
 *
 * ARGV: sink, the milliseconds after which a batch has been held too long, and the most bytes of Redis that a tenant's held batches may
 * take.
 *
 * Returns the ids of batches to probe with, pairs of batches that are on their way back and how often each was put aside, and pairs of
 * batches to be given up and why.
 */
export const tendScript = `${prelude}${holding}
local sink, bytesMax = ARGV[1], tonumber(ARGV[3])
local nowMs = now()
local keptSince = nowMs - tonumber(ARGV[2])
local probes, released, expired = {}, {}, {}

-- In strict order nothing but the first of the lane may go: woken, the others would only wait for it, and the hold with them.
local function firstOfLane(id)
  local batch = redis.call('HMGET', key('batch', id), 'ordered', 'lane')
  return batch[1] and redis.call('LINDEX', key('order', batch[2]), 0) or id
end

for _, destination in ipairs(redis.call('ZRANGEBYSCORE', key('holds', sink), '-inf', nowMs, 'LIMIT', 0, 100)) do
  -- One after the other: a batch that can never be written must not stand before all that could.
  local held, why = key('held', placeOf(destination, sink)), key('hold', placeOf(destination, sink))
  local last = redis.call('HGET', why, 'probed')
  local rank = last and redis.call('ZRANK', held, last)
  local ids = redis.call('ZRANGE', held, rank and rank + 1 or 0, rank and rank + 1 or 0)
  if not ids[1] then ids = redis.call('ZRANGE', held, 0, 0) end
  if ids[1] then
    redis.call('HSET', why, 'probed', ids[1])
    probes[#probes + 1] = firstOfLane(ids[1])
  end
  if not ids[1] and tonumber(redis.call('HGET', why, 'probeAt') or 0) < nowMs - ${ABANDONED_MS} then
    redis.call('DEL', why)
    redis.call('ZREM', key('holds', sink), destination)
  else
    -- Another worker that looks a moment later must not wake the next one too.
    redis.call('ZADD', key('holds', sink), nowMs + 2000, destination)
  end
end

local working = redis.call('SRANDMEMBER', key('releasing', sink), 100)
for _, destination in ipairs(working) do
  local held = key('held', placeOf(destination, sink))
  local ids = redis.call('ZRANGE', held, 0, math.floor(1000 / #working) - 1)
  if not ids[1] then redis.call('SREM', key('releasing', sink), destination) end
  for _, id in ipairs(ids) do
    local batch = redis.call('HMGET', key('batch', id), 'state', 'heldTimes')
    if batch[1] then
      released[#released + 1] = id
      released[#released + 1] = batch[2] or ''
    else
      redis.call('ZREM', held, id) -- it was deleted by hand
    end
  end
end

-- What is too much is a tenant's, and goes by age over all of its destinations: so it is gathered first.
local tooMuch = {}
local heldDestinations = redis.call('ZCARD', key('holds', sink)) > 0 and redis.call('ZRANDMEMBER', key('holds', sink), 100) or {}
for _, destination in ipairs(heldDestinations) do
  local held = key('held', placeOf(destination, sink))
  local oldest = redis.call('ZRANGE', held, 0, 49, 'WITHSCORES')
  for i = 1, #oldest, 2 do
    local openedAt = tonumber(oldest[i + 1])
    local batch = redis.call('HMGET', key('batch', oldest[i]), 'tenantId', 'heldBytes')
    local tenant, bytes = batch[1], tonumber(batch[2]) or 0
    if not tenant then
      redis.call('ZREM', held, oldest[i]) -- it was deleted by hand
    else
      local of = tooMuch[tenant]
      if not of then
        of = {over = tonumber(redis.call('HGET', key('tenant', tenant), 'heldBytes') or 0) - bytesMax, batches = {}}
        tooMuch[tenant] = of
      end
      if openedAt < keptSince then
        expired[#expired + 1] = oldest[i]
        expired[#expired + 1] = 'destination.held_too_long'
        of.over = of.over - bytes
      elseif of.over > 0 then
        of.batches[#of.batches + 1] = {id = oldest[i], openedAt = openedAt, bytes = bytes}
      else
        break
      end
    end
  end
end
for _, of in pairs(tooMuch) do
  table.sort(of.batches, function(a, b) return a.openedAt < b.openedAt end)
  for _, batch in ipairs(of.batches) do
    if of.over <= 0 then break end
    expired[#expired + 1] = batch.id
    expired[#expired + 1] = 'destination.held_too_much'
    of.over = of.over - batch.bytes
  end
end
return {probes, released, expired}
`;

/**
 * Takes batches out of those that were put aside: their jobs are on their way. One that was put aside anew meanwhile stays: its job sleeps
 * again, and nobody else would wake it.
 *
 * ARGV: pairs of a batch id and how often it had been put aside.
 */
export const releaseScript = `${prelude}${holding}
for i = 1, #ARGV, 2 do
  local id = ARGV[i]
  local batch = redis.call('HMGET', key('batch', id), 'destinationKey', 'tenantId', 'heldBytes', 'heldTimes', 'sink')
  if batch[1] and (batch[4] or '') == ARGV[i + 1] then
    unhold(id, placeOf(batch[1], batch[5]), batch[2], batch[3])
  end
end
return 0
`;

/** No probe of what was suspended by hand is due before this, in the year 5138. */
export const NEVER_MS = 100_000_000_000_000;

/**
 * Suspends a destination because somebody says so, whatever it is held for. What is under way ends; nothing else is begun.
 *
 * ARGV: destination key, sink. Returns 1 if it was not suspended by hand before.
 */
export const suspendScript = `${prelude}${holding}
local destination, sink = ARGV[1], ARGV[2]
local held = key('hold', placeOf(destination, sink))
if redis.call('HEXISTS', held, 'byHand') == 1 then return 0 end
redis.call('HSET', held, 'kind', 'suspended', 'code', '${BY_HAND}', 'byHand', 1, 'sinceMs', now(), 'probes', 0, 'probeAt', ${NEVER_MS})
redis.call('PERSIST', held)
redis.call('ZADD', key('holds', sink), ${NEVER_MS}, destination)
redis.call('SREM', key('releasing', sink), destination)
return 1
`;

/**
 * Lets the next probe of a destination be now, if it is held.
 *
 * ARGV: destination key, sink, 1 if it is to be so of one that was suspended by hand too: then it is resumed, which is all that there is
 * to do where nothing waits. Returns 1 if it is held.
 */
export const probeNowScript = `${prelude}${holding}
local place = placeOf(ARGV[1], ARGV[2])
local held = key('hold', place)
local kind, byHand = unpack(redis.call('HMGET', held, 'kind', 'byHand'))
if not kind then return 0 end
if byHand then
  if ARGV[3] ~= '1' then return 1 end
  redis.call('HDEL', held, 'byHand')
  if redis.call('EXISTS', key('held', place)) == 0 then
    redis.call('DEL', held)
    redis.call('ZREM', key('holds', ARGV[2]), ARGV[1])
    return 1
  end
end
redis.call('HSET', held, 'probeAt', now())
redis.call('ZADD', key('holds', ARGV[2]), now(), ARGV[1])
return 1
`;
