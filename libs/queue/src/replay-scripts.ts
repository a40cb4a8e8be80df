// A replay delivers kept batches again. Each becomes a new batch, accepted anew, in the step that moves the replay's position behind it:
// a crash repeats none and leaves none out. What is kept stays as it is.
//
// Keys: `replay:` (what is known of one), `replayBatches:` (its batches that are under way), `replayChunks:` (the chunks of a large batch
// while they are copied, before there is such a batch), `replaysOf:` (of a destination: its
// replays by the time at which they were asked for), `replaying:` (of a destination: the one that is under way), `replays:` (of a
// sink: those that are under way).
import { KEPT_OVERHEAD_BYTES, ranging } from './kept-scripts';
import { prelude } from './script-prelude';

/** How long it is remembered that there was a replay. */
const REMEMBERED_MS = 90 * 86_400_000;
/** So many replays of a destination are remembered. */
const REPLAYS_MAX = 50;

/** More is copied bit by bit: Redis takes 1 to 3 ms for each MiB, and serves nobody else meanwhile (measured). */
const COPIED_BYTES_MAX = 4 * 1024 * 1024;

const ending = `
local function endReplay(id, destination, sink, state)
  redis.call('HSET', key('replay', id), 'state', state, 'endedAt', now())
  redis.call('UNLINK', key('replaying', destination), key('replayBatches', id), key('replayChunks', id))
  redis.call('SREM', key('replays', sink), id)
  redis.call('PEXPIRE', key('replay', id), ${REMEMBERED_MS})
  redis.call('PEXPIRE', key('replaysOf', destination), ${REMEMBERED_MS})
end
`;

/**
 * Begins a replay. ARGV: its id, tenant, destination, sink, \`delivered\` or \`time\`, from ms, to ms, 1 if what it delivers is marked, the
 * position of the last batch that it is about, how many batches, log events and bytes that is, and how many may be under way at once.
 *
 * Returns the id of the one that is under way already, or nothing.
 */
export const makeReplayScript = `${prelude}
local id, destination, sink = ARGV[1], ARGV[2] .. '/' .. ARGV[3], ARGV[4]
local running = redis.call('GET', key('replaying', destination))
if running then return running end
redis.call('HSET', key('replay', id), 'tenantId', ARGV[2], 'destinationId', ARGV[3], 'sink', sink, 'by', ARGV[5], 'fromMs', ARGV[6],
  'toMs', ARGV[7], 'isMarked', ARGV[8], 'upTo', ARGV[9], 'batches', ARGV[10], 'logEvents', ARGV[11], 'bytes', ARGV[12],
  'atOnce', ARGV[13], 'state', 'running', 'createdAt', now(), 'after', '0')
redis.call('SET', key('replaying', destination), id)
redis.call('SADD', key('replays', sink), id)
local all = key('replaysOf', destination)
redis.call('ZADD', all, now(), id)
redis.call('PERSIST', all)
for _, old in ipairs(redis.call('ZRANGE', all, 0, -${REPLAYS_MAX + 1})) do
  redis.call('DEL', key('replay', old))
  redis.call('ZREM', all, old)
end
return false
`;

/** ARGV: id. Returns 1 if it was under way. What of it is accepted already is delivered. */
export const cancelReplayScript = `${prelude}${ending}
local replay = redis.call('HMGET', key('replay', ARGV[1]), 'state', 'tenantId', 'destinationId', 'sink')
if replay[1] ~= 'running' then return 0 end
endReplay(ARGV[1], replay[2] .. '/' .. replay[3], replay[4], 'cancelled')
return 1
`;

/**
 * The next step of a replay: as many new batches as may be under way, in the order in which the kept ones were delivered.
 *
 * ARGV: replay, an id from which those of new batches are drawn, how many bytes of Redis may be under way at once, the most bytes that
 * the tenant's batches may take, and how many kept batches to look at. Then, if the log events of one have been marked: the position
 * after which that was, the kept batch, its position, and for each batch that is to be made of it: log events, bytes, first ms, last
 * ms, the text; none if they could not be marked. Of two that have marked the same only the first comes in time.
 *
 * Returns what is to come, and the ids of the batches that were made:
 *
 * - \`going\`: there may be more, now or when something of it is settled
 * - \`full\`: the tenant's batches take too much of Redis now
 * - \`copying\`: a large batch is not copied whole yet
 * - \`mark\`: the log events of a kept batch are to be marked first; also the position after which that is, the batch and its position
 * - \`done\`, \`ended\`: it is over, now or since before
 */
export const takeScript = `${prelude}${ending}${ranging}
local id, newId, bytesAtOnce, tenantBytesMax, lookMax = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local replay = redis.call('HMGET', key('replay', id), 'state', 'tenantId', 'destinationId', 'sink', 'by', 'fromMs', 'toMs', 'after', 'upTo',
  'isMarked', 'atOnce')
local state, tenant, destinationId, sink = unpack(replay)
if state ~= 'running' then return {'ended', {}} end
local destination, isMarked, atOnce = tenant .. '/' .. destinationId, replay[10] == '1', tonumber(replay[11])
local place = sink .. ':' .. destination
local range = {by = replay[5], fromMs = replay[6], toMs = replay[7], after = replay[8], upTo = replay[9]}

local underWay, bytesUnderWay = 0, 0
for _, batchId in ipairs(redis.call('SMEMBERS', key('replayBatches', id))) do
  local batch = redis.call('HMGET', key('batch', batchId), 'state', 'storedBytes')
  if batch[1] == 'open' or batch[1] == 'sealed' then
    underWay, bytesUnderWay = underWay + 1, bytesUnderWay + tonumber(batch[2])
  else
    redis.call('SREM', key('replayBatches', id), batchId)
    if batch[1] then redis.call('HINCRBY', key('replay', id), 'deadBatches', 1) end
  end
end

local made = {}
-- Its payload comes first: where Redis has no memory for it, nothing of the step has happened.
local function make(kept, n, bytes, firstMs, lastMs, payloadBytes, fill)
  local batchId, stored = newId .. '-' .. #made, batchOverheadBytes + payloadBytes
  if fill(key('chunks', batchId)) == 0 then return false end
  redis.call('HSET', key('batch', batchId), 'lane', kept.lane, 'sink', sink, 'destinationKey', destination, 'tenantId', tenant,
    'destinationId', destinationId, 'target', kept.target, 'openedAt', now(), 'state', 'sealed', 'begun', 0, 'logEvents', n,
    'bytes', bytes, 'firstMs', firstMs, 'lastMs', lastMs, 'storedBytes', stored, 'replay', id, 'isMarked', isMarked and 1 or 0)
  redis.call('ZADD', key('live', sink), now(), batchId)
  count(destination, 'accepted', n)
  count(destination, 'waiting', n)
  redis.call('HINCRBY', key('tenant', tenant), 'batches', 1)
  redis.call('HINCRBY', key('tenant', tenant), 'bytes', stored)
  redis.call('SADD', key('replayBatches', id), batchId)
  underWay, bytesUnderWay = underWay + 1, bytesUnderWay + stored
  made[#made + 1] = batchId
  return true
end

local function readKept(keptId)
  local f = redis.call('HMGET', key('keptBatch', keptId), 'lane', 'target', 'logEvents', 'bytes', 'firstMs', 'lastMs', 'storedBytes', 'isEvent')
  if not f[1] then return nil end
  return {lane = f[1], target = f[2], n = tonumber(f[3]), bytes = f[4], firstMs = f[5], lastMs = f[6], stored = tonumber(f[7]), isEvent = f[8] == '1'}
end

-- Copies chunks to where they wait for the last of them. Returns 1 when they are all there, 0 if not, and -1 if there are none.
local function copySome(keptId)
  local from, to = key('kept', keptId), key('replayChunks', id)
  if redis.call('HGET', key('replay', id), 'copying') ~= keptId then
    redis.call('UNLINK', to)
    redis.call('HSET', key('replay', id), 'copying', keptId)
  end
  local bytes, at, length = 0, redis.call('LLEN', to), redis.call('LLEN', from)
  if length == 0 then return -1 end
  while at < length and bytes < ${COPIED_BYTES_MAX} do
    local chunks = redis.call('LRANGE', from, at, at + 3)
    for _, chunk in ipairs(chunks) do bytes = bytes + #chunk end
    redis.call('RPUSH', to, unpack(chunks))
    at = at + #chunks
  end
  return at < length and 0 or 1
end

local function hasRoom() return underWay < atOnce and (underWay == 0 or bytesUnderWay < bytesAtOnce) end
local function isFull() return tonumber(redis.call('HGET', key('tenant', tenant), 'bytes') or 0) > tenantBytesMax end

local function moveTo(position)
  range.after = position
  redis.call('HSET', key('replay', id), 'after', position)
end

local function countReplayed(n)
  redis.call('HINCRBY', key('replay', id), 'replayedBatches', 1)
  redis.call('HINCRBY', key('replay', id), 'replayedLogEvents', n)
end

local function copyOf(keptId)
  return function(chunks) return redis.call('COPY', key('kept', keptId), chunks) end
end

local function makeWhole(kept, fill)
  if make(kept, kept.n, kept.bytes, kept.firstMs, kept.lastMs, kept.stored - ${KEPT_OVERHEAD_BYTES}, fill) then countReplayed(kept.n) end
end

if ARGV[6] and ARGV[6] == range.after then
  local kept = readKept(ARGV[7])
  if kept and #ARGV == 8 then
    makeWhole(kept, copyOf(ARGV[7]))
  elseif kept then
    local sum = 0
    for at = 9, #ARGV, 5 do
      local n = tonumber(ARGV[at])
      make(kept, n, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], #ARGV[at + 4],
        function(chunks) return redis.call('RPUSH', chunks, ARGV[at + 4]) end)
      sum = sum + n
    end
    countReplayed(sum)
  end
  moveTo(ARGV[8])
end

local page = keptAfter(place, range, lookMax)
local looked = 0
for i = 1, #page, 2 do
  local kept = readKept(page[i])
  if kept and isInRange(range, kept.firstMs, kept.lastMs) then
    if not hasRoom() then break end
    if isFull() then return {'full', made} end
    if isMarked and sink == 'cloudwatch' and kept.isEvent then return {'mark', made, range.after, page[i], page[i + 1]} end
    local isThere = 1
    local fill = copyOf(page[i])
    if kept.stored > ${COPIED_BYTES_MAX} then
      isThere = copySome(page[i])
      if isThere == 0 then return {'copying', made} end
      fill = function(chunks)
        redis.call('RENAME', key('replayChunks', id), chunks)
        return 1
      end
    end
    if isThere == 1 then makeWhole(kept, fill) end
  end
  moveTo(page[i + 1])
  looked = looked + 1
end
if 2 * looked == #page and looked < lookMax and underWay == 0 then
  endReplay(id, destination, sink, 'done')
  return {'done', made}
end
return {'going', made}
`;
