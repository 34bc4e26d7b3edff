-- Reads the consent records and sessions of some visitors (of one hash tag, or of any where there is no cluster).
-- KEYS: per visitor its record and its session.
-- ARGV: now (Unix s; 0: whenever), session seconds, then per visitor: "0" leave the session alone, "1" begin or prolong it if the
--   record grants statistics, "2" also if the record does not deny them; and the oldest grant that counts (Unix ms).
-- Returns the store's time (Unix ms), then per visitor: the record's fields (an empty list: none; "!": unreadable)
--   and the session's start ("": none).
local now, ttl, ahead = ARGV[1], tonumber(ARGV[2]), 10
local time = redis.call('TIME')
local reply = { time[1] * 1000 + math.floor(time[2] / 1000) }
local fields = {
  'analytics_storage', 'ad_storage', 'ad_user_data', 'ad_personalization', 'source', 'decided_at', 'gpc',
  'policy_version', 'proof', 'times', 'denied_at', 'tombstone', 'claimed', 'since',
}
for i = 1, #KEYS, 2 do
  local record = redis.pcall('HMGET', KEYS[i], unpack(fields))
  local session = ''
  if record.err then
    reply[#reply + 1] = '!'
  else
    local there = false
    for j = 1, #fields do
      there = there or record[j]
      record[j] = record[j] or ''
    end
    reply[#reply + 1] = there and record or {}
    local found = redis.pcall('GET', KEYS[i + 1])
    session = (type(found) == 'string' and #found < 12 and string.match(found, '^%d+$')) or ''
    if session ~= '' and now ~= '0' and tonumber(session) > tonumber(now) + ahead then
      session = '' -- begun by a clock that was put back since
    end
    local touch, oldest = ARGV[i + 2], tonumber(ARGV[i + 3])
    local since = tonumber(string.match(record[10] or '', '^[1-9]%d*')) or tonumber(record[6]) or 0
    local granted = there and record[1] == 'granted' and since >= oldest
    local basis = touch ~= '0' and record[12] ~= '1' and (granted or (touch == '2' and record[1] ~= 'denied'))
    if basis and session == '' then
      redis.call('SET', KEYS[i + 1], now, 'EX', ttl)
      session = now
    elseif basis and redis.call('TTL', KEYS[i + 1]) < ttl - 60 then
      redis.call('EXPIRE', KEYS[i + 1], ttl) -- not at each event: that would be a write, and a sync, per event
    end
  end
  reply[#reply + 1] = session
end
return reply
