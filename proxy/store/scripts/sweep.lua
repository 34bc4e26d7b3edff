#!lua flags=allow-oom
-- Hands the visitors who have taken something back to one worker at a time, and strikes out those that are done with.
-- KEYS: the visitors, by when; who looks for what waits of theirs.
-- ARGV: the worker, milliseconds for which nobody else does, milliseconds that a note must be old, most (0: none, what
--   follows is done), then pairs: a visitor that is done with, and when it was noted.
-- Returns pairs like those. A visitor who was noted once more in the meantime stays.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local holder = redis.call('GET', KEYS[2])
if tonumber(ARGV[4]) > 0 and holder then
  return {}
end
for at = 5, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('ZREM', KEYS[1], ARGV[at])
  end
end
local found = {}
if tonumber(ARGV[4]) > 0 then
  found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]), 'WITHSCORES', 'LIMIT', 0, ARGV[4])
  if #found == 0 then -- notes from the future: the clock was put back since
    local ahead = '(' .. string.format('%.0f', now)
    found = redis.call('ZRANGEBYSCORE', KEYS[1], ahead, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
  end
end
if #found > 0 or holder == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
return found
