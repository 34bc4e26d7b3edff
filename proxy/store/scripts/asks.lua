#!lua flags=allow-oom
-- Hands out what is to be asked about now, for a while: who asks and is gone before the answer holds nobody up.
-- KEYS: asks, clock.
-- ARGV: most, milliseconds after which they are handed out again.
-- Returns the references.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
now = math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0)) -- the partition's time, see due.lua
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, reference in ipairs(found) do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), reference)
end
return found
