-- Claims what is due: parked entries whose time has come, and what dead workers left behind.
-- KEYS: stream, parked, tries, workers.
-- ARGV: group, worker, most, milliseconds after which a silent worker counts as dead, milliseconds by which parked
--   entries may be early (the vendor works again, so nothing need wait any longer).
-- Returns per entry: id, fields, earlier tries.
local stream, parked, tries, workers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, me, most, silence, early = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local reply = {}
local function claim(id)
  local found = redis.call('XCLAIM', stream, group, me, 0, id, 'FORCE')
  if found[1] and found[1][2] then
    reply[#reply + 1] = { found[1][1], found[1][2], tonumber(redis.call('HGET', tries, id) or 0) }
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', parked, '-inf', now + early, 'LIMIT', 0, most)) do
  redis.call('ZREM', parked, id)
  claim(id)
end
redis.call('ZADD', workers, now, me)
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - 100 * silence) -- nobody's name is kept for good
if #reply < most then
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local name, pending
    for j = 1, #consumer, 2 do
      if consumer[j] == 'name' then name = consumer[j + 1] elseif consumer[j] == 'pending' then pending = consumer[j + 1] end
    end
    local last = tonumber(redis.call('ZSCORE', workers, name) or 0)
    if name ~= me and last < now - silence then
      for _, left in ipairs(redis.call('XPENDING', stream, group, '-', '+', most - #reply, name)) do
        claim(left[1])
        pending = pending - 1
      end
      if pending <= 0 then
        redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
      end
      if #reply >= most then break end
    end
  end
end
return reply
