-- The only way to change a visitor's consent record. Atomic, so that no withdrawal is lost between two writers.
-- The states and what leads from one to the next are written down in docs/consent-states.md.
-- KEYS: record, session, history (absent: none is kept), attribution (what brought the visitor; it stands on what is granted).
-- ARGV: signals stated (four of g, d, u, f; f: a grant that is doubted, which only fills in what is unknown), decided at
--   (Unix ms), source, gpc ("1" or ""), policy version, proof, seconds to keep, mode, interest ("1": statistics stand on
--   legitimate interest), when each signal was denied under an earlier id, or in the refusal cookie (four Unix ms, 0:
--   never); and for the history what else stands in its entry (a JSON object that begins with an id of its own), seconds
--   to keep it, most entries.
--   mode "decide": a decision with a time. mode "fill": a source without one, which may only fill in what is unknown.
--   mode "withdraw": everything is denied for good under this id.
-- Returns the state afterwards (four letters), "1" if it is a tombstone now, the store's time, that of the newest
--   decision, and the newest that a grant has claimed for itself (all Unix ms).
local names = { 'analytics_storage', 'ad_storage', 'ad_user_data', 'ad_personalization' }
local stated, decided, source, gpc, version, proof = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keep, mode, interest = tonumber(ARGV[7]), ARGV[8], ARGV[9]
local before = {}
for part in string.gmatch(ARGV[10], '%d+') do
  before[#before + 1] = tonumber(part)
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- No clock but the store's may put a decision into the future. What it claimed is remembered while that is ahead: the
-- same statement once more, after a denial, would else seem to be newer than the denial.
local claimed = math.min(decided, now + 300000)
decided = math.min(decided, now)
local type_of = redis.call('TYPE', KEYS[1])['ok']
if type_of ~= 'hash' and type_of ~= 'none' then
  redis.call('DEL', KEYS[1]) -- unreadable: nothing may be concluded from it, so nothing of it is kept
end
local old = redis.call('HMGET', KEYS[1], names[1], names[2], names[3], names[4], 'times', 'denied_at', 'decided_at', 'tombstone', 'gpc',
  'claimed', 'source', 'since')
local function numbers(text)
  local found = {}
  for part in string.gmatch(text or '', '%d+') do
    found[#found + 1] = tonumber(part)
  end
  return found
end
local times, denied, claims, since = numbers(old[5]), numbers(old[6]), numbers(old[10]), numbers(old[12])
local tombstone = old[8] == '1'
if mode == 'withdraw' then
  stated = 'dddd'
end
local granted_now, ads_now, ads_before, changed, state = false, false, false, false, {}
local was, raised, lowered = {}, false, false
for i = 1, 4 do
  local letter = string.sub(stated, i, i)
  local value = (old[i] == 'granted' or old[i] == 'denied') and old[i] or 'unknown'
  was[i] = value
  times[i] = times[i] or tonumber(old[7]) or 0
  claims[i] = claims[i] or 0
  since[i] = since[i] or (value == 'granted' and times[i]) or 0
  denied[i] = math.max(denied[i] or 0, before[i])
  if value == 'unknown' then
    times[i] = 0
  end
  if letter == 'd' and not (mode == 'fill' and value ~= 'unknown') then
    -- Each denial bears another mark than the one before, whatever the clock did: by that, entries know that it came.
    value, times[i], denied[i], changed = 'denied', math.max(times[i], decided), math.max(now, denied[i] + 1), true
  elseif (letter == 'g' or letter == 'f') and not tombstone then
    local later = letter == 'g' and claimed > claims[i]
    local newer = value == 'unknown' or (later and (mode == 'decide' and decided > times[i]))
    if newer then
      since[i] = value == 'granted' and since[i] or decided -- a grant that is only confirmed began when it was given
      value, times[i], granted_now, changed = 'granted', decided, true, true
      claims[i] = math.max(claims[i], claimed)
      ads_now = ads_now or i > 1
    end
    ads_before = ads_before or (i > 1 and not newer and value == 'granted')
  elseif i > 1 and value == 'granted' then
    ads_before = true
  end
  state[i] = value
  raised = raised or (value == 'granted' and was[i] ~= 'granted')
  lowered = lowered or (value == 'denied' and was[i] == 'granted')
end
local objection = interest ~= '1' or state[1] == 'denied' or (gpc == '1' and state[1] == 'unknown')
local basis = state[2] == 'granted' or state[1] == 'granted' or not objection
if mode == 'withdraw' or not basis then
  tombstone = true
end
local latest = math.max(times[1], times[2], times[3], times[4])
local ahead = math.max(latest, claims[1], claims[2], claims[3], claims[4])
local letters = { granted = 'g', denied = 'd', unknown = 'u' }
local function code(values)
  return letters[values[1]] .. letters[values[2]] .. letters[values[3]] .. letters[values[4]]
end
-- The history says what was decided, once for each decision; one that only confirms takes the place of the last such.
local function remember()
  local kind, before, after = 'confirmed', code(was), code(state)
  local ended = tombstone and old[8] ~= '1'
  if lowered or (ended and mode == 'withdraw') then
    kind = raised and 'changed' or 'withdrawn'
  elseif raised then
    kind = 'given'
  elseif before ~= after or ended then
    kind = 'refused'
  end
  if redis.call('TYPE', KEYS[3])['ok'] ~= 'list' then
    redis.call('DEL', KEYS[3])
  end
  local told = ',' .. string.sub(ARGV[11], 2)
  for _, one in ipairs(redis.call('LRANGE', KEYS[3], -3, -1)) do
    if string.sub(one, -#told) == told then
      return -- the same statement: its answer was lost, and it was sent again
    end
  end
  local entry = string.format('{"kind":"%s","before":"%s","after":"%s","time":%.0f%s', kind, before, after, now, told)
  local last = redis.call('LINDEX', KEYS[3], -1)
  if kind == 'confirmed' and last and string.sub(last, 1, 19) == '{"kind":"confirmed"' then
    redis.call('LSET', KEYS[3], -1, entry)
  else
    redis.call('RPUSH', KEYS[3], entry)
    redis.call('LTRIM', KEYS[3], -tonumber(ARGV[13]), -1)
  end
  redis.call('EXPIRE', KEYS[3], ARGV[12])
end
local erased = old[8] == '1' and old[11] == 'erased' -- nothing is ever added to what an erasure has left
if not erased and (changed or mode == 'withdraw' or (tombstone and old[8] ~= '1')) then
  -- A record stands "with GPC on" only if every ad signal granted in it was granted so; a denial does not change that.
  local with_gpc = old[9] or ''
  if ads_now then
    with_gpc = (gpc == '1' and (with_gpc == '1' or not ads_before)) and '1' or ''
  elseif granted_now and not ads_before then
    with_gpc = gpc
  end
  redis.call('HSET', KEYS[1], names[1], state[1], names[2], state[2], names[3], state[3], names[4], state[4],
    'source', source, 'decided_at', latest, 'gpc', with_gpc, 'policy_version', version, 'proof', proof,
    'times', table.concat(times, ','), 'denied_at', table.concat(denied, ','), 'tombstone', tombstone and '1' or '',
    'claimed', ahead > latest and table.concat(claims, ',') or '', 'since', table.concat(since, ','))
  redis.call('EXPIRE', KEYS[1], keep)
  if KEYS[3] and ARGV[11] and old[8] ~= '1' then -- under a tombstone there is nothing left to decide
    remember()
  end
end
if tombstone then
  redis.call('DEL', KEYS[2])
end
if KEYS[4] then
  if tombstone or state[1] == 'denied' or redis.call('TYPE', KEYS[4])['ok'] ~= 'hash' then
    redis.call('DEL', KEYS[4])
  else
    local first = { at = true, source = true, medium = true, campaign = true, host = true } -- the others are click ids
    local ads = state[2] == 'granted' and state[3] == 'granted'
    for _, field in ipairs(redis.call('HKEYS', KEYS[4])) do
      if (first[field] and state[1] ~= 'granted') or not (first[field] or ads) then
        redis.call('HDEL', KEYS[4], field)
      end
    end
  end
end
return { code(state), tombstone and '1' or '', now, latest, ahead }
