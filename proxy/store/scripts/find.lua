#!lua flags=no-writes
-- Looks through a part of a stream for entries of some visitors. Writes nothing.
-- KEYS: stream, workers.
-- ARGV: first id, last id, how many to look at, group ("": nobody claims from it), milliseconds after which a silent
--   worker counts as dead, then the visitors.
-- Returns the id that was looked at last ("": there is no more), and per entry found: id, fields, "1" if a live worker
--   has it in hand.
-- An entry begins with {"m":..,"i":..,"v":"VISITOR", so its first "v" is the visitor, or it belongs to nobody.
local stream, workers = KEYS[1], KEYS[2]
local most, group, silence = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local wanted = {}
for at = 6, #ARGV do
  wanted[ARGV[at]] = true
end
local grouped = false
if group ~= '' and redis.call('EXISTS', stream) == 1 then
  for _, one in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    grouped = grouped or one[2] == group
  end
end
local function held(id)
  local claim = grouped and redis.call('XPENDING', stream, group, id, id, 1)[1]
  return claim and tonumber(redis.call('ZSCORE', workers, claim[2]) or 0) >= now - silence
end
local found = redis.call('XRANGE', stream, ARGV[1], ARGV[2], 'COUNT', most)
local reply = { #found == most and found[most][1] or '' }
for _, entry in ipairs(found) do
  local fields = entry[2]
  for at = 1, #fields, 2 do
    if fields[at] == 'e' and wanted[string.match(fields[at + 1], '"v":"([^"]*)"') or ''] then
      reply[#reply + 1] = { entry[1], fields, held(entry[1]) and '1' or '' }
      break
    end
  end
end
return reply
