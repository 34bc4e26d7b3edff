-- Takes a group of events into one partition: dedupes, appends each forwarder's entry, counts. All or nothing.
-- A repeat of the same group (its answer was lost on the way) changes nothing and is answered as the first was.
-- KEYS: counts, this group's own key, then seen keys and streams, as the arguments name them by number.
-- ARGV: dedupe seconds, most entries of one outbox, then per event:
--   number of its seen key (0: its id is ours, it cannot be a duplicate), site, number of forwarders, and per
--   forwarder: name, "decision|reason", number of its stream (0: dropped), entry.
-- Returns one character per event: 1 (taken) or 0 (duplicate).
local before = redis.call('GET', KEYS[2])
if before then
  return before
end
local counts, length, taken = {}, {}, {}
local function count(field)
  counts[field] = (counts[field] or 0) + 1
end
local most = tonumber(ARGV[2])
local at = 3
while ARGV[at] do
  local seen, site, forwarders = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local new = seen == 0 or redis.call('SET', KEYS[seen], '1', 'NX', 'EX', ARGV[1])
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
        local key = KEYS[stream]
        length[key] = length[key] or redis.call('XLEN', key)
        if length[key] >= most then
          count('o' .. who .. 'dropped|outbox_full')
        else
          redis.call('XADD', key, '*', 'e', entry)
          length[key] = length[key] + 1
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
