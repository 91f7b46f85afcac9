-- Take the oldest ticket that fits what the worker has free, or mark the worker idle.
-- ARGV: worker, free cpus, free memory, free gpus, lease (ms), scan, passes
-- Returns {execution, attempt, ticket}, or false. The worker then says itself, sealed, that it claimed it.
even_when_full()
local worker, lease, scan, passes = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local free = {tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])}
local now = clock()

local me = redis.call('HMGET', worker_key(worker), 'state', 'cpus', 'memory', 'gpus')
if me[1] ~= 'active' then return false end
local capacity = {tonumber(me[2]), tonumber(me[3]), tonumber(me[4])}

local function fits(need, room) return need[1] <= room[1] and need[2] <= room[2] and need[3] <= room[3] end

local function take(execution, attempt, spec, passed)
  for _, older in ipairs(passed) do redis.call('HINCRBY', ticket_key(older), 'passed', 1) end
  unqueue(execution)
  redis.call('ZREM', IDLE, worker)
  hold(execution, attempt, worker, now, lease)
  return {execution, attempt, spec or ''}
end

local passed = {}
for _, execution in ipairs(redis.call('LRANGE', QUEUE, 0, scan - 1)) do
  local t = redis.call('HMGET', ticket_key(execution), 'attempt', 'state', 'cpus', 'memory', 'gpus', 'passed')
  if t[2] ~= 'offered' then
    unqueue(execution)
  else
    local need = {tonumber(t[3]), tonumber(t[4]), tonumber(t[5])}
    if fits(need, free) then
      return take(execution, t[1], redis.call('HGET', ticket_key(execution), 'spec'), passed)
    elseif fits(need, capacity) then
      -- It could run here once there is room. Passed over too often, it is waited for.
      if tonumber(t[6]) >= passes then break end
      passed[#passed + 1] = execution
    end
  end
end

redis.call('HSET', worker_key(worker), 'free_cpus', ARGV[2], 'free_memory', ARGV[3], 'free_gpus', ARGV[4])
redis.call('ZADD', IDLE, now, worker)
return false
