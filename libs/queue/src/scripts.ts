// The batch protocol's steps, each one Lua script and therefore one atomic step. A counter moves only in the script that moves the
// data it counts; that is what makes the ledger exact after any crash. Invariants and states: docs/DELIVERY.md.
//
// Keys are built from the shard's hash tag (KEYS[1]): `lane:` (the open batch's id), `batch:` (a hash), `chunks:` (a list of encoded
// log events), `ledger:` and `totals` (counters), `tenant:` (waiting batches, bytes of Redis), `live:` (unsettled batches of a sink), `request:` (what was
// accepted once and must not be again), `seen:` (log events that a destination was given and must not be given again). Those of the
// dead letters: dead-letter-index.ts.
import { deadLetterIndex } from './dead-letter-index';

/** What every script begins with. */
export const prelude = `
local tag = KEYS[1]
local function key(kind, id) return tag .. ':' .. kind .. ':' .. id end

local function count(destination, field, n)
  if n ~= 0 then
    redis.call('HINCRBY', key('ledger', destination), field, n)
    redis.call('HINCRBY', tag .. ':totals', field, n)
  end
end

-- Takes a batch's log events out of the counter of the state it is in.
local function uncount(destination, tenant, state, reason, n)
  if state == 'dead' then
    count(destination, 'deadLettered', -n)
  elseif state == 'refused' then
    count(destination, 'rejected', -n)
    count(destination, 'rejected:' .. reason, -n)
  else
    count(destination, 'waiting', -n)
    redis.call('HINCRBY', key('tenant', tenant), 'batches', -1)
  end
end

-- What a batch takes of Redis beside its payload: its hash, its job, its places in lists (measured: some 2 KiB).
local batchOverheadBytes = 2048

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * Adds chunks to the open batches of any number of lanes, sealing a batch when the next chunk would pass a limit.
 *
 * ARGV: an id for the flush (batch ids are drawn from it), the most bytes of Redis a tenant should take, then sections. A section begins with a token, a fingerprint and a window in
 * milliseconds; with a token, it is added only if none of that token was within the window. Then comes how many duplicates were left out of it, and the numbers of its groups of marks, of its
 * lanes, of its filtered counts, and of the arguments that follow: per group of marks: window, the number of marks, marks; pairs of tenant and count; and per lane: lane, sink, destination key,
 * tenant, destination, target, bytesMax, logEventsMax, spanMsMax, the number of chunks, and per chunk bytes, log events, first ms,
 * last ms, text. A section is added only if none of its marks was within its window.
 *
 * Returns triples of lane index (from 0, over all sections), batch id, and what happened to the batch: the number of batches that its
 * tenant has waiting, if it was opened, or -1 if it was sealed. And the indexes of the sections whose token came with another
 * fingerprint before. And the tenants that take more than they should now. And pairs of section and duplicates for those that
 * were added before. And the sections of which nothing was added for their marks, each with the number and the indexes of those.
 */
export const appendScript = `${prelude}
local flush = ARGV[1]
local tenantBytesMax = tonumber(ARGV[2])
local at = 3
local opened = 0
local nowMs = now()
local events = {}
local conflicts = {}
local fullTenants = {}
local repeated = {}
local duplicates = {}
local lane = 0
local acceptedByAll = 0

-- Whether anything of the section's token was within the window.
local function isKnown(section)
  local token, fingerprint = ARGV[at], ARGV[at + 1]
  if token == '' then return false end
  local seen = redis.call('GET', key('request', token))
  if not seen then return false end
  local colon = string.find(seen, ':', 1, true)
  if (colon and string.sub(seen, 1, colon - 1) or seen) ~= fingerprint then
    conflicts[#conflicts + 1] = section
  else
    repeated[#repeated + 1] = section
    repeated[#repeated + 1] = colon and tonumber(string.sub(seen, colon + 1)) or 0
  end
  return true
end

-- Whether any of the section's marks was within its window.
local function hasDuplicates(section, groups)
  local from, index, found = at + 8, 0, {}
  for _ = 1, groups do
    local last = from + 1 + ARGV[from + 1]
    for i = from + 2, last do
      if redis.call('EXISTS', key('seen', ARGV[i])) == 1 then found[#found + 1] = index end
      index = index + 1
    end
    from = last + 1
  end
  if #found == 0 then return false end
  duplicates[#duplicates + 1] = section
  duplicates[#duplicates + 1] = #found
  for _, i in ipairs(found) do duplicates[#duplicates + 1] = i end
  return true
end

local function remember(groups)
  if ARGV[at] ~= '' then
    redis.call('SET', key('request', ARGV[at]), ARGV[at + 1] .. ':' .. ARGV[at + 3], 'PX', ARGV[at + 2])
  end
  at = at + 8
  for _ = 1, groups do
    local windowMs, last = ARGV[at], at + 1 + ARGV[at + 1]
    for i = at + 2, last do redis.call('SET', key('seen', ARGV[i]), 1, 'PX', windowMs) end
    at = last + 1
  end
end

local function addLane()
  local laneKey, sink, destination, tenant = key('lane', ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local bytesMax, countMax, spanMax = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
  local chunks = tonumber(ARGV[at + 9])
  local laneArgs = at
  at = at + 10

  local id = redis.call('GET', laneKey)
  local bytes, total, first, last, stored = 0, 0, 0, 0, 0
  if id then
    local stats = redis.call('HMGET', key('batch', id), 'bytes', 'logEvents', 'firstMs', 'lastMs', 'storedBytes')
    if stats[1] then
      bytes, total, first, last = tonumber(stats[1]), tonumber(stats[2]), tonumber(stats[3]), tonumber(stats[4])
      stored = tonumber(stats[5])
    else
      id = false -- the batch was deleted by hand; its lane must not stand still for ever
    end
  end
  local accepted = 0
  local storedBefore = stored
  local storedByOthers = 0
  local pending = {}
  local function store()
    if #pending > 0 then
      redis.call('RPUSH', key('chunks', id), unpack(pending))
      redis.call('HSET', key('batch', id), 'bytes', bytes, 'logEvents', total, 'firstMs', first, 'lastMs', last,
        'storedBytes', stored)
      pending = {}
    end
  end
  for _ = 1, chunks do
    local b, n, f, l = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    if id and (bytes + b > bytesMax or total + n > countMax or math.max(last, l) - math.min(first, f) > spanMax) then
      store()
      redis.call('HSET', key('batch', id), 'state', 'sealed')
      events[#events + 1] = lane
      events[#events + 1] = id
      events[#events + 1] = -1
      storedByOthers = storedByOthers + stored
      id = false
    end
    if not id then
      opened = opened + 1
      id = flush .. '-' .. opened
      bytes, total, first, last, stored = 0, 0, f, l, batchOverheadBytes
      redis.call('HSET', key('batch', id), 'lane', ARGV[laneArgs], 'sink', sink, 'destinationKey', destination,
        'tenantId', tenant, 'destinationId', ARGV[laneArgs + 4], 'target', ARGV[laneArgs + 5],
        'openedAt', nowMs, 'state', 'open', 'begun', 0)
      redis.call('SET', laneKey, id)
      redis.call('ZADD', key('live', sink), nowMs, id)
      events[#events + 1] = lane
      events[#events + 1] = id
      events[#events + 1] = redis.call('HINCRBY', key('tenant', tenant), 'batches', 1)
    end
    bytes, total, first, last = bytes + b, total + n, math.min(first, f), math.max(last, l)
    accepted = accepted + n
    stored = stored + #ARGV[at + 4]
    pending[#pending + 1] = ARGV[at + 4]
    if #pending == 500 then store() end
    at = at + 5
  end
  store()
  redis.call('HINCRBY', key('ledger', destination), 'accepted', accepted)
  redis.call('HINCRBY', key('ledger', destination), 'waiting', accepted)
  acceptedByAll = acceptedByAll + accepted
  local storedNow = redis.call('HINCRBY', key('tenant', tenant), 'bytes', storedByOthers + stored - storedBefore)
  if storedNow > tenantBytesMax then fullTenants[#fullTenants + 1] = tenant end
  lane = lane + 1
end

local section = 0
while at <= #ARGV do
  local groups, lanes, filtered = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  if isKnown(section) or groups > 0 and hasDuplicates(section, groups) then
    at = at + 8 + ARGV[at + 7]
    lane = lane + lanes
  else
    remember(groups)
    for _ = 1, filtered do
      redis.call('HINCRBY', key('tenant', ARGV[at]), 'filtered', ARGV[at + 1])
      at = at + 2
    end
    for _ = 1, lanes do addLane() end
  end
  section = section + 1
end
-- Once for all lanes: with a lane for each log event, counting is most of what Redis does here (an eighth less, measured).
if acceptedByAll > 0 then
  redis.call('HINCRBY', tag .. ':totals', 'accepted', acceptedByAll)
  redis.call('HINCRBY', tag .. ':totals', 'waiting', acceptedByAll)
end
return {events, conflicts, fullTenants, repeated, duplicates}
`;

/**
 * Makes a batch ready to be delivered: seals it if it is open, takes it back from the dead letters if it was there.
 *
 * ARGV: batch id. Returns nothing if the batch is settled; else its state before this call and its fields. A batch of refused log
 * events comes back as \`refused\` the first time, for its job to be failed with the reason; the next time it is a redrive.
 */
export const beginScript = `${prelude}${deadLetterIndex}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents', 'reason', 'parked')
local state, lane, destination, tenant, n, reason, parked = unpack(batch)
if not state then return {} end
if state == 'refused' and not parked then
  redis.call('HSET', key('batch', id), 'parked', 1)
else
  if state == 'open' and redis.call('GET', key('lane', lane)) == id then
    redis.call('DEL', key('lane', lane))
  elseif state == 'dead' or state == 'refused' then
    unshelve(id)
    uncount(destination, tenant, state, reason, tonumber(n))
    count(destination, 'waiting', tonumber(n))
    redis.call('HINCRBY', key('tenant', tenant), 'batches', 1)
    redis.call('HDEL', key('batch', id), 'reason', 'parked', 'attempts')
  end
  redis.call('HSET', key('batch', id), 'state', 'sealed')
  redis.call('HINCRBY', key('batch', id), 'begun', 1)
end
local fields = redis.call('HGETALL', key('batch', id))
fields[#fields + 1] = 'stateBefore'
fields[#fields + 1] = state
return fields
`;

/**
 * Ends a batch: its payload goes, its log events are counted as delivered or as rejected with a reason. Rejected log events become a
 * batch of their own, which stays until it is redriven or discarded.
 *
 * ARGV: batch id, delivered, then per reason: code, a new batch id, log events, bytes, first ms, last ms, text.
 * Returns 1, or 0 if the batch was settled before.
 */
export const settleScript = `${prelude}${deadLetterIndex}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents', 'reason', 'sink',
  'destinationId', 'target', 'openedAt', 'storedBytes')
local state, lane, destination, tenant, n, reason, sink = unpack(batch)
if not state then return 0 end
if state == 'open' then return redis.error_reply('ASSERT settling ' .. id .. ', which was never begun') end
local sum = tonumber(ARGV[2])
for at = 3, #ARGV, 7 do sum = sum + tonumber(ARGV[at + 2]) end
if sum ~= tonumber(n) then
  return redis.error_reply('ASSERT settling ' .. sum .. ' of ' .. n .. ' log events of ' .. id)
end
if state == 'dead' or state == 'refused' then unshelve(id) end
-- Deleting comes first: Redis lets a script that has begun to write go on when memory is full, and a settle must never be refused.
redis.call('DEL', key('chunks', id), key('batch', id))
redis.call('ZREM', key('live', sink), id)
uncount(destination, tenant, state, reason, tonumber(n))
count(destination, 'delivered', tonumber(ARGV[2]))
local stored = -(tonumber(batch[11]) or 0)
for at = 3, #ARGV, 7 do
  local code, refused = ARGV[at], ARGV[at + 1]
  redis.call('HSET', key('batch', refused), 'lane', lane, 'sink', sink, 'destinationKey', destination, 'tenantId', tenant,
    'destinationId', batch[8], 'target', batch[9], 'openedAt', batch[10], 'state', 'refused', 'begun', 0, 'reason', code,
    'logEvents', ARGV[at + 2], 'bytes', ARGV[at + 3], 'firstMs', ARGV[at + 4], 'lastMs', ARGV[at + 5],
    'storedBytes', batchOverheadBytes + #ARGV[at + 6])
  stored = stored + batchOverheadBytes + #ARGV[at + 6]
  redis.call('RPUSH', key('chunks', refused), ARGV[at + 6])
  redis.call('ZADD', key('live', sink), now(), refused)
  shelve(refused)
  count(destination, 'rejected', tonumber(ARGV[at + 2]))
  count(destination, 'rejected:' .. code, tonumber(ARGV[at + 2]))
end
redis.call('HINCRBY', key('tenant', tenant), 'bytes', stored)
return 1
`;

/**
 * Moves a waiting batch to the dead letters, payload and all. ARGV: batch id, code. Returns 1 if it moved.
 */
export const deadLetterScript = `${prelude}${deadLetterIndex}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents')
local state, lane, destination, tenant, n = unpack(batch)
if state ~= 'open' and state ~= 'sealed' then return 0 end
if redis.call('GET', key('lane', lane)) == id then redis.call('DEL', key('lane', lane)) end
uncount(destination, tenant, state, '', tonumber(n))
count(destination, 'deadLettered', tonumber(n))
redis.call('HSET', key('batch', id), 'state', 'dead', 'reason', ARGV[2])
shelve(id)
return 1
`;

/**
 * Notes why a delivery did not succeed. ARGV: batch id, code, 1 if it counts an attempt.
 * Returns the attempts since the batch was accepted or last redriven; 0 for a batch that is settled, which stays gone.
 */
export const noteFailureScript = `${prelude}
if redis.call('EXISTS', key('batch', ARGV[1])) == 0 then return 0 end
redis.call('HSET', key('batch', ARGV[1]), 'lastFailure', ARGV[2])
return redis.call('HINCRBY', key('batch', ARGV[1]), 'attempts', ARGV[3])
`;

/**
 * Looks at a page of a sink's unsettled batches for those that BullMQ has forgotten.
 *
 * ARGV: sink, the queue's key prefix, cursor, page size, and the time before which a batch must have been opened to be looked at.
 * Returns the next cursor, the ids that have no job, and the ids whose job failed without the batch being a dead letter.
 */
export const sweepScript = `${prelude}
local page = redis.call('ZSCAN', key('live', ARGV[1]), ARGV[3], 'COUNT', ARGV[4])
local orphans, failed = {}, {}
for i = 1, #page[2], 2 do
  local id, openedAt = page[2][i], tonumber(page[2][i + 1])
  if openedAt < tonumber(ARGV[5]) then
    if redis.call('EXISTS', ARGV[2] .. ':' .. id) == 0 then
      orphans[#orphans + 1] = id
    elseif redis.call('ZSCORE', ARGV[2] .. ':failed', id) then
      local state = redis.call('HGET', key('batch', id), 'state')
      if state == 'open' or state == 'sealed' then failed[#failed + 1] = id end
    end
  end
end
return {page[1], orphans, failed}
`;
