"""Follow records on Redis: one blocking read over all streams that anybody watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

from perijove.errors import Unavailable
from perijove.wire import logs
from perijove.wire.connection import COMMAND_TIMEOUT, reach
from perijove.wire.keys import GroupKeys
from perijove_scheduler.queue.redis.link import RedisLink, is_damage
from perijove_scheduler.queue.redis.records import Records
from perijove_scheduler.queue.viewers import Batch, Stream, Viewer

_PAGE = 2000
# Entries that one read brings of the streams it asks for together, and of how many streams it asks after a large one.
_COUNT = 32
_TOGETHER = 16
# Bytes of a large read: what is left then may be as much of every stream, so the next ones ask for few at a time.
_LARGE = 4 * 1024 * 1024
# Seconds after which a read is repeated though nothing came.
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
        self._closed = False
        self._watched = asyncio.Event()
        self._wake_key = f"pj:wake:{uuid4().hex}"
        self._woken = "0-0"

    async def follow(
        self, group: str, execution: str, attempt: int, after: int
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
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
            self._start()
            return
        # Unreachable: then the reader is not blocked either.
        with suppress(Unavailable):
            async with self._link.redis.pipeline(transaction=False) as pipe:
                pipe.xadd(self._wake_key, {"w": "1"}, maxlen=1)
                pipe.expire(self._wake_key, _WAKE_KEY_FOR)
                await reach(pipe.execute())

    def _start(self) -> None:
        if self._closed:
            return
        self._reader = asyncio.create_task(self._read_forever(), name="perijove-tail")
        self._reader.add_done_callback(self._restart)

    def _restart(self, reader: asyncio.Task[None]) -> None:
        """Go on with another reader when one died, whatever of: who follows would wait for it for ever."""
        if self._closed:
            return
        error = None if reader.cancelled() else reader.exception()
        log.error("The reader of records ended; another one goes on.", exc_info=error)
        # A moment later, lest one that dies at once takes all of the loop's time.
        asyncio.get_running_loop().call_later(_FIRST_PAUSE, self._start)
        for stream in self._streams.values():
            for viewer in stream.viewers:
                viewer.fall_behind()

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
            if not is_damage(error.__cause__):
                log.warning("Records cannot be followed: %s", error)
                return False
            await self._drop_damaged()
        return True

    async def _drop_damaged(self) -> None:
        """Leave out keys that are no streams: one of them fails the read of all. Whoever follows them reads alone."""
        keys = list(self._streams)
        async with self._link.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            types = dict(zip(keys, await self._link.answers(pipe), strict=True))
        for key, kind in types.items():
            if kind not in {b"stream", b"none"} and (stream := self._streams.pop(key, None)):
                log.error("%s holds no records, but a %s.", key, kind.decode())
                for viewer in stream.viewers:
                    viewer.fall_behind()

    async def _read(self) -> None:
        if not self._streams:
            self._watched.clear()
            await self._watched.wait()
        if await self._read_some([*self._streams, self._wake_key], block=True) > _LARGE:
            # Much has gathered. Few streams at a time: together they would bring as much of each of them at once.
            keys = list(self._streams)
            for start in range(0, len(keys), _TOGETHER):
                await self._read_some(keys[start : start + _TOGETHER], block=False)

    async def _read_some(self, keys: Sequence[str], *, block: bool) -> int:
        """Read and deliver what is new in some streams; return how many bytes it was."""
        cursors: dict[Any, Any] = {key: self._cursor(key) for key in keys}
        block_for = int(_BLOCK * 1000) if block else None
        read: Any = self._link.blocking.xread(cursors, count=max(1, _COUNT // len(keys)), block=block_for)
        answer: Any = await reach(read, _BLOCK + COMMAND_TIMEOUT)
        return sum(self._deliver(key.decode(), entries) for key, entries in answer)

    def _cursor(self, key: str) -> str:
        stream = self._streams.get(key)
        return self._woken if key == self._wake_key else f"{stream.position if stream else 0}-0"

    def _deliver(self, key: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> int:
        if key == self._wake_key:
            self._woken = entries[-1][0].decode()
            return 0
        stream, size = self._streams.get(key), 0
        for entry, fields in entries if stream else ():
            batch: Batch = logs.unpack(entry, fields)
            if stream and batch:
                size += len(fields[b"r"])
                stream.deliver(batch, len(fields[b"r"]))
        return size

    async def aclose(self) -> None:
        """Stop the reader and close the connections."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        await self._link.aclose()
