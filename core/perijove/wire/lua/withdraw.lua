-- Take an offered attempt back. An attempt that is not there yet is refused when its offer comes.
-- ARGV: execution, attempt, lifetime of the tombstone (ms). Returns whether it was on offer.
even_when_full()
local execution, attempt = ARGV[1], tonumber(ARGV[2])
local t = read_ticket(execution)
if t and (t.attempt > attempt or (t.attempt == attempt and t.state ~= 'offered')) then return 0 end
if t and t.attempt < attempt and t.state == 'claimed' then return 0 end
unqueue(execution)
bury(execution, attempt, 'withdrawn', '', ARGV[3])
return t and t.attempt == attempt and 1 or 0
