-- Return what scaling wants to know of every registered worker: {{worker, milliseconds since its renewal, state, how
-- much it holds}, …}.
expect(WORKERS, 'zset')
local now, found = clock(), {}
local renewals = redis.call('ZRANGE', WORKERS, 0, -1, 'WITHSCORES')
for i = 1, #renewals, 2 do
  local worker = renewals[i]
  expect(worker_key(worker), 'hash')
  expect(held_key(worker), 'hash')
  local state = redis.call('HGET', worker_key(worker), 'state')
  if state then
    found[#found + 1] = {worker, now - tonumber(renewals[i + 1]), state, redis.call('HLEN', held_key(worker))}
  end
end
return found
