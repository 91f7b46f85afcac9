-- Drop an attempt's ticket and emit how it ended, unless the ticket is somebody else's by now.
-- ARGV: execution, attempt, worker, and the event's header, seal and document. Returns the event's entry, or 0.
even_when_full()
local execution, attempt, worker = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local t = read_ticket(execution)
local mine = t and t.attempt == attempt and t.state == 'claimed' and t.worker == worker
if t and not mine and (t.attempt > attempt or (t.attempt == attempt and t.state ~= 'offered')) then return 0 end

-- What another worker holds by its own hash is its own to clear up: it finds the ticket gone when it renews.
unqueue(execution)
release(execution, worker)
redis.call('DEL', ticket_key(execution))
return emit(worker, ARGV[4], ARGV[5], ARGV[6])
