-- Moves dead letters back to the end of their outbox, and takes back how they had ended: they are pending again.
-- KEYS: dead, stream, counts.
-- ARGV: "site|forwarder", then ids of dead letters.
-- Returns how many were moved by this call. Each is moved once, whoever else may try: only who deletes it counts.
local dead, stream, counts = KEYS[1], KEYS[2], KEYS[3]
local ended = 'o|' .. ARGV[1] .. '|'
-- What can fail (a key of another type) fails here, before anything is written.
redis.call('XLEN', stream)
redis.call('HLEN', counts)
local moved = 0
for at = 2, #ARGV do
  local found = redis.call('XRANGE', dead, ARGV[at], ARGV[at])[1]
  if found then
    local letter = {}
    for field = 1, #found[2], 2 do
      letter[found[2][field]] = found[2][field + 1]
    end
    if letter.e and letter.o and redis.call('XDEL', dead, ARGV[at]) == 1 then
      redis.call('XADD', stream, '*', 'e', letter.e)
      redis.call('HINCRBY', counts, ended .. letter.o, -1)
      moved = moved + 1
    end
  end
end
return moved
