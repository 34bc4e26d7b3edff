#!lua
-- Moves what is kept of an outbox (dead letters, or delivered entries) back to its end, and takes back how each had
-- ended: it is pending again. Each is moved once, whoever else may try: only who deletes it counts.
-- KEYS: where they are kept, stream, counts, trail, what the site's report begins with: a day follows.
-- ARGV: "site|forwarder", "outcome|reason" of those that do not say how they ended, most entries and most bytes of the
--   outbox, then their ids.
-- Returns how many were moved by this call, and how many stay because the outbox is full.
local kept, stream, counts = KEYS[1], KEYS[2], KEYS[3]
local ended = 'o|' .. ARGV[1] .. '|'
local forwarder = string.match(ARGV[1], '|(.*)$')
local told = {} -- what the audit trail is to say, as in settle.lua
local most, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
-- What can fail (a key of another type) fails here, before anything is written.
local length = redis.call('XLEN', stream)
redis.call('HLEN', counts)
redis.call('XLEN', KEYS[4])
-- As in accept.lua: the server's estimate of the memory is near enough for a bound.
if length > 1000 and redis.call('MEMORY', 'USAGE', stream) >= most_bytes then
  length = most
end
-- As in settle.lua, the other way round.
local function take_back(entry, how)
  local day, event = string.match(entry, '^{"m":"%a","i":"[^"]*","v":[^,]*,"t":%d+,"r":%d+,"p":"[^"]*","c":"([%d-]+)|([%w_]+)"')
  if day and redis.call('EXISTS', KEYS[5] .. day) == 1 then
    redis.pcall('HINCRBY', KEYS[5] .. day, 'o|' .. event .. '|' .. forwarder .. '|' .. how, -1)
  end
end
local moved, stay = 0, 0
for at = 5, #ARGV do
  local found = redis.call('XRANGE', kept, ARGV[at], ARGV[at])[1]
  if found then
    local copy = {}
    for field = 1, #found[2], 2 do
      copy[found[2][field]] = found[2][field + 1]
    end
    local how = copy.o or ARGV[2]
    if length + moved >= most then
      stay = stay + 1
    elseif copy.e and how ~= '' and redis.call('XDEL', kept, ARGV[at]) == 1 then
      redis.call('XADD', stream, '*', 'e', copy.e)
      redis.call('HINCRBY', counts, ended .. how, -1)
      take_back(copy.e, how)
      moved = moved + 1
      local mode, ref = string.match(copy.e, '^{"m":"(%a)","i":"([%w_.%-]*)"')
      local policy = string.match(copy.e, '"p":"([%w_.%-]*)"')
      told[moved] = { 'again', ref or '', mode or '', policy or '', how, '', '', '' }
    end
  end
end
if moved > 0 then
  redis.call('XADD', KEYS[4], '*', 's', cjson.encode(told), 'w', ARGV[1])
end
return { moved, stay }
