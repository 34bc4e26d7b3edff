#!lua flags=allow-oom
-- Takes, renews or gives back what only one process at a time may do.
-- KEYS: who does it.
-- ARGV: the process, milliseconds until another may take it (0: give it back).
-- Returns 1 if it is this process's now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
