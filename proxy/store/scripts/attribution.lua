-- Keeps what brought a visitor: the first source, and the newest click of each ad network. What the visitor's record does
-- not grant at this moment is not kept: it may have been withdrawn since it was read.
-- KEYS: the visitor's record, what is kept.
-- ARGV: the oldest that still counts (Unix ms); when the visit was (Unix ms; "": there is no source to keep), source, medium,
--   campaign, host, for how long to keep them (ms); then per click id: its name, when the click was (Unix ms), its value, for
--   how long to keep it (ms), and the names of all ids of its network, with commas around each.
-- Returns how many fields were written.
local record = redis.pcall('HMGET', KEYS[1], 'analytics_storage', 'ad_storage', 'ad_user_data', 'tombstone')
if record.err or record[4] == '1' then
  return 0
end
local statistics = record[1] == 'granted'
local ads = record[2] == 'granted' and record[3] == 'granted' and record[1] ~= 'denied'
local there = redis.call('TYPE', KEYS[2])['ok']
if there ~= 'hash' and there ~= 'none' then
  redis.call('DEL', KEYS[2])
end
local first = { 'at', 'source', 'medium', 'campaign', 'host' }
local oldest, written = tonumber(ARGV[1]), 0
local held = {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  held[all[i]] = all[i + 1]
end
if held['at'] and (tonumber(held['at']) or 0) <= oldest then
  redis.call('HDEL', KEYS[2], unpack(first))
  held['at'] = nil
end
-- Each field ends by itself where the store can do that (Valkey 9, Redis 7.4); elsewhere with the key, and is not used before.
local function keep(life, fields, values)
  for i, field in ipairs(fields) do
    redis.call('HSET', KEYS[2], field, values[i])
    redis.pcall('HPEXPIRE', KEYS[2], life, 'FIELDS', 1, field)
  end
  if redis.call('PTTL', KEYS[2]) < life then
    redis.call('PEXPIRE', KEYS[2], life)
  end
  written = written + #fields
end
if statistics and ARGV[2] ~= '' and not held['at'] then
  keep(tonumber(ARGV[7]), first, { ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] })
end
local networks = {}
for i = 8, ads and #ARGV or 0, 5 do
  local name, at, value, life, names = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4]
  if networks[names] == nil then -- the first of its network: either all of them are newer, or none is
    networks[names] = true
    local old = {}
    for field, text in pairs(held) do
      if string.find(names, ',' .. field .. ',', 1, true) then
        old[#old + 1] = field
        if (tonumber(string.match(text, '^%d+')) or 0) >= at then
          networks[names] = false
        end
      end
    end
    if networks[names] and #old > 0 then
      redis.call('HDEL', KEYS[2], unpack(old))
    end
  end
  if networks[names] then
    keep(life, { name }, { ARGV[i + 1] .. ' ' .. value })
  end
end
return written
