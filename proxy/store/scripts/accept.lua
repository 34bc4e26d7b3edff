#!lua
-- Takes a group of events into one partition: dedupes, appends each forwarder's entry, counts. All or nothing.
-- A repeat of the same group (its answer was lost on the way) changes nothing and is answered as the first was.
-- Refused at the bound of the store's memory, before anything is written.
-- KEYS: counts, this group's own key, the streams, the seen keys, the trail.
-- ARGV: dedupe seconds, most entries and most bytes of one outbox, number of streams, "1" to refuse what an outbox cannot
--   hold ("": count it as outbox_full), "1" to look at the outboxes' bytes, what the audit trail is to say of all events
--   ("": nothing), then per request the number of its events, and per event:
--   number of its seen key (0: its id is ours, it cannot be a duplicate), site, number of forwarders, and per
--   forwarder: name, "decision|reason", number of its stream (0: dropped), entry.
-- Returns one character per event: 1 (taken), 0 (duplicate) or 2 (refused, with all events of its request); and a last
--   one, "!" if an outbox was full, else ".".
local before = redis.call('GET', KEYS[2])
if before then
  return before
end
local counts, length, bytes, taken, full = {}, {}, {}, {}, false
local too_full = {}
local most, most_bytes, streams = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local refuse, weigh = ARGV[5] == '1', ARGV[6] == '1'
-- No entry is larger. A stream so short that it cannot have reached the bound is not asked for its bytes.
local LARGEST = 262144
-- All that can fail (a key of another type) fails here, before anything is written: Redis takes nothing back.
redis.call('HLEN', KEYS[1])
redis.call('XLEN', KEYS[#KEYS])
for number = 1, streams do
  length[number], bytes[number] = redis.call('XLEN', KEYS[2 + number]), 0
  -- The server's own estimate of the memory is near enough for a bound. It costs as much as the rest, so the caller says
  -- when to look: not for every event, but every few, and each time while something is full.
  if weigh and length[number] * LARGEST > most_bytes then
    bytes[number] = redis.call('MEMORY', 'USAGE', KEYS[2 + number])
  end
end
local function fits(stream, entries, size)
  return length[stream] + entries <= most and bytes[stream] + size <= most_bytes
end
local function count(field)
  counts[field] = (counts[field] or 0) + 1
end
-- Tells whether the outboxes have room for a request of so many events; a duplicate needs none.
local function has_room(at, events)
  local entries, size = {}, {}
  for _ = 1, events do
    local seen, forwarders = tonumber(ARGV[at]), tonumber(ARGV[at + 2])
    at = at + 3
    local new = seen == 0 or redis.call('EXISTS', KEYS[2 + streams + seen]) == 0
    for _ = 1, forwarders do
      local stream = tonumber(ARGV[at + 2])
      if new and stream > 0 then
        entries[stream] = (entries[stream] or 0) + 1
        size[stream] = (size[stream] or 0) + #ARGV[at + 3]
      end
      at = at + 4
    end
  end
  for stream, number in pairs(entries) do
    if not fits(stream, number, size[stream]) then
      return false
    end
  end
  return true
end
local function take(at)
  local seen, site, forwarders = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local new = seen == 0 or redis.call('SET', KEYS[2 + streams + seen], '1', 'NX', 'EX', ARGV[1])
  count('r|' .. site)
  for place = 1, forwarders do
    local name, decided, stream, entry = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
    at = at + 4
    local who = '|' .. site .. '|' .. name .. '|'
    count('f|' .. site .. '|' .. name)
    if not new then
      count('d' .. who .. 'drop|duplicate')
      count('o' .. who .. 'dropped|duplicate')
    else
      count('d' .. who .. decided)
      if stream == 0 then
        count('o' .. who .. 'dropped|' .. string.match(decided, '|(.*)$'))
      elseif fits(stream, 1, #entry) then
        redis.call('XADD', KEYS[2 + stream], '*', 'e', entry)
        length[stream] = length[stream] + 1
        bytes[stream] = bytes[stream] + #entry
      else
        count('o' .. who .. 'dropped|outbox_full')
        too_full[#too_full + 1] = (#taken + 1) .. ':' .. place
        full = true
      end
    end
  end
  taken[#taken + 1] = new and '1' or '0'
  return at
end
local function skip(at)
  taken[#taken + 1] = '2'
  return at + 3 + 4 * tonumber(ARGV[at + 2])
end
local at = 8
while ARGV[at] do
  local events = tonumber(ARGV[at])
  at = at + 1
  local act = take
  if refuse and not has_room(at, events) then
    act, full = skip, true
  end
  for _ = 1, events do
    at = act(at)
  end
end
for field, n in pairs(counts) do
  redis.call('HINCRBY', KEYS[1], field, n)
end
taken[#taken + 1] = full and '!' or '.'
local answer = table.concat(taken)
if ARGV[7] ~= '' and string.find(answer, '[01]') then
  redis.call('XADD', KEYS[#KEYS], '*', 'a', ARGV[7], 'm', answer, 'x', table.concat(too_full, ','))
end
redis.call('SET', KEYS[2], answer, 'EX', 60)
return answer
