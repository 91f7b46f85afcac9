-- Renew a worker and the tickets it names; take back those Redis lost, and find those the worker does not know of.
-- ARGV: worker, lease (ms), orphan age (ms), state, cpus, memory, gpus, version, host, then for each attempt it names:
-- execution, attempt, and the header, seal and document of the event that says that it is held.
-- Returns {draining, {superseded executions}, {forgotten executions}, {execution, attempt and ticket of each orphan},
-- when this worker's hash was made, the oldest event nobody has applied yet}.
even_when_full()
local worker, lease, orphan_age = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = clock()
local superseded, forgotten, orphans, named = {}, {}, {}, {}

if redis.call('EXISTS', worker_key(worker)) == 0 then
  redis.call('HSET', worker_key(worker), 'state', ARGV[4], 'cpus', ARGV[5], 'memory', ARGV[6], 'gpus', ARGV[7],
    'version', ARGV[8], 'host', ARGV[9])
end
redis.call('ZADD', WORKERS, now, worker)
local time = redis.call('TIME')
redis.call('HSETNX', worker_key(worker), 'born', time[1] .. '.' .. time[2])

local function restore(execution, attempt, old, i)
  unqueue(execution)
  if old and old.attempt < attempt then redis.call('DEL', ticket_key(execution)) end
  redis.call('HSET', ticket_key(execution), 'attempt', attempt)
  redis.call('PERSIST', ticket_key(execution))
  hold(execution, attempt, worker, now, lease)
  emit(worker, ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end

for i = 10, #ARGV, 5 do
  local execution, attempt = ARGV[i], tonumber(ARGV[i + 1])
  local t = read_ticket(execution)
  named[execution] = true
  if not t or t.attempt < attempt or (t.attempt == attempt and t.state == 'offered') then
    restore(execution, attempt, t, i)
    forgotten[#forgotten + 1] = execution
  elseif t.attempt == attempt and t.state == 'claimed' and t.worker == worker then
    redis.call('HSET', ticket_key(execution), 'lease', now + lease)
    redis.call('HSET', held_key(worker), execution, attempt)
  else
    if tonumber(redis.call('HGET', held_key(worker), execution) or -1) == attempt then release(execution, worker) end
    superseded[#superseded + 1] = execution
  end
end

local function orphan(execution, attempt)
  local t = read_ticket(execution)
  if not t or t.state ~= 'claimed' or t.attempt ~= attempt or t.worker ~= worker then
    return release(execution, worker)
  end
  if now - t.claimed <= orphan_age then return end
  -- Without a ticket, which a flush took from a worker that was restarted, only another attempt can help: it says so.
  orphans[#orphans + 1] = {execution, attempt, redis.call('HGET', ticket_key(execution), 'spec') or ''}
end

local held = redis.call('HGETALL', held_key(worker))
for i = 1, #held, 2 do
  if not named[held[i]] then orphan(held[i], tonumber(held[i + 1])) end
end

local draining = redis.call('HGET', worker_key(worker), 'state') ~= 'active'
local oldest = redis.call('XRANGE', EVENTS, '-', '+', 'COUNT', 1)
return {draining and 1 or 0, superseded, forgotten, orphans, redis.call('HGET', worker_key(worker), 'born'),
  oldest[1] and oldest[1][1] or ''}
