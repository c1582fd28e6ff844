import { createHash } from "node:crypto";

/*
 * One script a method, so that each is atomic. All keys begin with KEYS[1], which has a hash tag, so that a Cluster keeps them
 * together:
 *
 *   <base>:token            the last fencing token
 *   <base>:lease:<id>       a lease: o operation, r reason, k ticket, t fencing token (none while it waits), s since, e expiry
 *   <base>:of:<id>          the entities of a lease
 *   <base>:entities         entity to the ids of its leases, with commas between them
 *   <base>:operation:<name> the ids of an operation's leases
 *   <base>:expiries         the ids of all leases by expiry
 *
 * Time is the server's. Tokens go by it in microseconds, so that they grow too when the server has lost its data.
 */
const prelude = `
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local batch = 1000

local known = {}
local function lease(id)
  if known[id] == nil then
    local f = redis.call('HMGET', base .. ':lease:' .. id, 'o', 'r', 'k', 't', 's', 'e')
    known[id] = f[1] and tonumber(f[6]) > now
      and { operation = f[1], reason = f[2], ticket = tonumber(f[3]), token = f[4], since = f[5], expires = f[6] }
  end
  return known[id]
end

local function each_entity(names, visit)
  for first = 1, #names, batch do
    local last = math.min(first + batch - 1, #names)
    local values = redis.call('HMGET', base .. ':entities', unpack(names, first, last))
    for i = first, last do visit(names[i], values[i - first + 1]) end
  end
end

local function in_batches(command, key, parameters)
  for first = 1, #parameters, batch do
    redis.call(command, key, unpack(parameters, first, math.min(first + batch - 1, #parameters)))
  end
end

local function expire_at(id, expires)
  redis.call('HSET', base .. ':lease:' .. id, 'e', expires)
  redis.call('ZADD', base .. ':expiries', expires, id)
end

local function remove(id)
  local key = base .. ':lease:' .. id
  local operation = redis.call('HGET', key, 'o')
  local kept, emptied = {}, {}
  each_entity(redis.call('SMEMBERS', base .. ':of:' .. id), function(name, ids)
    local others = {}
    for other in string.gmatch(ids or '', '[^,]+') do
      if other ~= id then others[#others + 1] = other end
    end
    if #others == 0 then
      emptied[#emptied + 1] = name
    else
      kept[#kept + 1] = name
      kept[#kept + 1] = table.concat(others, ',')
    end
  end)
  in_batches('HSET', base .. ':entities', kept)
  in_batches('HDEL', base .. ':entities', emptied)
  redis.call('DEL', key, base .. ':of:' .. id)
  redis.call('ZREM', base .. ':expiries', id)
  if operation then redis.call('SREM', base .. ':operation:' .. operation, id) end
  known[id] = false
end

local function remove_expired(most)
  local ids = redis.call('ZRANGEBYSCORE', base .. ':expiries', '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(ids) do remove(id) end
  return #ids
end

-- Not one of older data, which does not hold what was added since.
local function is_held(l, known_token)
  return l and l.token and tonumber(l.token) >= tonumber(known_token)
end

local function told(id)
  local l = known[id]
  return { operation = l.operation, reason = l.reason, since = l.since, expiresAt = l.expires, fencingToken = l.token }
end
`;

export interface RedisScript {
  readonly source: string;
  /** What the server knows it by once it has seen it. */
  readonly sha: string;
}

function script(body: string): RedisScript {
  const source = prelude + body;
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/** ARGV: lease, operation, whether there is a reason, reason, ttl, kind, queue (-1 for none), token, entities. Returns JSON. */
export const claimScript = script(`
local id, operation, has_reason, reason, ttl, kind, queue, known_token = unpack(ARGV, 1, 8)
queue = tonumber(queue)
local names = {}
for i = 9, #ARGV do names[#names + 1] = ARGV[i] end

remove_expired(100)
local own = lease(id)
if kind == 'addition' and not is_held(own, known_token) then return '{"kind":"lost"}' end

local overtakes
local function may_overtake()
  if overtakes == nil then
    overtakes = false
    for _, other in ipairs(redis.call('SMEMBERS', base .. ':operation:' .. operation)) do
      local l = lease(other)
      if l and l.token then overtakes = true end
    end
  end
  return overtakes
end

local ticket = own and own.ticket or math.huge
local by, leases, is_blocked, ids_of = {}, {}, false, {}
each_entity(names, function(name, ids)
  local live = {}
  for other in string.gmatch(ids or '', '[^,]+') do
    local l = lease(other)
    -- An addition whose answer was lost may have its keys already.
    if l and other ~= id then live[#live + 1] = other end
    if l and l.operation ~= operation then
      local waits = not l.token
      if not waits or (not by[name] and l.ticket < ticket and not may_overtake()) then
        by[name] = other
        leases[other] = told(other)
        is_blocked = true
      end
    end
  end
  ids_of[name] = live
end)
if is_blocked and queue < 0 then return cjson.encode({ kind = 'blocked', by = by, leases = leases }) end

local last = tonumber(redis.call('GET', base .. ':token') or '0')
local token = string.format('%.0f', math.max(last + 1, time[1] * 1000000 + time[2]))
redis.call('SET', base .. ':token', token)

local key = base .. ':lease:' .. id
if not own then
  redis.call('HSET', key, 'o', operation, 'k', token, 's', now)
  if has_reason == '1' then redis.call('HSET', key, 'r', reason) end
  redis.call('SADD', base .. ':operation:' .. operation, id)
end
if not own or kind == 'addition' then
  local pairs_of = {}
  for _, name in ipairs(names) do
    local ids = ids_of[name]
    ids[#ids + 1] = id
    pairs_of[#pairs_of + 1] = name
    pairs_of[#pairs_of + 1] = table.concat(ids, ',')
  end
  in_batches('HSET', base .. ':entities', pairs_of)
  in_batches('SADD', base .. ':of:' .. id, names)
end
if is_blocked then
  expire_at(id, now + queue)
  return cjson.encode({ kind = 'blocked', by = by, leases = leases })
end
local held_until = own and own.token and tonumber(own.expires) or 0
if not (own and own.token) then redis.call('HSET', key, 's', now) end
redis.call('HSET', key, 't', token)
expire_at(id, math.max(held_until, now + ttl))
return cjson.encode({ kind = 'granted', fencingToken = token })
`);

/** ARGV: lease, ttl, token. Returns whether there still was one: 1 or 0. */
export const renewScript = script(`
local l = lease(ARGV[1])
if not is_held(l, ARGV[3]) then return 0 end
expire_at(ARGV[1], math.max(tonumber(l.expires), now + ARGV[2]))
return 1
`);

/** ARGV: lease. Returns whether there was one: 1 or 0. */
export const releaseScript = script(`
local was_live = lease(ARGV[1])
remove(ARGV[1])
return was_live and 1 or 0
`);

/** ARGV: entities. Returns JSON: which leases hold them, and what those are. */
export const holdingsScript = script(`
local entities, leases = {}, {}
each_entity(ARGV, function(name, ids)
  local held = {}
  for id in string.gmatch(ids or '', '[^,]+') do
    local l = lease(id)
    if l and l.token then
      held[#held + 1] = id
      leases[id] = told(id)
    end
  end
  if #held > 0 then entities[name] = held end
end)
return cjson.encode({ entities = entities, leases = leases })
`);

/** ARGV: operation. Returns how many leases it had. */
export const releaseOperationScript = script(`
local count = 0
for _, id in ipairs(redis.call('SMEMBERS', base .. ':operation:' .. ARGV[1])) do
  if lease(id) then count = count + 1 end
  remove(id)
end
return count
`);

/** Returns how many leases had expired. At most a hundred at a time, so that others get their turn. */
export const purgeScript = script(`
return remove_expired(100)
`);
