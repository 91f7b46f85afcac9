-- Forget a worker that leaves by itself, and emit its last event.
-- ARGV: worker, and the event's header, seal and document
even_when_full()
forget_worker(ARGV[1])
emit(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
