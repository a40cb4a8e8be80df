// What was delivered and is kept, so that it can be replayed. A batch is kept by the script that settles it, its payload moved and not
// copied, and is in no counter of the ledger: it was delivered. What it takes of Redis counts towards its tenant's share.
//
// Keys: `kept:` (the chunks of a kept batch), `keptBatch:` (what is known of it), `keptOf:` (of a place: its kept batches by the time
// at which they were delivered), `keptBytes` and `keptLogEvents` (by place), `keptBytes` and `keptBatches` of `totals`.
import { prelude } from './script-prelude';

/**
 * Lua functions, to stand after the prelude.
 *
 * Times of one place are all different, so that one of them is a position among the batches. What is kept of a Redis whose clock was
 * set back goes on from the latest.
 */
const keeping = `
local function addKept(sums, member, n)
  if tonumber(redis.call('ZINCRBY', tag .. ':' .. sums, n, member)) <= 0 then redis.call('ZREM', tag .. ':' .. sums, member) end
end

local function countKept(place, tenant, sign, logEvents, bytes)
  addKept('keptBytes', place, sign * bytes)
  addKept('keptLogEvents', place, sign * logEvents)
  redis.call('HINCRBY', tag .. ':totals', 'keptBatches', sign)
  redis.call('HINCRBY', tag .. ':totals', 'keptBytes', sign * bytes)
  redis.call('HINCRBY', key('tenant', tenant), 'bytes', sign * bytes)
end

local function giveUp(place, id)
  local batch = redis.call('HMGET', key('keptBatch', id), 'tenantId', 'logEvents', 'storedBytes')
  redis.call('UNLINK', key('kept', id), key('keptBatch', id))
  redis.call('ZREM', key('keptOf', place), id)
  if not batch[1] then return 0 end -- it was deleted by hand
  countKept(place, batch[1], -1, tonumber(batch[2]), tonumber(batch[3]))
  return tonumber(batch[3])
end

-- Oldest first, until what is left keeps to the bounds. Returns how many, and their bytes.
local function giveUpBeyond(place, tenant, bytesMax, tenantBytesMax, most)
  local batches, bytes = 0, 0
  while batches < most do
    if tonumber(redis.call('ZSCORE', tag .. ':keptBytes', place) or 0) <= bytesMax
      and tonumber(redis.call('HGET', key('tenant', tenant), 'bytes') or 0) <= tenantBytesMax then break end
    local oldest = redis.call('ZRANGE', key('keptOf', place), 0, 0)[1]
    if not oldest then break end
    batches, bytes = batches + 1, bytes + giveUp(place, oldest)
  end
  return batches, bytes
end
`;

/** What a kept batch takes of Redis beside its payload: its hash, its place in an index (measured: 740 bytes, with a short target). */
export const KEPT_OVERHEAD_BYTES = 1_024;
/** So many make room for one in one step; the rest is left to the retention. */
const ROOM_BATCHES_MAX = 100;

/** The part of the settling that keeps a batch, whose hash is deleted and whose payload is moved already. */
export const keepBatch = `
  ${keeping}
  local place, payload = placeOf(destination, sink), key('kept', id)
  local bytes, firstMs, lastMs = unpack(kept)
  local keptBytes = (tonumber(batch[11]) or 0) - batchOverheadBytes
  if keptArgs > 3 then
    bytes, firstMs, lastMs = ARGV[7], ARGV[8], ARGV[9]
    keptBytes = #ARGV[10]
    redis.call('RPUSH', payload, ARGV[10])
  end
  if redis.call('EXISTS', payload) == 1 then
    keptBytes = keptBytes + ${KEPT_OVERHEAD_BYTES}
    local latest = redis.call('ZRANGE', key('keptOf', place), -1, -1, 'WITHSCORES')[2]
    local deliveredAt = math.max(now(), (tonumber(latest) or 0) + 1 / 1024)
    redis.call('HSET', key('keptBatch', id), 'lane', lane, 'sink', sink, 'destinationKey', destination, 'tenantId', tenant,
      'destinationId', batch[8], 'target', batch[9], 'logEvents', ARGV[2], 'bytes', bytes, 'firstMs', firstMs, 'lastMs', lastMs,
      'storedBytes', keptBytes, 'isEvent', ARGV[6])
    redis.call('ZADD', key('keptOf', place), deliveredAt, id)
    countKept(place, tenant, 1, tonumber(ARGV[2]), keptBytes)
    madeRoom = giveUpBeyond(place, tenant, tonumber(ARGV[4]), tonumber(ARGV[5]), ${ROOM_BATCHES_MAX})
  end
`;

/**
 * Gives up what is too old or too much of a place. ARGV: place, tenant, the age in milliseconds from which it is too old, the most
 * bytes of the place, the most of the tenant, and the most batches of this step. Returns how many went for their age, how many for
 * their size, and the bytes of all.
 */
export const expireKeptScript = `${prelude}${keeping}
local place, tenant, most = ARGV[1], ARGV[2], tonumber(ARGV[6])
local bytes = 0
local old = redis.call('ZRANGEBYSCORE', key('keptOf', place), '-inf', now() - tonumber(ARGV[3]), 'LIMIT', 0, most)
for _, id in ipairs(old) do bytes = bytes + giveUp(place, id) end
local batches, more = giveUpBeyond(place, tenant, tonumber(ARGV[4]), tonumber(ARGV[5]), most - #old)
return {#old, batches, bytes + more}
`;

/** Gives up the oldest of the place that has most, until so many bytes are free. ARGV: bytes, the most batches. Returns batches, bytes. */
export const relieveScript = `${prelude}${keeping}
local batches, bytes = 0, 0
while batches < tonumber(ARGV[2]) and bytes < tonumber(ARGV[1]) do
  local place = redis.call('ZRANGE', tag .. ':keptBytes', -1, -1)[1]
  local oldest = place and redis.call('ZRANGE', key('keptOf', place), 0, 0)[1]
  if not oldest then break end
  batches, bytes = batches + 1, bytes + giveUp(place, oldest)
end
return {batches, bytes}
`;

/**
 * Lua functions, to stand after the prelude: which kept batches a range names. By \`delivered\` it is of when they were; by \`time\`, of
 * when their log events happened: a batch is in it as soon as one of its log events may be.
 */
export const ranging = `
-- The next of a place behind a position and up to another, at most so many, with their positions.
local function keptAfter(place, range, most)
  local from, to = range.after, range.upTo
  local least = '(' .. from
  if range.by == 'delivered' then
    if tonumber(range.fromMs) > tonumber(from) then least = range.fromMs end
    -- Positions are fractions of the millisecond in which a batch was delivered.
    if tonumber(range.toMs) + 1 <= tonumber(to) then to = '(' .. string.format('%.17g', tonumber(range.toMs) + 1) end
  end
  return redis.call('ZRANGEBYSCORE', key('keptOf', place), least, to, 'WITHSCORES', 'LIMIT', 0, most)
end

local function isInRange(range, firstMs, lastMs)
  return range.by == 'delivered' or tonumber(firstMs) <= tonumber(range.toMs) and tonumber(lastMs) >= tonumber(range.fromMs)
end
`;

/**
 * Counts what a range names of a place. ARGV: place, \`delivered\` or \`time\`, from ms, to ms, the position after which to begin, the last
 * position, the most to look at. Returns batches, log events, bytes of Redis, and the position of the last that was looked at, or
 * nothing if there are no more.
 */
export const countKeptScript = `${prelude}${ranging}
local range = {by = ARGV[2], fromMs = ARGV[3], toMs = ARGV[4], after = ARGV[5], upTo = ARGV[6]}
local page = keptAfter(ARGV[1], range, tonumber(ARGV[7]))
local batches, logEvents, bytes = 0, 0, 0
for i = 1, #page, 2 do
  local batch = redis.call('HMGET', key('keptBatch', page[i]), 'logEvents', 'firstMs', 'lastMs', 'storedBytes')
  if batch[1] and isInRange(range, batch[2], batch[3]) then
    batches, logEvents, bytes = batches + 1, logEvents + tonumber(batch[1]), bytes + tonumber(batch[4])
  end
end
return {batches, logEvents, bytes, #page == 2 * tonumber(ARGV[7]) and page[#page] or ''}
`;
