-- The only way to change a visitor's consent record. Atomic, so that no withdrawal is lost between two writers.
-- KEYS: record, session.
-- ARGV: signals stated (four of g, d, u), decided at (Unix ms), source, gpc ("1" or ""), policy version, proof,
--   seconds to keep, mode, interest ("1": statistics stand on legitimate interest).
--   when each signal was denied under an earlier id, or in the refusal cookie (four Unix ms, 0: never).
--   mode "decide": a decision with a time. mode "fill": a source without one, which may only fill in what is unknown.
--   mode "withdraw": everything is denied for good under this id.
-- Returns the state afterwards (four letters), "1" if it is a tombstone now, the store's time and that of the newest
--   decision (Unix ms).
local names = { 'analytics_storage', 'ad_storage', 'ad_user_data', 'ad_personalization' }
local stated, decided, source, gpc, version, proof = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keep, mode, interest = tonumber(ARGV[7]), ARGV[8], ARGV[9]
local before = {}
for part in string.gmatch(ARGV[10], '%d+') do
  before[#before + 1] = tonumber(part)
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
decided = math.min(decided, now) -- no clock but the store's may put a decision into the future
local type_of = redis.call('TYPE', KEYS[1])['ok']
if type_of ~= 'hash' and type_of ~= 'none' then
  redis.call('DEL', KEYS[1]) -- unreadable: nothing may be concluded from it, so nothing of it is kept
end
local old = redis.call('HMGET', KEYS[1], names[1], names[2], names[3], names[4], 'times', 'denied_at', 'decided_at', 'tombstone', 'gpc')
local function numbers(text)
  local found = {}
  for part in string.gmatch(text or '', '%d+') do
    found[#found + 1] = tonumber(part)
  end
  return found
end
local times, denied = numbers(old[5]), numbers(old[6])
local tombstone = old[8] == '1'
if mode == 'withdraw' then
  stated = 'dddd'
end
local granted_now, ads_now, ads_before, changed, state = false, false, false, false, {}
for i = 1, 4 do
  local letter = string.sub(stated, i, i)
  local value = (old[i] == 'granted' or old[i] == 'denied') and old[i] or 'unknown'
  times[i] = times[i] or tonumber(old[7]) or 0
  denied[i] = math.max(denied[i] or 0, before[i])
  if value == 'unknown' then
    times[i] = 0
  end
  if letter == 'd' and not (mode == 'fill' and value ~= 'unknown') then
    value, times[i], denied[i], changed = 'denied', math.max(times[i], decided), now, true
  elseif letter == 'g' and not tombstone then
    local newer = value == 'unknown' or (mode == 'decide' and decided > times[i])
    if newer then
      value, times[i], granted_now, changed = 'granted', decided, true, true
      ads_now = ads_now or i > 1
    end
    ads_before = ads_before or (i > 1 and not newer and value == 'granted')
  elseif i > 1 and value == 'granted' then
    ads_before = true
  end
  state[i] = value
end
local objection = interest ~= '1' or state[1] == 'denied' or (gpc == '1' and state[1] == 'unknown')
local basis = state[2] == 'granted' or state[1] == 'granted' or not objection
if mode == 'withdraw' or not basis then
  tombstone = true
end
local latest = math.max(times[1], times[2], times[3], times[4])
if changed or mode == 'withdraw' or (tombstone and old[8] ~= '1') then
  -- A record stands "with GPC on" only if every ad signal granted in it was granted so; a denial does not change that.
  local with_gpc = old[9] or ''
  if ads_now then
    with_gpc = (gpc == '1' and (with_gpc == '1' or not ads_before)) and '1' or ''
  elseif granted_now and not ads_before then
    with_gpc = gpc
  end
  redis.call('HSET', KEYS[1], names[1], state[1], names[2], state[2], names[3], state[3], names[4], state[4],
    'source', source, 'decided_at', latest, 'gpc', with_gpc, 'policy_version', version, 'proof', proof,
    'times', table.concat(times, ','), 'denied_at', table.concat(denied, ','), 'tombstone', tombstone and '1' or '')
  redis.call('EXPIRE', KEYS[1], keep)
end
if tombstone then
  redis.call('DEL', KEYS[2])
end
local letters = { granted = 'g', denied = 'd', unknown = 'u' }
return { letters[state[1]] .. letters[state[2]] .. letters[state[3]] .. letters[state[4]], tombstone and '1' or '', now, latest }
