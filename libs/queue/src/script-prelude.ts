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
