"""Follow records of the in-memory queue."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from perijove_scheduler.queue.memory.queue import MemoryQueue

_PAGE = 1000


class MemoryTail:
    """A `Tail` on a `MemoryQueue`."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue

    async def follow(
        self, group: str, execution: str, attempt: int, after: int
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """Iterate over batches of records after number `after`."""
        while True:
            batch = await self._queue.records(group, execution, attempt, after, _PAGE)
            if batch:
                after = batch[-1][0]
                yield batch
            else:
                await self._queue.signal.wait()

    async def aclose(self) -> None:
        """No reader runs."""
