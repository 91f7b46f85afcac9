-- Forget a worker that is lost or gone, with its control stream and what it held.
-- ARGV: worker
even_when_full()
forget_worker(ARGV[1])
