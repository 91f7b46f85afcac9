"""The in-memory twin of the queue on Redis: the same contract tests run against both."""

from perijove_scheduler.queue.memory.agent import MemoryAgentWire
from perijove_scheduler.queue.memory.queue import MemoryQueue
from perijove_scheduler.queue.memory.state import ManualClock
from perijove_scheduler.queue.memory.tail import MemoryTail

__all__ = ["ManualClock", "MemoryAgentWire", "MemoryQueue", "MemoryTail"]
