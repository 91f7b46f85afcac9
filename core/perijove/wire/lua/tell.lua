-- Append a control message to a worker's stream.
-- ARGV: worker, message, control length, control seconds
even_when_full()
tell(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
