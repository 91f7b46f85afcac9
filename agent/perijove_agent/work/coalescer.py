"""Joins small pieces of text: a program that prints much costs few records, and one that prints little no delay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")

#: Seconds within which pieces are joined.
WINDOW = 0.02
#: Characters a joined piece may have.
LIMIT = 32 * 1024


class Coalescer(Generic[Key]):
    """Joins successive pieces with the same key; pieces of different keys keep their order.

    The first piece after a pause is passed on at once; those that follow within `window` seconds travel together.

    Parameters
    ----------
    emit : callable
        Takes a key and text, in order, one call at a time.
    window : float
        Seconds a piece may wait for others.
    limit : int
        Characters after which it waits no longer; longer pieces are cut.
    """

    def __init__(self, emit: Callable[[Key, str], Awaitable[None]], window: float = WINDOW, limit: int = LIMIT) -> None:
        self._emit = emit
        self._window = window
        self._limit = limit
        self._pending: list[tuple[Key, list[str]]] = []
        self._length = 0
        self._emitted = 0.0
        self._order = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    async def put(self, key: Key, text: str) -> None:
        """Take a piece of text; returns late when records cannot be written as fast."""
        if not text:
            return
        if self._pending and self._pending[-1][0] == key:
            self._pending[-1][1].append(text)
        else:
            self._pending.append((key, [text]))
        self._length += len(text)
        if self._length >= self._limit or time.monotonic() - self._emitted >= self._window:
            await self.flush()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._flush_later())

    async def flush(self) -> None:
        """Pass on all that waits."""
        async with self._order:
            pending, self._pending, self._length = self._pending, [], 0
            for key, pieces in pending:
                text = "".join(pieces)
                for start in range(0, len(text), self._limit):
                    await self._emit(key, text[start : start + self._limit])
            self._emitted = time.monotonic()

    async def aclose(self) -> None:
        """Pass on all that waits, and end."""
        if self._timer is not None:
            async with self._order:  # never while it passes something on, which would be lost
                self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
        await self.flush()

    async def _flush_later(self) -> None:
        await asyncio.sleep(self._window)
        await self.flush()
