"""Follow records on Redis: one blocking read over all streams that anybody watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

from perijove.errors import Unavailable
from perijove.wire import logs
from perijove.wire.connection import COMMAND_TIMEOUT, reach
from perijove.wire.keys import GroupKeys
from perijove_scheduler.queue.redis.link import RedisLink
from perijove_scheduler.queue.redis.records import Records
from perijove_scheduler.queue.viewers import Batch, Stream, Viewer

_PAGE = 2000
# Entries of one stream that one read brings, and seconds after which a read is repeated though nothing came.
_COUNT = 32
_BLOCK = 20.0
_WAKE_KEY_FOR = 300
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

log = logging.getLogger(__name__)


class RedisTail:
    """A `Tail` on Redis.

    However many viewers there are, one connection waits for news. A viewer first reads what is there page by page,
    then takes part in the common read; one that falls behind goes back to reading pages, at its own pace. As records
    are numbered without a gap, a viewer knows by itself whether it missed any.

    Parameters
    ----------
    url : str
        Of Redis, with the master's credentials.
    """

    def __init__(self, url: str) -> None:
        self._link = RedisLink(url)
        self._records = Records(self._link)
        self._streams: dict[str, Stream] = {}
        self._reader: asyncio.Task[None] | None = None
        self._watched = asyncio.Event()
        self._wake_key = f"pj:wake:{uuid4().hex}"
        self._woken = "0-0"

    async def follow(
        self, group: str, execution: str, attempt: int, after: int
    ) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Iterate over batches of records after number `after`, waiting for more, until the caller stops."""
        key = GroupKeys(group).log(execution, attempt)
        viewer = Viewer(after)
        try:
            while True:
                while page := await self._page(group, execution, attempt, viewer.position):
                    viewer.position = page[-1][0]
                    yield page
                await self._attach(key, viewer)
                async with aclosing(viewer.live()) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._detach(key, viewer)

    async def _page(self, group: str, execution: str, attempt: int, after: int) -> Batch:
        """Read a page; while Redis is away, wait for it."""
        pause = _FIRST_PAUSE
        while True:
            with suppress(Unavailable):
                return await self._records.read(group, execution, attempt, after, _PAGE)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _attach(self, key: str, viewer: Viewer) -> None:
        """Let a viewer take part in the common read, from where it is."""
        viewer.start()
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(viewer.position)
            stream.viewers.add(viewer)
            await self._wake()
            return
        stream.viewers.add(viewer)
        if stream.position > viewer.position:
            viewer.fall_behind()  # it was read on since the viewer's last page

    def _detach(self, key: str, viewer: Viewer) -> None:
        stream = self._streams.get(key)
        if stream is not None:
            stream.viewers.discard(viewer)
            if not stream.viewers:
                # The reader drops it from its next read; one more entry read for nobody does no harm.
                del self._streams[key]

    async def _wake(self) -> None:
        """Let the reader look again at what is watched."""
        self._watched.set()
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_forever(), name="perijove-tail")
            return
        # Unreachable: then the reader is not blocked either.
        with suppress(Unavailable):
            async with self._link.redis.pipeline(transaction=False) as pipe:
                pipe.xadd(self._wake_key, {"w": "1"}, maxlen=1)
                pipe.expire(self._wake_key, _WAKE_KEY_FOR)
                await reach(pipe.execute())

    async def _read_forever(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if await self._has_read():
                pause = _FIRST_PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)

    async def _has_read(self) -> bool:
        try:
            await self._read()
        except Unavailable as error:
            log.warning("Records cannot be followed: %s", error)
            return False
        return True

    async def _read(self) -> None:
        if not self._streams:
            self._watched.clear()
            await self._watched.wait()
        cursors: dict[Any, Any] = {key: f"{stream.position}-0" for key, stream in self._streams.items()}
        cursors[self._wake_key] = self._woken
        read: Any = self._link.blocking.xread(cursors, count=_COUNT, block=int(_BLOCK * 1000))
        answer: Any = await reach(read, _BLOCK + COMMAND_TIMEOUT)
        for key, entries in answer:
            self._deliver(key.decode(), entries)

    def _deliver(self, key: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        if key == self._wake_key:
            self._woken = entries[-1][0].decode()
            return
        stream = self._streams.get(key)
        if stream is None:
            return
        for entry, fields in entries:
            batch: Batch = logs.unpack(entry, fields)
            if batch:
                stream.deliver(batch, len(fields[b"r"]))

    async def aclose(self) -> None:
        """Stop the reader and close the connections."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        await self._link.aclose()
