#!lua flags=allow-oom
-- Claims what is due: parked entries whose time has come, and what dead workers left behind.
-- KEYS: stream, parked, tries, workers, clock.
-- ARGV: group, worker, most, milliseconds after which a silent worker counts as dead (0: nobody does), milliseconds by
--   which parked entries may be early (the vendor works again, so nothing need wait any longer), and the partition's
--   time as the worker has it (ms; 0: it does not know).
-- Returns the partition's time (ms), then per entry: id, fields, earlier tries.
local stream, parked, tries, workers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, me, most, silence, early = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Delays are measured on the partition's own time. It is the store's, but it does not go back with it: a worker that has
-- seen it before counts on, so nothing waits an hour longer because a clock was put back by one.
local time = math.max(now, tonumber(redis.call('GET', KEYS[5]) or 0), tonumber(ARGV[6]))
redis.call('SET', KEYS[5], time)
local reply = {}
local function claim(id)
  local found = redis.call('XCLAIM', stream, group, me, 0, id, 'FORCE')
  if found[1] and found[1][2] then
    reply[#reply + 1] = { found[1][1], found[1][2], tonumber(redis.call('HGET', tries, id) or 0) }
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', parked, '-inf', time + early, 'LIMIT', 0, most)) do
  redis.call('ZREM', parked, id)
  claim(id)
end
-- Signs of life bear the store's time. Where that was put back, those from the future count as of now, else their
-- workers could not die; where it was put forward, this worker's own is too old to be true, and nor is any other's.
local mine = tonumber(redis.call('ZSCORE', workers, me) or now)
local wrong = (silence > 0 and mine < now - silence) and '-inf' or '(' .. string.format('%.0f', now)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', workers, wrong, '+inf')) do
  redis.call('ZADD', workers, now, name)
end
redis.call('ZADD', workers, now, me)
if silence > 0 then
  redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - 100 * silence) -- nobody's name is kept for good
end
if silence > 0 and #reply < most then
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
table.insert(reply, 1, time)
return reply
