-- Append records to an attempt's stream: those it does not have yet, unless that would leave a gap.
-- Records up to `covered` lie in the object store: a stream that holds less was lost, and goes on from there.
-- ARGV: execution, attempt, first, last, lines joined by newlines, covered. Returns the number of the stream's last record.
local key = prefix .. 'log:' .. ARGV[1] .. ':' .. ARGV[2]
local first, last, lines = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]

local have = 0
local tail = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
if tail[1] then have = tonumber(string.match(tail[1][1], '^%d+')) end
local covered = tonumber(ARGV[6])
if have < covered then
  redis.call('DEL', key)
  have = covered
end
if first > have + 1 or last <= have then return have end

local start = 1
for _ = first, have do start = string.find(lines, '\n', start, true) + 1 end
redis.call('XADD', key, ARGV[4] .. '-0', 'r', start == 1 and lines or string.sub(lines, start))
return last
