-- Drop a ticket of this or an older attempt, whoever holds it; the holder learns so at its next renewal. One that was
-- withdrawn may be offered again from now on; one that ended may not, and is forgotten when no offer can be under way.
-- ARGV: execution, attempt, lifetime of the tombstone (ms), and that of one that ended
even_when_full()
local execution = ARGV[1]
local t = read_ticket(execution)
if not t or t.attempt > tonumber(ARGV[2]) or t.state == 'forgotten' then return end
if t.state == 'ended' then return redis.call('PEXPIRE', ticket_key(execution), ARGV[4]) end
unqueue(execution)
release(execution, t.worker)
bury(execution, t.attempt, 'forgotten', t.worker, ARGV[3])
