-- Takes a group of events into one partition: dedupes, appends each forwarder's entry, counts. All or nothing.
-- A repeat of the same group (its answer was lost on the way) changes nothing and is answered as the first was.
-- KEYS: counts, this group's own key, the streams, the seen keys.
-- ARGV: dedupe seconds, most entries and most bytes of one outbox, number of streams, then per event:
--   number of its seen key (0: its id is ours, it cannot be a duplicate), site, number of forwarders, and per
--   forwarder: name, "decision|reason", number of its stream (0: dropped), entry.
-- Returns one character per event: 1 (taken) or 0 (duplicate).
local before = redis.call('GET', KEYS[2])
if before then
  return before
end
local counts, length, taken = {}, {}, {}
local most, most_bytes, streams = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- All that can fail (a key of another type) fails here, before anything is written: Redis takes nothing back.
redis.call('HLEN', KEYS[1])
for number = 1, streams do
  length[number] = redis.call('XLEN', KEYS[2 + number])
  -- The server's own estimate of the memory is near enough for a bound; below a thousand entries it cannot matter. It
  -- is asked for at every sixteenth length only, as it costs as much as the rest: the bound is overrun by 15 at most.
  if length[number] > 1000 and length[number] % 16 == 0 and redis.call('MEMORY', 'USAGE', KEYS[2 + number]) >= most_bytes then
    length[number] = most
  end
end
local function count(field)
  counts[field] = (counts[field] or 0) + 1
end
local at = 5
while ARGV[at] do
  local seen, site, forwarders = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local new = seen == 0 or redis.call('SET', KEYS[2 + streams + seen], '1', 'NX', 'EX', ARGV[1])
  count('r|' .. site)
  for _ = 1, forwarders do
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
      else
        if length[stream] >= most then
          count('o' .. who .. 'dropped|outbox_full')
        else
          redis.call('XADD', KEYS[2 + stream], '*', 'e', entry)
          length[stream] = length[stream] + 1
        end
      end
    end
  end
  taken[#taken + 1] = new and '1' or '0'
end
for field, n in pairs(counts) do
  redis.call('HINCRBY', KEYS[1], field, n)
end
local answer = table.concat(taken)
redis.call('SET', KEYS[2], answer, 'EX', 60)
return answer
