-- Fence a worker against further claims and tell it to drain. Only-idle leaves one that holds anything alone.
-- ARGV: worker, only idle (0, 1), drain message, control length, control seconds. Returns whether it is fenced.
even_when_full()
local worker = ARGV[1]
if redis.call('EXISTS', worker_key(worker)) == 0 then return 0 end
if ARGV[2] == '1' and redis.call('HLEN', held_key(worker)) > 0 then return 0 end
redis.call('HSET', worker_key(worker), 'state', ARGV[2] == '1' and 'fenced' or 'draining')
redis.call('ZREM', IDLE, worker)
tell(worker, ARGV[3], ARGV[4], ARGV[5])
return 1
