#!lua flags=allow-oom
-- Does one small write, also where the bound of the store's memory is reached.
-- KEYS: the key.
-- ARGV: the command, and its arguments behind the key.
return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
