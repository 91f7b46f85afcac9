-- Append events to the group's stream, also where Redis is full: some of them are what makes room in it.
-- ARGV: of each event the worker, and its header, seal and document
even_when_full()
for i = 1, #ARGV, 4 do emit(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
