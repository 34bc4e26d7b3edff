-- Reads the consent records, sessions and attributions of some visitors (of one hash tag, or of any where there is no cluster).
-- KEYS: per visitor its record, its session and, where it is wanted, its attribution.
-- ARGV: now (Unix s; 0: whenever), session seconds, then per visitor: "0" leave the session alone, "1" begin or prolong it if the
--   record grants statistics, "2" also if the record does not deny them; with "k" after it, the attribution is wanted;
--   and the oldest grant that counts (Unix ms).
-- Returns the store's time (Unix ms), then per visitor: the record's fields (an empty list: none; "!": unreadable)
--   the session's start ("": none), and where it is wanted the attribution's fields, names and values in turn.
local now, ttl, ahead = ARGV[1], tonumber(ARGV[2]), 10
local time = redis.call('TIME')
local reply = { time[1] * 1000 + math.floor(time[2] / 1000) }
local fields = {
  'analytics_storage', 'ad_storage', 'ad_user_data', 'ad_personalization', 'source', 'decided_at', 'gpc',
  'policy_version', 'proof', 'times', 'denied_at', 'tombstone', 'claimed', 'since',
}
local at = 0 -- the visitor's keys come after this one
for i = 3, #ARGV, 2 do
  local record = redis.pcall('HMGET', KEYS[at + 1], unpack(fields))
  local session, touch, wanted = '', ARGV[i], #ARGV[i] > 1
  if wanted then
    touch = string.sub(touch, 1, 1)
  end
  if record.err then
    reply[#reply + 1] = '!'
  else
    local there = false
    for j = 1, #fields do
      there = there or record[j]
      record[j] = record[j] or ''
    end
    reply[#reply + 1] = there and record or {}
    local found = redis.pcall('GET', KEYS[at + 2])
    session = (type(found) == 'string' and #found < 12 and string.match(found, '^%d+$')) or ''
    if session ~= '' and now ~= '0' and tonumber(session) > tonumber(now) + ahead then
      session = '' -- begun by a clock that was put back since
    end
    local oldest = tonumber(ARGV[i + 1])
    local since = tonumber(string.match(record[10] or '', '^[1-9]%d*')) or tonumber(record[6]) or 0
    local granted = there and record[1] == 'granted' and since >= oldest
    local basis = touch ~= '0' and record[12] ~= '1' and (granted or (touch == '2' and record[1] ~= 'denied'))
    if basis and session == '' then
      redis.call('SET', KEYS[at + 2], now, 'EX', ttl)
      session = now
    elseif basis and redis.call('TTL', KEYS[at + 2]) < ttl - 60 then
      redis.call('EXPIRE', KEYS[at + 2], ttl) -- not at each event: that would be a write, and a sync, per event
    end
  end
  reply[#reply + 1] = session
  at = at + 2
  if wanted then
    at = at + 1
    local brought = redis.pcall('HGETALL', KEYS[at])
    reply[#reply + 1] = brought.err and {} or brought
  end
end
return reply
