#!lua flags=allow-oom
-- Makes an outbox and its group where they are missing. The group starts at 0: nothing waits unseen.
-- KEYS: stream.
-- ARGV: group.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then
  return made
end
return 1
