-- Stands before every script. KEYS[1] is the group's prefix, pj:{group}: ; every other key is built from it, so that
-- it lies in the same slot and under the same ACL pattern.
local prefix = KEYS[1]
local QUEUE, WORKERS, IDLE, EVENTS = prefix .. 'queue', prefix .. 'workers', prefix .. 'idle', prefix .. 'events'

local function ticket_key(execution) return prefix .. 'ticket:' .. execution end
local function worker_key(worker) return prefix .. 'worker:' .. worker end
local function held_key(worker) return prefix .. 'held:' .. worker end
local function control_key(worker) return prefix .. 'ctl:' .. worker end

-- Milliseconds of Redis' own clock: the only one that leases are measured by.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Events are sealed by the worker whose they are: a script passes on what it is given, and makes none.
local function emit(worker, header, seal, document)
  return redis.call('XADD', EVENTS, '*', 'w', worker, 'h', header, 'm', seal, 'e', document)
end

local function tell(worker, message, length, seconds)
  redis.call('XADD', control_key(worker), 'MAXLEN', '~', length, '*', 'm', message)
  redis.call('EXPIRE', control_key(worker), seconds)
end

-- Drop a key that is of another type than it should be: a worker of the group made it so, and no script could use it.
-- For the master's scripts.
local function expect(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end

-- A ticket's hash as a table, or nil.
local function read_ticket(execution)
  local t = redis.call('HMGET', ticket_key(execution), 'attempt', 'state', 'worker', 'claimed')
  if not tonumber(t[1] or '') then return nil end
  return {attempt = tonumber(t[1]), state = t[2], worker = t[3] or '', claimed = tonumber(t[4] or 0)}
end

local function unqueue(execution) redis.call('LREM', QUEUE, 1, execution) end

local function release(execution, worker)
  if worker ~= '' then redis.call('HDEL', held_key(worker), execution) end
end

local function hold(execution, attempt, worker, now, lease)
  redis.call('HSET', ticket_key(execution), 'state', 'claimed', 'worker', worker, 'claimed', now, 'lease', now + lease)
  redis.call('HSET', held_key(worker), execution, attempt)
end

-- What is left in place of a ticket that nobody may run any more.
local function bury(execution, attempt, state, worker, lifetime)
  redis.call('DEL', ticket_key(execution))
  redis.call('HSET', ticket_key(execution), 'attempt', attempt, 'state', state, 'worker', worker)
  redis.call('PEXPIRE', ticket_key(execution), lifetime)
end

local function forget_worker(worker)
  redis.call('DEL', worker_key(worker), held_key(worker), control_key(worker))
  redis.call('ZREM', WORKERS, worker)
  redis.call('ZREM', IDLE, worker)
end

-- A full Redis refuses a script's first write where that needs memory, and no later one. What must not be refused (who
-- lives, who holds what, who is stopped, how it ended) writes what needs none before anything else: it deletes a key that
-- is never there. Records are refused.
local function even_when_full() redis.call('DEL', prefix) end
