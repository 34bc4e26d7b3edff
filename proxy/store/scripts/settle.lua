-- Ends, parks or lowers entries of one outbox. Each is acted on once, whoever else may try: only who deletes it counts.
-- KEYS: stream, parked, tries, dead, asks, counts.
-- ARGV: group, "site|forwarder", seconds that dead letters are kept, then per entry an operation:
--   "end" id outcome|reason           settled
--   "bury" id outcome|reason words    settled, and kept as a dead letter
--   "park" id milliseconds tries      to be tried again later; adds to its earlier tries
--   "lower" id entry                  replaced by its cookieless form
--   "give" id                         given back at once, as if never claimed
--   "ask" reference milliseconds      something to be asked about later
--   "again" reference new milliseconds  the same, asked about once more under a new reference
--   "answer" reference count          the answer to it: so many were refused after having been taken
-- Returns how many entries were settled by this call.
local stream, parked, tries, dead, asks, counts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local group, who = ARGV[1], '|' .. ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local settled = 0
local function remove(id)
  redis.call('XACK', stream, group, id)
  redis.call('ZREM', parked, id)
  redis.call('HDEL', tries, id)
  return redis.call('XDEL', stream, id) == 1
end
local function count(outcome)
  redis.call('HINCRBY', counts, 'o' .. who .. '|' .. outcome, 1)
  if outcome == 'dropped|withdrawn' then
    redis.call('HINCRBY', counts, 'w' .. who, 1)
  end
  settled = settled + 1
end
local at = 4
while ARGV[at] do
  local op, id = ARGV[at], ARGV[at + 1]
  if op == 'end' then
    if remove(id) then
      count(ARGV[at + 2])
    end
    at = at + 3
  elseif op == 'bury' then
    local found = redis.call('XRANGE', stream, id, id)
    if remove(id) then
      redis.call('XADD', dead, 'MINID', '=', (now - tonumber(ARGV[3]) * 1000) .. '-0', '*',
        'e', found[1][2][2], 'o', ARGV[at + 2], 'w', ARGV[at + 3])
      redis.call('EXPIRE', dead, tonumber(ARGV[3]))
      count(ARGV[at + 2])
    end
    at = at + 4
  elseif op == 'park' then
    if #redis.call('XRANGE', stream, id, id) == 1 then
      redis.call('XACK', stream, group, id)
      redis.call('ZADD', parked, now + tonumber(ARGV[at + 2]), id)
      if ARGV[at + 3] ~= '0' then
        redis.call('HINCRBY', tries, id, ARGV[at + 3])
      end
    end
    at = at + 4
  elseif op == 'lower' then
    if remove(id) then
      redis.call('XADD', stream, '*', 'e', ARGV[at + 2])
      redis.call('HINCRBY', counts, 'w' .. who, 1)
    end
    at = at + 3
  elseif op == 'give' then
    if #redis.call('XRANGE', stream, id, id) == 1 then
      redis.call('XACK', stream, group, id)
      redis.call('ZADD', parked, now, id)
    end
    at = at + 2
  elseif op == 'ask' then
    redis.call('ZADD', asks, now + tonumber(ARGV[at + 2]), id)
    at = at + 3
  elseif op == 'again' then
    if redis.call('ZREM', asks, id) == 1 then
      redis.call('ZADD', asks, now + tonumber(ARGV[at + 3]), ARGV[at + 2])
    end
    at = at + 4
  else
    if redis.call('ZREM', asks, id) == 1 and tonumber(ARGV[at + 2]) > 0 then
      redis.call('HINCRBY', counts, 'l' .. who, ARGV[at + 2])
    end
    at = at + 3
  end
end
return settled
