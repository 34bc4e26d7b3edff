#!lua flags=allow-oom
-- Erases what is held of one visitor, but for what keeps anything from being sent in full under this id again: a
-- record that says so, and nothing else. It vanishes by itself.
-- KEYS: record, then the visitor's other keys.
-- ARGV: seconds to keep what stays, "1" to change nothing and only look.
-- Returns for each key 1 if it held something, else 0. What an earlier erasure left counts as nothing.
local kept = {
  'analytics_storage', 'denied', 'ad_storage', 'denied', 'ad_user_data', 'denied', 'ad_personalization', 'denied',
  'source', 'erased', 'tombstone', '1',
}
local held = {}
for at, key in ipairs(KEYS) do
  held[at] = redis.call('EXISTS', key)
end
if redis.call('TYPE', KEYS[1])['ok'] == 'hash' then
  local left = redis.call('HMGET', KEYS[1], 'source', 'tombstone')
  if left[1] == 'erased' and left[2] == '1' and redis.call('HLEN', KEYS[1]) == #kept / 2 + 3 then
    held[1] = 0
  end
end
if ARGV[2] ~= '1' then
  local clock = redis.call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local four = table.concat({ now, now, now, now }, ',')
  redis.call('DEL', unpack(KEYS))
  redis.call('HSET', KEYS[1], 'decided_at', now, 'times', four, 'denied_at', four, unpack(kept))
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return held
