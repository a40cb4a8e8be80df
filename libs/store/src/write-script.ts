// The one step in which configuration is changed: the records, their versions, the announcement, the audit trail and what is to be
// forwarded of it together. All keys carry one hash tag (KEYS[1]), so that it is a single slot of a Redis Cluster.
import { DERIVED_PREFIX } from '@logferry/core';

/**
 * Writes records, if each of them is still what the writer has read, and there is room for those that are new.
 *
 * ARGV: the most announcements, the most audit entries of all and of a tenant, how long an entry is kept in milliseconds, then how many
 * records, each with hash, field, the text read before ('' for none), its version, what is to be done (`set`, `delete`, or `check` for
 * nothing), the new text, its tenant ('' for none) and how many of its kind the tenant may have ('' for any number); then how many announcements, and these; then how many audit entries, each with its tenant ('' for none)
 * and its text.
 *
 * An entry is put into its tenant's queue of those to be forwarded (audit-outbox.ts) if the tenant wants that before the write or after
 * it: that somebody switched the forwarding off is the last that it forwards.
 *
 * A tenant that is made has its part of the trail from there on (`tenantsSince`), whoever had its id before; one that is deleted leaves
 * its id among those that are not given again unasked (`formerTenants`), and a destination takes the result of its last test along.
 *
 * Which keys a tenant has stands in `keysOf:` beside the one hash of all keys: there may be very many of those, and this is counted in
 * one step with the write. Destinations that variables make are not counted: what makes them has limits of its own.
 *
 * Returns the version of all that was written; or 0 if something has changed meanwhile, or the negative place of the first record for
 * which there is no room, and nothing was written.
 */
export const writeScript = `
local tag = KEYS[1]
local function key(name) return tag .. ':' .. name end
local changesMax, entriesMax, tenantEntriesMax, keepMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = 5
local records = tonumber(ARGV[at])
at = at + 1

for i = 0, records - 1 do
  local from = at + i * 8
  local text = redis.call('HGET', key(ARGV[from]), ARGV[from + 1]) or ''
  local version = redis.call('HGET', key('versions'), ARGV[from] .. '/' .. ARGV[from + 1]) or '0'
  if text ~= ARGV[from + 2] or version ~= ARGV[from + 3] then return 0 end
end

local function countOf(hash, tenant)
  local count = 0
  if hash == 'keys' then
    for _, id in ipairs(redis.call('SMEMBERS', key('keysOf:' .. tenant))) do
      count = count + redis.call('HEXISTS', key('keys'), id)
    end
    return count
  end
  for _, id in ipairs(redis.call('HKEYS', key(hash))) do
    if string.sub(id, 1, ${DERIVED_PREFIX.length}) ~= '${DERIVED_PREFIX}' then count = count + 1 end
  end
  return count
end
local added = {}
for i = 0, records - 1 do
  local from = at + i * 8
  local hash, tenant, most = ARGV[from], ARGV[from + 6], tonumber(ARGV[from + 7])
  if most and ARGV[from + 4] == 'set' and ARGV[from + 2] == '' then
    local kind = hash .. '/' .. tenant
    added[kind] = (added[kind] or countOf(hash, tenant)) + 1
    if added[kind] > most then return -(i + 1) end
  end
end

local function wantsForwarding(tenant)
  local text = redis.call('HGET', key('tenants'), tenant)
  if not text then return false end
  -- What another version wrote, or somebody by hand, must not keep anybody from writing it anew.
  local isRead, record = pcall(cjson.decode, text)
  return isRead and type(record) == 'table' and record.forwardAuditTrail == true
end
local entriesAt = at + records * 8
entriesAt = entriesAt + ARGV[entriesAt] + 1
local entries = tonumber(ARGV[entriesAt])
local wanted = {}
for i = 0, entries - 1 do
  local tenant = ARGV[entriesAt + 1 + 2 * i]
  if tenant ~= '' and wanted[tenant] == nil then wanted[tenant] = wantsForwarding(tenant) end
end

local made = {}
-- One count for everything, so that a record that is deleted and made again never has a version that it had before.
local version = redis.call('INCR', key('version'))
for _ = 1, records do
  local hash, field, what, tenant = ARGV[at], ARGV[at + 1], ARGV[at + 4], ARGV[at + 6]
  if what == 'set' then
    redis.call('HSET', key(hash), field, ARGV[at + 5])
    redis.call('HSET', key('versions'), hash .. '/' .. field, version)
    if hash == 'keys' and tenant ~= '' then redis.call('SADD', key('keysOf:' .. tenant), field) end
    if hash == 'tenants' then
      redis.call('HDEL', key('formerTenants'), field)
      made[field] = ARGV[at + 2] == ''
    end
  elseif what == 'delete' then
    redis.call('HDEL', key(hash), field)
    redis.call('HDEL', key('versions'), hash .. '/' .. field)
    if hash == 'keys' then
      redis.call('HDEL', key('keyUses'), field)
      redis.call('SREM', key('keysOf:' .. tenant), field)
    end
    if hash == 'tenants' then
      redis.call('HDEL', key('tenantsSince'), field)
      redis.call('HSET', key('formerTenants'), field, version)
    end
    local owner = string.match(hash, '^destinations:(.+)$')
    if owner then redis.call('HDEL', key('connection-results'), owner .. '/' .. field) end
  end
  at = at + 8
end

for i = 1, tonumber(ARGV[at]) do
  redis.call('XADD', key('changes'), 'MAXLEN', '~', changesMax, '*', 'change', ARGV[at + i])
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now - tonumber(keepMs)
local function note(stream, id, most, entry)
  local added = redis.call('XADD', stream, 'MAXLEN', most, id, 'version', version, 'entry', entry)
  if oldest > 0 then redis.call('XTRIM', stream, 'MINID', string.format('%.0f', oldest)) end
  return added
end
local function notForwarded(outcome, count)
  redis.call('HINCRBY', key('auditForwarding'), outcome, count)
end
local function forward(tenant, id)
  local queue = key('auditQueue:' .. tenant)
  redis.call('HINCRBY', key('auditForwarding'), 'queued', 1)
  if redis.call('RPUSH', queue, id) > tonumber(tenantEntriesMax) then
    redis.call('LPOP', queue)
    notForwarded('trimmed', 1)
  end
  redis.call('ZADD', key('auditDue'), 'NX', string.format('%.0f', now), tenant)
end

for tenant in pairs(wanted) do
  -- Whoever is given the same id later must not be told of those before.
  if redis.call('HEXISTS', key('tenants'), tenant) == 0 then
    local left = redis.call('LLEN', key('auditQueue:' .. tenant))
    if left > 0 then notForwarded('tenant_deleted', left) end
    redis.call('DEL', key('auditQueue:' .. tenant))
    redis.call('ZREM', key('auditDue'), tenant)
    wanted[tenant] = false
  else
    wanted[tenant] = wanted[tenant] or wantsForwarding(tenant)
  end
end
for i = 0, entries - 1 do
  local tenant, entry = ARGV[entriesAt + 1 + 2 * i], ARGV[entriesAt + 2 + 2 * i]
  local id = note(key('audit'), '*', entriesMax, entry)
  if tenant ~= '' then
    note(key('audit:' .. tenant), id, tenantEntriesMax, entry)
    redis.call('PEXPIRE', key('audit:' .. tenant), keepMs)
    if wanted[tenant] then forward(tenant, id) end
    if made[tenant] then redis.call('HSET', key('tenantsSince'), tenant, id) end
    made[tenant] = false
  end
end
return version`;
