// Where dead letters are found without walking through everything that is in Redis. The index is kept by the scripts that make a batch
// a dead letter or take it back, in the same step, so that it names every dead letter and nothing else; and the sums that retention
// and alerts go by are moved with it. Nothing of it is touched while a batch that AWS took whole is settled.

/**
 * Lua functions, to stand after the prelude of a script.
 *
 * By the time at which they became dead letters: `dead` has all of a shard, `deadOf:` those of a tenant, `deadBy:` those of a
 * destination and a reason. `deadGroups` has the log events of each destination and reason, `deadBytes` what each tenant's take of
 * Redis, and `deadBytes` of `totals` their sum.
 */
export const deadLetterIndex = `
local function addTo(sums, member, n)
  -- A sum that has come down to nothing must not stay: there may be very many tenants, and each is broken at some time.
  if tonumber(redis.call('ZINCRBY', tag .. ':' .. sums, n, member)) <= 0 then
    redis.call('ZREM', tag .. ':' .. sums, member)
  end
end

local function shelfOf(id)
  local batch = redis.call('HMGET', key('batch', id), 'tenantId', 'destinationKey', 'reason', 'logEvents', 'storedBytes')
  return batch[1], batch[2] .. ' ' .. batch[3], tonumber(batch[4]), tonumber(batch[5])
end

local function addDeadBytes(tenant, bytes)
  addTo('deadBytes', tenant, bytes)
  redis.call('HINCRBY', tag .. ':totals', 'deadBytes', bytes)
end

-- For a batch that has just become a dead letter, with its reason in its hash.
local function shelve(id)
  local tenant, group, n, stored = shelfOf(id)
  local nowMs = now()
  redis.call('HSET', key('batch', id), 'deadAt', nowMs)
  redis.call('ZADD', tag .. ':dead', nowMs, id)
  redis.call('ZADD', key('deadOf', tenant), nowMs, id)
  redis.call('ZADD', key('deadBy', group), nowMs, id)
  addTo('deadGroups', group, n)
  addDeadBytes(tenant, stored)
end

-- For a batch that is about to be no dead letter any more, as long as its reason is in its hash.
local function unshelve(id)
  local tenant, group, n, stored = shelfOf(id)
  redis.call('ZREM', tag .. ':dead', id)
  redis.call('ZREM', key('deadOf', tenant), id)
  redis.call('ZREM', key('deadBy', group), id)
  addTo('deadGroups', group, -n)
  addDeadBytes(tenant, -stored)
  redis.call('HDEL', key('batch', id), 'deadAt')
end
`;
