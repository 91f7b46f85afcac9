"""A request body on its way to whoever stores it, never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Upload(Generic[T]):
    """A bounded hand-over: the sender is held up while the consumer is behind.

    Parameters
    ----------
    ahead : int
        How many chunks (of up to 64 KiB, as Tornado reads them) may wait.
    """

    def __init__(self, ahead: int = 16) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(ahead)
        self._consumer: asyncio.Future[T] | None = None

    def start(self, consumer: Awaitable[T]) -> None:
        """Run `consumer`, which reads `chunks`, beside the sender."""
        self._consumer = asyncio.ensure_future(consumer)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body."""
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def feed(self, chunk: bytes | None) -> bool:
        """Hand over one chunk (None is the end); False when the consumer has ended and wants no more."""
        if self._consumer is None or self._consumer.done():
            return False
        if not self._chunks.full():
            self._chunks.put_nowait(chunk)
            return True
        waiting = asyncio.ensure_future(self._chunks.put(chunk))
        either: set[asyncio.Future[Any]] = {waiting, self._consumer}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return waiting.done() or not waiting.cancel()

    async def result(self) -> T:
        """Return what the consumer made of the body."""
        if self._consumer is None:
            raise RuntimeError("the upload was not started")
        return await self._consumer

    def abort(self) -> None:
        """Cancel the consumer, which cleans up after itself: the sender is gone."""
        if self._consumer is not None:
            self._consumer.cancel()
