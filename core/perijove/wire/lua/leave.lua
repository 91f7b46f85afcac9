-- Forget a worker that leaves by itself, and emit its last event.
-- ARGV: worker, event
forget_worker(ARGV[1])
emit(ARGV[2])
