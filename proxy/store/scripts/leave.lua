#!lua flags=allow-oom
-- A worker leaves an outbox: all that it still holds is given back at once, as if never claimed. Its name stays among
-- the workers: in other outboxes of the partition it may still have something under way.
-- KEYS: stream, parked.
-- ARGV: group, worker.
-- Returns how many entries were given back.
local stream, parked = KEYS[1], KEYS[2]
local group, me = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local given = 0
if redis.call('EXISTS', stream) == 0 then
  return given
end
while true do
  local held = redis.call('XPENDING', stream, group, '-', '+', 1000, me)
  for _, entry in ipairs(held) do
    redis.call('XACK', stream, group, entry[1])
    if #redis.call('XRANGE', stream, entry[1], entry[1]) == 1 then
      redis.call('ZADD', parked, now, entry[1])
      given = given + 1
    end
  end
  if #held == 0 then break end
end
redis.call('XGROUP', 'DELCONSUMER', stream, group, me)
return given
