-- Write a worker's hash and first renewal; its state is kept if it has one.
-- ARGV: worker, state, cpus, memory, gpus, version, host
even_when_full()
local worker = ARGV[1]
redis.call('HSETNX', worker_key(worker), 'state', ARGV[2])
redis.call('HSET', worker_key(worker), 'cpus', ARGV[3], 'memory', ARGV[4], 'gpus', ARGV[5],
  'version', ARGV[6], 'host', ARGV[7])
redis.call('ZADD', WORKERS, clock(), worker)
