"""The event streams somebody follows now, so that a shutdown can end them politely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from perijove_hub.problems import TooMany

T = TypeVar("T")

#: Bytes that are read ahead for one viewer: enough to send much at once, little enough for a thousand who never read.
AHEAD = 256 * 1024


class Pump(Generic[T]):
    """Reads an async iterator ahead, so that what is ready can be sent as one batch.

    Parameters
    ----------
    source : async iterator
        Closed when the pump is.
    size_of : callable
        Returns the bytes of an item.
    ahead : int
        How many bytes may wait; a viewer slower than that holds only its own source up.
    """

    def __init__(self, source: AsyncIterator[T], size_of: Callable[[T], int], ahead: int = AHEAD) -> None:
        self._source = source
        self._size_of = size_of
        self._ahead = ahead
        self._items: list[T] = []
        self._size = 0
        self._error: Exception | None = None
        self._is_over = False
        self._is_stopped = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for item in self._source:
                self._items.append(item)
                self._size += self._size_of(item)
                self._news.set()
                if self._size >= self._ahead:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001 - it is raised again in the viewer, by `batches`
            self._error = error
        self._is_over = True
        self._news.set()

    def stop(self) -> None:
        """End `batches` soon; what is read but not yet sent is left to the viewer's next connection."""
        self._is_stopped = True
        self._news.set()

    async def batches(self, patience: float) -> AsyncIterator[list[T]]:
        """Iterate over what is ready, all of it at once; an empty list when nothing came for `patience` seconds."""
        while not await self._is_told(patience):
            yield self._take()
        if self._error is not None and not self._is_stopped:
            raise self._error

    async def _is_told(self, patience: float) -> bool:
        """Wait for news; return whether there will be none any more."""
        if not self._news.is_set():
            waiting = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait({waiting}, timeout=patience)
            finally:
                waiting.cancel()
        return self._is_stopped or (self._is_over and not self._items)

    def _take(self) -> list[T]:
        items, self._items, self._size = self._items, [], 0
        if not self._is_over:
            self._news.clear()
        self._room.set()
        return items

    async def aclose(self) -> None:
        """Stop reading and close the source."""
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class Viewers:
    """Every stream that is being followed.

    Parameters
    ----------
    most_each : int
        How many one user may follow at once.
    """

    def __init__(self, most_each: int = 500) -> None:
        self._most_each = most_each
        self._pumps: dict[Pump[Any], str] = {}
        self._leaving = False

    def __len__(self) -> int:
        return len(self._pumps)

    def check(self, user: str) -> None:
        """Raise `TooMany` if `user` follows as many streams as one may."""
        if sum(owner == user for owner in self._pumps.values()) >= self._most_each:
            raise TooMany(f"You follow {self._most_each} executions already, which is the most one user may.")

    def add(self, pump: Pump[Any], user: str = "") -> None:
        """Count a stream of `user` in; during a shutdown it ends at once."""
        self._pumps[pump] = user
        if self._leaving:
            pump.stop()

    def discard(self, pump: Pump[Any]) -> None:
        """Count a stream out."""
        self._pumps.pop(pump, None)

    def stop(self) -> None:
        """End every stream: viewers connect again and resume from the last number they saw."""
        self._leaving = True
        for pump in self._pumps:
            pump.stop()
