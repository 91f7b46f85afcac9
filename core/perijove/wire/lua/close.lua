-- Drop an attempt's ticket and emit how it ended, unless the ticket is somebody else's by now.
-- ARGV: execution, attempt, worker, event. Returns the event's entry, or 0.
local execution, attempt, worker = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local t = read_ticket(execution)
local mine = t and t.attempt == attempt and t.state == 'claimed' and t.worker == worker
if t and not mine and (t.attempt > attempt or (t.attempt == attempt and t.state ~= 'offered')) then return 0 end

-- Redis was flushed, perhaps before the claim was applied: say first that it ran.
if not mine then emit_attempt('held', worker, execution, attempt) end
unqueue(execution)
if t then release(execution, t.worker) end
release(execution, worker)
redis.call('DEL', ticket_key(execution))
return emit(ARGV[4])
