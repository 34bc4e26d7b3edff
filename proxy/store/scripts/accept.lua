#!lua
-- Takes a group of events into one partition: dedupes, appends each forwarder's entry, counts. All or nothing.
-- A repeat of the same group (its answer was lost on the way) changes nothing and is answered as the first was.
-- Refused at the bound of the store's memory, before anything is written.
-- KEYS: counts, this group's own key, the streams, the seen keys, for each day, site and name of conversions its report
--   and its campaigns, the trail.
-- ARGV: dedupe seconds, most entries and most bytes of one outbox, number of streams, "1" to refuse what an outbox cannot
--   hold ("": count it as outbox_full), "1" to look at the outboxes' bytes, what the audit trail is to say of all events
--   ("": nothing), seconds to keep a report, most campaigns in one, number of reports, number of shapes, then per shape
--   its site, number of forwarders, and per forwarder: name, "decision|reason", number of its stream (0: dropped). Many
--   events of a group have the same shape. Then per request the number of its events, and per event: number of its seen
--   key (0: its id is ours, it cannot be a duplicate), number of its shape, what its report is told ("": it is no
--   conversion; else lines, see below), and an entry for each forwarder of its shape that has a stream.
-- The lines: number of the report, name, campaign, clicks, currency, thousandths ("": none), then fields to add one to.
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
-- What is to be added to the reports and to their campaigns, by their number.
local keep, most_campaigns, reports = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local sums, rows, add, convert
if reports > 0 then
  sums, rows = {}, {}
  add = function(number, field, n)
    sums[number] = sums[number] or {}
    sums[number][field] = (sums[number][field] or 0) + n
  end
  -- Counts a conversion, or that it came once more; returns the number of its report, and its name.
  convert = function(text, new)
    local lines = {}
    for line in string.gmatch(text, '([^\n]*)\n') do
      lines[#lines + 1] = line
    end
    local number, event, campaign = tonumber(lines[1]), lines[2], lines[3]
    if not new then
      add(number, 'x|' .. event, 1)
      return number, event
    end
    add(number, 'n|' .. event, 1)
    rows[number] = rows[number] or {}
    local row = rows[number][campaign] or { n = 0, clicks = 0, money = {} }
    rows[number][campaign] = row
    row.n, row.clicks = row.n + 1, row.clicks + tonumber(lines[4])
    if lines[6] ~= '' then
      add(number, 'v|' .. event .. '|' .. lines[5], tonumber(lines[6]))
      row.money[lines[5]] = (row.money[lines[5]] or 0) + tonumber(lines[6])
    end
    for at = 7, #lines do
      add(number, lines[at], 1)
    end
    return number, event
  end
end
local function fits(stream, entries, size)
  return length[stream] + entries <= most and bytes[stream] + size <= most_bytes
end
local function count(field, n)
  if n > 0 then
    counts[field] = (counts[field] or 0) + n
  end
end
-- The shapes, each with how many of its events were new and how many came again.
local shapes, at = {}, 12
for number = 1, tonumber(ARGV[11]) do
  local shape = { site = ARGV[at], new = 0, again = 0, entries = 0 }
  for place = 1, tonumber(ARGV[at + 1]) do
    local part = at + 3 * place - 1
    shape[place] = { name = ARGV[part], decided = ARGV[part + 1], stream = tonumber(ARGV[part + 2]) }
    shape.entries = shape.entries + (shape[place].stream > 0 and 1 or 0)
  end
  shapes[number], at = shape, at + 2 + 3 * #shape
end
-- Tells whether the outboxes have room for a request of so many events; a duplicate needs none.
local function has_room(at, events)
  local entries, size = {}, {}
  for _ = 1, events do
    local seen, shape = tonumber(ARGV[at]), shapes[tonumber(ARGV[at + 1])]
    at = at + 3
    local new = seen == 0 or redis.call('EXISTS', KEYS[2 + streams + seen]) == 0
    for place = 1, #shape do
      local stream = shape[place].stream
      if stream > 0 then
        if new then
          entries[stream] = (entries[stream] or 0) + 1
          size[stream] = (size[stream] or 0) + #ARGV[at]
        end
        at = at + 1
      end
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
  local seen, shape, told = tonumber(ARGV[at]), shapes[tonumber(ARGV[at + 1])], ARGV[at + 2]
  at = at + 3
  local new = seen == 0 or redis.call('SET', KEYS[2 + streams + seen], '1', 'NX', 'EX', ARGV[1])
  local number, event
  if told ~= '' then
    number, event = convert(told, new)
  end
  shape.new, shape.again = shape.new + (new and 1 or 0), shape.again + (new and 0 or 1)
  for place = 1, #shape do
    local part = shape[place]
    local stream = part.stream
    if number then
      add(number, 'd|' .. event .. '|' .. part.name .. '|' .. (new and part.decided or 'drop|duplicate'), 1)
    end
    if stream > 0 then
      local entry = ARGV[at]
      at = at + 1
      if new and fits(stream, 1, #entry) then
        redis.call('XADD', KEYS[2 + stream], '*', 'e', entry)
        length[stream] = length[stream] + 1
        bytes[stream] = bytes[stream] + #entry
      elseif new then
        count('o|' .. shape.site .. '|' .. part.name .. '|dropped|outbox_full', 1)
        if number then
          add(number, 'o|' .. event .. '|' .. part.name .. '|dropped|outbox_full', 1)
        end
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
  return at + 3 + shapes[tonumber(ARGV[at + 1])].entries
end
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
for _, shape in ipairs(shapes) do
  count('r|' .. shape.site, shape.new + shape.again)
  for _, part in ipairs(shape) do
    local who = '|' .. shape.site .. '|' .. part.name
    count('f' .. who, shape.new + shape.again)
    count('d' .. who .. '|' .. part.decided, shape.new)
    if part.stream == 0 then
      count('o' .. who .. '|dropped|' .. string.match(part.decided, '|(.*)$'), shape.new)
    end
    count('d' .. who .. '|drop|duplicate', shape.again)
    count('o' .. who .. '|dropped|duplicate', shape.again)
  end
end
for field, n in pairs(counts) do
  redis.call('HINCRBY', KEYS[1], field, n)
end
if reports > 0 then
  -- A campaign is a field: conversions, clicks, then currency and thousandths for each currency. There are so many at most;
  -- when they are full, the smaller half of them goes into the field of all others, so that the large ones stay, whatever a
  -- stranger invents, and every sum stays what it is. So does what is in too many currencies.
  local OTHER, NONE, MOST_CURRENCIES, LARGEST_SUM = '*', '\31\31', 8, 9e15
  local function read_row(text)
    local row, name = { n = 0, clicks = 0, money = {}, currencies = 0 }, nil
    for word in string.gmatch(text or '', '[^ ]+') do
      if not row.begun then
        row.begun, row.n = 1, tonumber(word)
      elseif row.begun == 1 then
        row.begun, row.clicks = 2, tonumber(word)
      elseif not name then
        name = word
      else
        row.money[name], row.currencies, name = tonumber(word), row.currencies + 1, nil
      end
    end
    return row
  end
  local function write_row(row)
    local parts = { string.format('%.0f %.0f', row.n, row.clicks) }
    for currency, sum in pairs(row.money) do
      parts[#parts + 1] = string.format('%s %.0f', currency, sum)
    end
    return table.concat(parts, ' ')
  end
  -- Adds one row to another; returns what is left because there are too many currencies, or nothing.
  local function join(row, more, most_currencies)
    local left
    row.n, row.clicks = row.n + more.n, row.clicks + more.clicks
    for currency, sum in pairs(more.money) do
      if not row.money[currency] and row.currencies >= most_currencies then
        left = left or { n = 0, clicks = 0, money = {} }
        left.money[currency] = sum
      else
        row.currencies = row.currencies + (row.money[currency] and 0 or 1)
        row.money[currency] = math.max(-LARGEST_SUM, math.min(LARGEST_SUM, (row.money[currency] or 0) + sum))
      end
    end
    return left
  end
  local function make_room(key)
    local all, found, gone = redis.call('HGETALL', key), {}, {}
    local other = read_row(redis.call('HGET', key, OTHER))
    for place = 1, #all, 2 do
      if all[place] ~= OTHER and all[place] ~= NONE then
        found[#found + 1] = { all[place], read_row(all[place + 1]) }
      end
    end
    table.sort(found, function(one, two)
      return one[2].n < two[2].n or (one[2].n == two[2].n and one[1] < two[1])
    end)
    for place = 1, math.ceil(#found / 2) do
      join(other, found[place][2], math.huge)
      gone[place] = found[place][1]
    end
    redis.call('HSET', key, OTHER, write_row(other))
    redis.call('HDEL', key, unpack(gone))
  end
  local function enter(key, campaign, more)
    local text = redis.call('HGET', key, campaign)
    if not text and campaign ~= OTHER and redis.call('HLEN', key) >= most_campaigns then
      make_room(key)
    end
    local row = read_row(text)
    local left = join(row, more, campaign == OTHER and math.huge or MOST_CURRENCIES)
    redis.call('HSET', key, campaign, write_row(row))
    if left then
      enter(key, OTHER, left)
    end
  end
  -- Nothing that is wrong with a report (a key of another type, a sum at its end) may cost anybody an event.
  for number, fields in pairs(sums) do
    local place = #KEYS - 2 * reports + 2 * (number - 1)
    for field, n in pairs(fields) do
      redis.pcall('HINCRBY', KEYS[place], field, string.format('%.0f', n))
    end
    redis.pcall('EXPIRE', KEYS[place], keep)
    for campaign, more in pairs(rows[number] or {}) do
      pcall(enter, KEYS[place + 1], campaign, more)
    end
    redis.pcall('EXPIRE', KEYS[place + 1], keep)
  end
end
taken[#taken + 1] = full and '!' or '.'
local answer = table.concat(taken)
if ARGV[7] ~= '' and string.find(answer, '[01]') then
  redis.call('XADD', KEYS[#KEYS], '*', 'a', ARGV[7], 'm', answer, 'x', table.concat(too_full, ','))
end
redis.call('SET', KEYS[2], answer, 'EX', 60)
return answer
