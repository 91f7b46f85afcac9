-- End an attempt and emit how, unless the ticket is somebody else's by now. That it ended stays known for a while: an offer
-- of it that was under way, or is made while the event waits to be applied, comes too late.
-- ARGV: execution, attempt, worker, the event's header, seal and document, and the lifetime of the tombstone (ms).
-- Returns the event's entry, or 0. A worker that ends it once more gets the same entry while that waits to be applied;
-- afterwards it is asked by a master that does not know how the attempt ended, and the event is emitted again.
even_when_full()
local execution, attempt, worker = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local t = read_ticket(execution)
local mine = t and t.attempt == attempt and t.worker == worker and (t.state == 'claimed' or t.state == 'ended')
if mine and t.state == 'ended' then
  local entry = redis.call('HGET', ticket_key(execution), 'entry')
  if entry and #redis.call('XRANGE', EVENTS, entry, entry) > 0 then return entry end
end
if t and not mine and (t.attempt > attempt or (t.attempt == attempt and t.state ~= 'offered')) then return 0 end

-- What another worker holds by its own hash is its own to clear up: it finds the ticket gone when it renews.
unqueue(execution)
release(execution, worker)
local entry = emit(worker, ARGV[4], ARGV[5], ARGV[6])
bury(execution, attempt, 'ended', worker, ARGV[7])
redis.call('HSET', ticket_key(execution), 'entry', entry)
return entry
