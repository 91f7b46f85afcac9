"""The viewers of one stream: each takes batches at its own pace, from a buffer with a limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

Batch = list[tuple[int, bytes]]

#: Bytes that may wait for a slow viewer, and batches.
BUFFER_BYTES = 4 * 1024 * 1024
BUFFER_BATCHES = 256


class Viewer:
    """One who follows a stream.

    Attributes
    ----------
    position : int
        The number of the last record it was given.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self._buffer: deque[tuple[Batch, int]] = deque()
        self._size = 0
        self._behind = False
        self._news = asyncio.Event()

    def start(self) -> None:
        """Begin with an empty buffer."""
        self._buffer.clear()
        self._size = 0
        self._behind = False

    def push(self, batch: Batch, size: int) -> None:
        """Buffer a batch; if the viewer is too slow for that, let go of all, as it will read them again."""
        if self._size + size > BUFFER_BYTES or len(self._buffer) >= BUFFER_BATCHES:
            self.fall_behind()
            return
        self._buffer.append((batch, size))
        self._size += size
        self._news.set()

    def fall_behind(self) -> None:
        """End `live`: the viewer has to read from where it stopped."""
        self._buffer.clear()
        self._size = 0
        self._behind = True
        self._news.set()

    async def live(self) -> AsyncGenerator[Batch, None]:
        """Iterate over what is pushed and new to this viewer, until it missed something."""
        while not self._behind:
            while self._buffer:
                batch, size = self._buffer.popleft()
                self._size -= size
                if batch[0][0] > self.position + 1:
                    return
                fresh = [record for record in batch if record[0] > self.position]
                if fresh:
                    self.position = fresh[-1][0]
                    yield fresh
            self._news.clear()
            if not self._behind:
                await self._news.wait()


class Stream:
    """One watched stream: who watches it, and how far it was read for all of them."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.viewers: set[Viewer] = set()

    def deliver(self, batch: Batch, size: int) -> None:
        """Give a batch to every viewer."""
        self.position = max(self.position, batch[-1][0])
        for viewer in self.viewers:
            viewer.push(batch, size)
