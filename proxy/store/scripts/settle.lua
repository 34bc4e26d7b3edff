#!lua flags=allow-oom
-- Ends, parks or lowers entries of one outbox. Each is acted on once, whoever else may try: only who deletes it counts.
-- KEYS: stream, parked, tries, dead, asks, counts, sent, clock, trail, what the site's report begins with: a day follows.
-- ARGV: group, "site|forwarder", seconds that dead letters are kept, seconds (0: not at all) and number of delivered
--   entries that are kept, then per entry an operation:
--   "end" id outcome|reason note      settled; a delivered entry is kept for a replay, if any are
--   "bury" id outcome|reason words note  settled, and kept as a dead letter
--   "park" id milliseconds tries note to be tried again later; adds to its earlier tries
--   "lower" id entry note             replaced by its cookieless form
--   "give" id note                    given back at once, as if never claimed
--   "ask" reference milliseconds      something to be asked about later
--   "again" reference new milliseconds  the same, asked about once more under a new reference
--   "answer" reference count          the answer to it: so many were refused after having been taken
--   A note is what a request told the vendor of the entry, for the audit trail; empty: there was none.
-- Returns how many entries were settled by this call.
local stream, parked, tries, dead, asks, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local sent, keep_s, keep_entries, kept = KEYS[7], tonumber(ARGV[4]), ARGV[5], false
local group, who = ARGV[1], '|' .. ARGV[2]
local forwarder = string.match(ARGV[2], '|(.*)$')
-- What can fail (a key of another type) fails here, before anything is written: Redis takes nothing back.
redis.call('XLEN', dead)
redis.call('XLEN', sent)
redis.call('HLEN', counts)
redis.call('HLEN', tries)
redis.call('ZCARD', parked)
redis.call('ZCARD', asks)
redis.call('XLEN', KEYS[9])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local time = math.max(now, tonumber(redis.call('GET', KEYS[8]) or 0)) -- the partition's time, see due.lua
local settled = 0
local told = {} -- what the audit trail is to say: of what this call did, and nobody else before
local function tell(kind, entry, how, note, first, number)
  entry = entry or ''
  local mode, ref = string.match(entry, '^{"m":"(%a)","i":"([%w_.%-]*)"')
  local policy = string.match(entry, '"p":"([%w_.%-]*)"')
  told[#told + 1] = { kind, ref or '', mode or '', policy or '', how, note, first, number }
end
local function entry_of(id)
  local found = redis.call('XRANGE', stream, id, id)[1]
  return found and found[2][2]
end
-- Tells of a request that did not end an entry, if it was the first: others say no more about what went out.
local function tell_try(id, entry, note, number)
  if note ~= '' and redis.call('HEXISTS', tries, id) == 0 then
    tell('tried', entry, '', note, '1', '')
  end
  if note ~= '' or number ~= '0' then
    redis.call('HINCRBY', tries, id, number)
  end
end
local function remove(id, tried)
  redis.call('XACK', stream, group, id)
  redis.call('ZREM', parked, id)
  if tried then
    redis.call('HDEL', tries, id)
  end
  return redis.call('XDEL', stream, id) == 1
end
-- What this call adds to the counters, and per day to the report (false: there is none), written at its end.
local added, reported = {}, {}
local function add(sums, field)
  sums[field] = (sums[field] or 0) + 1
end
-- A conversion bears the day on which it was accepted and its name: its report is told how it ended. Nothing that is wrong
-- there may hold up what ended, and a day that is kept no longer does not begin anew.
local function report(entry, outcome)
  local day, event = string.match(entry, '^{"m":"%a","i":"[^"]*","v":[^,]*,"t":%d+,"r":%d+,"p":"[^"]*","c":"([%d-]+)|([%w_]+)"')
  if day and reported[day] == nil then
    reported[day] = redis.call('EXISTS', KEYS[10] .. day) == 1 and {}
  end
  if day and reported[day] then
    add(reported[day], 'o|' .. event .. '|' .. forwarder .. '|' .. outcome)
  end
end
local function count(outcome, entry)
  report(entry or '', outcome)
  add(added, 'o' .. who .. '|' .. outcome)
  if outcome == 'dropped|withdrawn' then
    add(added, 'w' .. who)
  end
  settled = settled + 1
end
local at = 6
while ARGV[at] do
  local op, id = ARGV[at], ARGV[at + 1]
  if op == 'end' then
    local entry, tried = entry_of(id), redis.call('HGET', tries, id)
    if remove(id, tried) then
      if keep_s > 0 and ARGV[at + 2] == 'delivered|accepted' then
        redis.call('XADD', sent, '*', 'e', entry)
        kept = true
      end
      count(ARGV[at + 2], entry)
      tell('ended', entry, ARGV[at + 2], ARGV[at + 3], tried and '' or '1', tried or '0')
    end
    at = at + 4
  elseif op == 'bury' then
    local entry, tried = entry_of(id), redis.call('HGET', tries, id)
    if remove(id, tried) then
      redis.call('XADD', dead, 'MINID', '=', (now - tonumber(ARGV[3]) * 1000) .. '-0', '*',
        'e', entry, 'o', ARGV[at + 2], 'w', ARGV[at + 3])
      -- A vendor that refuses everything must not fill the store, which would refuse the events of all others.
      redis.call('XTRIM', dead, 'MAXLEN', '~', 100000)
      redis.call('EXPIRE', dead, tonumber(ARGV[3]))
      count(ARGV[at + 2], entry)
      tell('ended', entry, ARGV[at + 2], ARGV[at + 4], tried and '' or '1', tried or '0')
    end
    at = at + 5
  elseif op == 'park' then
    local entry = entry_of(id)
    if entry then
      redis.call('XACK', stream, group, id)
      redis.call('ZADD', parked, time + tonumber(ARGV[at + 2]), id)
      tell_try(id, entry, ARGV[at + 4], ARGV[at + 3])
    end
    at = at + 5
  elseif op == 'lower' then
    local entry, tried = entry_of(id), redis.call('HEXISTS', tries, id) == 1
    if remove(id, tried) then
      if ARGV[at + 3] ~= '' and not tried then
        tell('tried', entry, '', ARGV[at + 3], '1', '')
      end
      redis.call('XADD', stream, '*', 'e', ARGV[at + 2])
      add(added, 'w' .. who)
      tell('lowered', ARGV[at + 2], '', '', '', '')
    end
    at = at + 4
  elseif op == 'give' then
    local entry = entry_of(id)
    if entry then
      redis.call('XACK', stream, group, id)
      redis.call('ZADD', parked, now, id)
      tell_try(id, entry, ARGV[at + 2], '0')
    end
    at = at + 3
  elseif op == 'ask' then
    redis.call('ZADD', asks, time + tonumber(ARGV[at + 2]), id)
    at = at + 3
  elseif op == 'again' then
    if redis.call('ZREM', asks, id) == 1 then
      redis.call('ZADD', asks, time + tonumber(ARGV[at + 3]), ARGV[at + 2])
    end
    at = at + 4
  else
    if redis.call('ZREM', asks, id) == 1 and tonumber(ARGV[at + 2]) > 0 then
      redis.call('HINCRBY', counts, 'l' .. who, ARGV[at + 2])
      tell('late', '', ARGV[at + 2], '', '', '')
    end
    at = at + 3
  end
end
for field, n in pairs(added) do
  redis.call('HINCRBY', counts, field, n)
end
for day, sums in pairs(reported) do
  for field, n in pairs(sums or {}) do
    redis.pcall('HINCRBY', KEYS[10] .. day, field, n)
  end
end
if #told > 0 then
  redis.call('XADD', KEYS[9], '*', 's', cjson.encode(told), 'w', ARGV[2])
end
if kept then
  redis.call('XTRIM', sent, 'MAXLEN', '~', keep_entries)
  redis.call('XTRIM', sent, 'MINID', '=', (now - keep_s * 1000) .. '-0')
  redis.call('EXPIRE', sent, keep_s)
end
return settled
