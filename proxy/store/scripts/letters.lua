#!lua flags=allow-oom
-- Replaces dead letters by their cookieless form. How each had ended stays counted, and told, as it was.
-- KEYS: dead.
-- ARGV: seconds that dead letters are kept, then per letter: its id, its new entry, the vendor's words.
-- Returns how many were replaced by this call. Each is replaced once, whoever else may take it: only who deletes it adds.
local dead, keep = KEYS[1], tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local replaced = 0
for at = 2, #ARGV, 3 do
  local found = redis.call('XRANGE', dead, ARGV[at], ARGV[at])[1]
  if found and redis.call('XDEL', dead, ARGV[at]) == 1 then
    local fields = found[2]
    for field = 1, #fields, 2 do
      if fields[field] == 'e' then
        fields[field + 1] = ARGV[at + 1]
      elseif fields[field] == 'w' then
        fields[field + 1] = ARGV[at + 2]
      end
    end
    redis.call('XADD', dead, 'MINID', '=', (now - keep * 1000) .. '-0', '*', unpack(fields))
    redis.call('EXPIRE', dead, keep)
    replaced = replaced + 1
  end
end
return replaced
