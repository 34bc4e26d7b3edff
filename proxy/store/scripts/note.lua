#!lua flags=allow-oom
-- Notes that a visitor has taken something back, so that what waits of theirs is looked for.
-- KEYS: the visitors, by when.
-- ARGV: "site|visitor", milliseconds for which a note is kept, most notes.
-- Returns 1, or 0 if there are too many of them: then what waits is found when it is to be sent, at the latest.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
