-- Offer an attempt, unless the same or a later one stands, and wake an idle worker that has room for it.
-- ARGV: execution, attempt, ticket, cpus, memory, gpus, lease (ms), scan, wake message, control length, control seconds
even_when_full()
local execution, attempt = ARGV[1], tonumber(ARGV[2])
local cpus, memory, gpus = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

expect(QUEUE, 'list')
expect(IDLE, 'zset')
expect(ticket_key(execution), 'hash')
local old = read_ticket(execution)
if old then
  if old.attempt > attempt or (old.attempt == attempt and old.state ~= 'forgotten') then return 0 end
  unqueue(execution)
  release(execution, old.worker)
  redis.call('DEL', ticket_key(execution))
end
redis.call('HSET', ticket_key(execution), 'attempt', attempt, 'state', 'offered', 'spec', ARGV[3],
  'cpus', ARGV[4], 'memory', ARGV[5], 'gpus', ARGV[6], 'passed', 0)
redis.call('RPUSH', QUEUE, execution)

-- The one that became idle last: its caches are warm, and the others may idle out. One that is silent is passed over.
local oldest = clock() - tonumber(ARGV[7])
for _, worker in ipairs(redis.call('ZREVRANGE', IDLE, 0, tonumber(ARGV[8]) - 1)) do
  local renewed = tonumber(redis.call('ZSCORE', WORKERS, worker) or 0)
  local said = redis.call('HMGET', worker_key(worker), 'free_cpus', 'free_memory', 'free_gpus')
  local free = {tonumber(said[1] or ''), tonumber(said[2] or ''), tonumber(said[3] or '')}
  if #free < 3 then
    redis.call('ZREM', IDLE, worker)
  elseif renewed > oldest and cpus <= free[1] and memory <= free[2] and gpus <= free[3] then
    redis.call('ZREM', IDLE, worker)
    tell(worker, ARGV[9], ARGV[10], ARGV[11])
    break
  end
end
return 1
