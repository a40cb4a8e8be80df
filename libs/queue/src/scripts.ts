// The batch protocol's steps, each one Lua script and therefore one atomic step. A counter moves only in the script that moves the
// data it counts; that is what makes the ledger exact after any crash. Invariants and states: docs/DELIVERY.md.
//
// Keys are built from the shard's hash tag (KEYS[1]): `lane:` (the open batch's id), `batch:` (a hash), `chunks:` (a list of encoded
// log events), `ledger:` and `totals` (counters), `tenant:` (waiting batches, bytes of Redis), `live:` (unsettled batches of a sink), `request:` (what was
// accepted once and must not be again), `seen:` (log events that a destination was given and must not be given again). Those of the
// dead letters: dead-letter-index.ts; of what is held: hold-scripts.ts; of what is kept: kept-scripts.ts.
import { deadLetterIndex } from './dead-letter-index';
import { holding } from './hold-scripts';
import { keepBatch } from './kept-scripts';
import { prelude } from './script-prelude';

/**
 * Adds chunks to the open batches of any number of lanes, sealing a batch when the next chunk would pass a limit.
 *
 * ARGV: an id for the flush (batch ids are drawn from it), the most bytes of Redis a tenant should take, then sections. A section begins
 * with a token, a fingerprint and a window in milliseconds; with a token, it is added only if none of that token was within the window.
 * Then come how many duplicates were left out of it, which whoever sends it again is told too; the numbers of its groups of marks, of its
 * lanes, of its filtered counts, and of the arguments that follow: per group a window in milliseconds, the number of marks and the marks;
 * pairs of tenant and count; and per lane: lane, sink, destination key, tenant, destination, target, bytesMax, logEventsMax, spanMsMax, 1
 * if it is in strict order, the number of chunks, and per chunk bytes, log events, first ms, last ms, text.
 *
 * Returns triples of lane index (from 0, over all sections), batch id, and what happened to the batch: the number of batches that its
 * tenant has waiting, if it was opened, or -1 if it was sealed. And the indexes of the sections whose token came with another
 * fingerprint before. And the tenants that take more than they should now. And pairs of section and duplicates for those that
 * were added before. And the sections of which nothing was added for their marks, each with the number and the indexes of those. And
 * the time.
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
  local chunks = tonumber(ARGV[at + 10])
  local laneArgs = at
  at = at + 11

  local id = redis.call('GET', laneKey)
  local bytes, total, first, last, stored, held = 0, 0, 0, 0, 0, nil
  if id then
    local stats = redis.call('HMGET', key('batch', id), 'bytes', 'logEvents', 'firstMs', 'lastMs', 'storedBytes', 'heldBytes')
    if stats[1] then
      bytes, total, first, last = tonumber(stats[1]), tonumber(stats[2]), tonumber(stats[3]), tonumber(stats[4])
      stored, held = tonumber(stats[5]), stats[6] and tonumber(stats[6])
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
      if held then
        -- An object may grow to a gigabyte while its destination is held, and nobody looks at it again before it is full.
        redis.call('HINCRBY', key('tenant', tenant), 'heldBytes', stored - held)
        redis.call('HSET', key('batch', id), 'heldBytes', stored)
        held = stored
      end
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
      id, held = false, nil
    end
    if not id then
      opened = opened + 1
      id = flush .. '-' .. opened
      bytes, total, first, last, stored = 0, 0, f, l, batchOverheadBytes
      redis.call('HSET', key('batch', id), 'lane', ARGV[laneArgs], 'sink', sink, 'destinationKey', destination,
        'tenantId', tenant, 'destinationId', ARGV[laneArgs + 4], 'target', ARGV[laneArgs + 5],
        'openedAt', nowMs, 'state', 'open', 'begun', 0)
      if ARGV[laneArgs + 9] == '1' then
        redis.call('HSET', key('batch', id), 'ordered', 1)
        redis.call('RPUSH', key('order', ARGV[laneArgs]), id)
      end
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
return {events, conflicts, fullTenants, repeated, duplicates, nowMs}
`;

/** Up to which place in its lane a batch is looked for: Redis serves nobody else meanwhile. */
const PLACES_MAX = 10_000;

/** How long a destination that is held is left to a probe before another may try: longer than a call takes, mostly. */
const PROBE_LEASE_MS = 60_000;

/**
 * Makes a batch ready to be delivered: seals it if it is open, takes it back from the dead letters if it was there.
 *
 * ARGV: batch id. Returns nothing if the batch is settled; else what is to be done with it, its state before this call, and its fields:
 *
 * - `go`, or `probe` if its destination is held and this batch may find out whether it must be
 * - `park`: its job is to be failed with its reason, that is how a dead letter comes into the queue's failed set; the next time it is a
 *   redrive
 * - `hold`: its destination is held; the batch was put aside, and if it was open it goes on filling
 * - `wait`: others of its lane come first, as many as it is `behind`
 */
export const beginScript = `${prelude}${deadLetterIndex}${holding}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents', 'reason', 'parking',
  'ordered', 'heldBytes', 'sink')
local state, lane, destination, tenant, n, reason, parking, ordered, heldBytes, sink = unpack(batch)
if not state then return {} end

local function answer(verdict, behind)
  local fields = redis.call('HGETALL', key('batch', id))
  fields[#fields + 1] = 'behind'
  fields[#fields + 1] = tostring(behind or 0)
  fields[#fields + 1] = 'verdict'
  fields[#fields + 1] = verdict
  fields[#fields + 1] = 'stateBefore'
  fields[#fields + 1] = state
  return fields
end

if parking then
  redis.call('HDEL', key('batch', id), 'parking')
  return answer('park')
end
if state == 'dead' or state == 'refused' then
  unshelve(id)
  uncount(destination, tenant, state, reason, tonumber(n))
  count(destination, 'waiting', tonumber(n))
  redis.call('HINCRBY', key('tenant', tenant), 'batches', 1)
  redis.call('HDEL', key('batch', id), 'reason', 'attempts')
  redis.call('HSET', key('batch', id), 'state', 'sealed', 'redrivenAt', now())
end
local place = placeOf(destination, sink)
local held = redis.call('HMGET', key('hold', place), 'kind', 'probeAt')
if held[1] and now() < tonumber(held[2]) then
  hold(id, place, tenant)
  return answer('hold')
end
if ordered then
  local first = redis.call('LINDEX', key('order', lane), 0)
  while first and first ~= id and redis.call('EXISTS', key('batch', first)) == 0 do
    redis.call('LPOP', key('order', lane)) -- it was deleted by hand; its lane must not stand still for ever
    first = redis.call('LINDEX', key('order', lane), 0)
  end
  if first and first ~= id then
    return answer('wait', redis.call('LPOS', key('order', lane), id, 'MAXLEN', ${PLACES_MAX}) or ${PLACES_MAX})
  end
end
if held[1] then
  redis.call('HSET', key('hold', place), 'probeAt', now() + ${PROBE_LEASE_MS})
  redis.call('ZADD', key('holds', sink), now() + ${PROBE_LEASE_MS}, destination)
end
unhold(id, place, tenant, heldBytes)
if state == 'open' and redis.call('GET', key('lane', lane)) == id then redis.call('DEL', key('lane', lane)) end
redis.call('HSET', key('batch', id), 'state', 'sealed')
redis.call('HINCRBY', key('batch', id), 'begun', 1)
return answer(held[1] and 'probe' or 'go')
`;

/**
 * Ends a batch: its payload goes, its log events are counted as delivered or as rejected with a reason. Rejected log events become a
 * batch of their own, which stays until it is redriven or discarded. What was delivered may be kept: then its payload is moved.
 *
 * ARGV: batch id, delivered, how many arguments say how it is kept (0 if it is not) and they themselves, then per reason: code, a new
 * batch id, log events, bytes, first ms, last ms, text.
 *
 * How it is kept: the most bytes of Redis that the destination's kept batches may take, and those that all of the tenant's batches may
 * while anything is kept of it, and 1 if its messages are whole log events. If not all of it was delivered, also what was: bytes, first
 * ms, last ms and the text, one chunk.
 *
 * Returns nothing if the batch was settled before; else 1 if its destination was held until now, the batch that comes next where the
 * lane is in strict order, and how many kept batches made room for it.
 */
export const settleScript = `${prelude}${deadLetterIndex}${holding}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents', 'reason', 'sink',
  'destinationId', 'target', 'openedAt', 'storedBytes', 'heldBytes', 'ordered', 'replay')
local state, lane, destination, tenant, n, reason, sink = unpack(batch)
if not state then return {} end
if state == 'open' then return redis.error_reply('ASSERT settling ' .. id .. ', which was never begun') end
local sum, keptArgs = tonumber(ARGV[2]), tonumber(ARGV[3])
local firstReason = 4 + keptArgs
for at = firstReason, #ARGV, 7 do sum = sum + tonumber(ARGV[at + 2]) end
if sum ~= tonumber(n) then
  return redis.error_reply('ASSERT settling ' .. sum .. ' of ' .. n .. ' log events of ' .. id)
end
if state == 'dead' or state == 'refused' then
  unshelve(id)
  redis.call('SADD', key('jobless', sink), id) -- somebody else has given it up: its job is failed, or about to be
end
unhold(id, placeOf(destination, sink), tenant, batch[12])
-- Deleting comes first, or moving: Redis lets a script that has begun to write go on when memory is full, and a settle must never be
-- refused.
local kept = false
if keptArgs > 0 then
  kept = redis.call('HMGET', key('batch', id), 'bytes', 'firstMs', 'lastMs')
  if keptArgs == 3 and redis.call('EXISTS', key('chunks', id)) == 1 then
    redis.call('RENAME', key('chunks', id), key('kept', id))
  end
end
redis.call('DEL', key('chunks', id), key('batch', id))
redis.call('ZREM', key('live', sink), id)
uncount(destination, tenant, state, reason, tonumber(n))
count(destination, 'delivered', tonumber(ARGV[2]))
local stored = -(tonumber(batch[11]) or 0)
for at = firstReason, #ARGV, 7 do
  local code, refused = ARGV[at], ARGV[at + 1]
  redis.call('HSET', key('batch', refused), 'lane', lane, 'sink', sink, 'destinationKey', destination, 'tenantId', tenant,
    'destinationId', batch[8], 'target', batch[9], 'openedAt', batch[10], 'state', 'refused', 'begun', 0, 'reason', code,
    'logEvents', ARGV[at + 2], 'bytes', ARGV[at + 3], 'firstMs', ARGV[at + 4], 'lastMs', ARGV[at + 5],
    'storedBytes', batchOverheadBytes + #ARGV[at + 6], 'parking', 1)
  if batch[14] then redis.call('HSET', key('batch', refused), 'replay', batch[14]) end
  stored = stored + batchOverheadBytes + #ARGV[at + 6]
  redis.call('RPUSH', key('chunks', refused), ARGV[at + 6])
  redis.call('ZADD', key('live', sink), now(), refused)
  shelve(refused)
  count(destination, 'rejected', tonumber(ARGV[at + 2]))
  count(destination, 'rejected:' .. code, tonumber(ARGV[at + 2]))
end
redis.call('HINCRBY', key('tenant', tenant), 'bytes', stored)
local madeRoom = 0
if kept then
  ${keepBatch}
end
local following = false
if batch[13] then
  redis.call('LREM', key('order', lane), 1, id)
  following = redis.call('LINDEX', key('order', lane), 0)
end
return {lift(destination, sink), following or '', madeRoom}
`;

/**
 * Moves a waiting batch to the dead letters, payload and all. ARGV: batch id, code, and 1 if its job is not about to be failed by
 * whoever asks: then the job's next run is. Returns 1 if it moved.
 */
export const deadLetterScript = `${prelude}${deadLetterIndex}${holding}
local id = ARGV[1]
local batch = redis.call('HMGET', key('batch', id), 'state', 'lane', 'destinationKey', 'tenantId', 'logEvents', 'heldBytes', 'ordered',
  'sink')
local state, lane, destination, tenant, n, heldBytes, ordered, sink = unpack(batch)
if state ~= 'open' and state ~= 'sealed' then return 0 end
if redis.call('GET', key('lane', lane)) == id then redis.call('DEL', key('lane', lane)) end
if ordered then
  -- It does not keep the others of its lane from going on, and is redriven out of order.
  redis.call('LREM', key('order', lane), 1, id)
  redis.call('HDEL', key('batch', id), 'ordered')
end
unhold(id, placeOf(destination, sink), tenant, heldBytes)
uncount(destination, tenant, state, '', tonumber(n))
count(destination, 'deadLettered', tonumber(n))
redis.call('HSET', key('batch', id), 'state', 'dead', 'reason', ARGV[2])
if ARGV[3] == '1' then redis.call('HSET', key('batch', id), 'parking', 1) end
shelve(id)
return 1
`;

/**
 * Looks at a page of a sink's unsettled batches for those that BullMQ has forgotten.
 *
 * ARGV: sink, the queue's key prefix, cursor, page size, how long ago a batch must have been opened to be looked at, in milliseconds and
 * by Redis's clock as when it was opened, the longest delay of a job in milliseconds, and what BullMQ multiplies them by.
 * Returns the next cursor, the ids that have no job, the ids whose job failed without the batch being a dead letter, and those whose job
 * is put off for longer than any can be.
 */
export const sweepScript = `${prelude}
local page = redis.call('ZSCAN', key('live', ARGV[1]), ARGV[3], 'COUNT', ARGV[4])
local orphans, failed, late = {}, {}, {}
local openedBefore = now() - tonumber(ARGV[5])
local latest = (now() + tonumber(ARGV[6])) * tonumber(ARGV[7])
for i = 1, #page[2], 2 do
  local id, openedAt = page[2][i], tonumber(page[2][i + 1])
  if openedAt < openedBefore then
    if redis.call('EXISTS', ARGV[2] .. ':' .. id) == 0 then
      orphans[#orphans + 1] = id
    elseif redis.call('ZSCORE', ARGV[2] .. ':failed', id) then
      local state = redis.call('HGET', key('batch', id), 'state')
      if state == 'open' or state == 'sealed' then failed[#failed + 1] = id end
    else
      local dueAt = redis.call('ZSCORE', ARGV[2] .. ':delayed', id)
      if dueAt and tonumber(dueAt) > latest then late[#late + 1] = id end
    end
  end
end
return {page[1], orphans, failed, late}
`;
