"""The event streams somebody follows now, so that a shutdown can end them politely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from perijove_hub.problems import TooMany

T = TypeVar("T")


class Pump(Generic[T]):
    """Reads an async iterator ahead into a bounded queue, so that what is ready can be sent as one batch.

    Parameters
    ----------
    source : async iterator
        Closed when the pump is.
    ahead : int
        How many items may wait; a viewer slower than that holds only its own source up.
    """

    def __init__(self, source: AsyncIterator[T], ahead: int = 1000) -> None:
        self._source = source
        self._items: asyncio.Queue[T | BaseException | None] = asyncio.Queue(ahead)
        self._stopped = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for item in self._source:
                await self._items.put(item)
            await self._items.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised again in the viewer, by `batches`
            await self._items.put(error)

    def stop(self) -> None:
        """End `batches` soon; what is read but not yet sent is left to the viewer's next connection."""
        self._stopped.set()

    async def batches(self, patience: float) -> AsyncIterator[list[T]]:
        """Iterate over what is ready, all of it at once; an empty list when nothing came for `patience` seconds."""
        stopped = asyncio.create_task(self._stopped.wait())
        first = asyncio.create_task(self._items.get())
        try:
            while not stopped.done():
                await asyncio.wait({first, stopped}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not first.done():
                    if not stopped.done():
                        yield []
                    continue
                batch, ended = self._ready(first.result())
                if batch:
                    yield batch
                if ended:
                    return
                first = asyncio.create_task(self._items.get())
        finally:
            stopped.cancel()
            first.cancel()

    def _ready(self, item: T | BaseException | None) -> tuple[list[T], bool]:
        batch: list[T] = []
        while item is not None:
            if isinstance(item, BaseException):
                raise item
            batch.append(item)
            if self._items.empty():
                return batch, False
            item = self._items.get_nowait()
        return batch, True

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
