"""Archives the records that their worker did not archive: what reached Redis is what is left of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import zstandard

from perijove.aio.executors import COMPUTING
from perijove.errors import Unavailable
from perijove.wire.archives import footer
from perijove_scheduler.files.protocol import Files, log_key
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.events.writer import STREAM_KEPT
from perijove_scheduler.queue.protocol import Gap, Queue
from perijove_scheduler.services import archive
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.outcomes import ToArchive
from perijove_scheduler.store.store import Store

#: Leases a worker has to archive an attempt that ended, and to do so while it still sends records.
OWN_ARCHIVE = 2
_LATE_ARCHIVE = 60
_PAGE = 200
_BATCH = 500


@dataclass(frozen=True)
class _There:
    """The last record of an attempt in its archive, None if there is none, in its segments, and on Redis."""

    stored: int | None
    segmented: int
    on_redis: int

    @property
    def live(self) -> int:
        """The last record that is not in the archive only."""
        return max(self.segmented, self.on_redis)

    def is_all(self, records: int | None) -> bool:
        """Return whether it is all there was; else its worker, or the next agent on its disk, may archive the rest.

        What its worker told of its archive may have been lost with Redis, so both places count.
        """
        return records is None or max(self.stored or 0, self.live) >= records


class Archiver(Loop):
    """Copies the streams of attempts that ended a while ago into the archive.

    These are the attempts of lost workers, and those whose worker ended before it had uploaded its spool.
    """

    name: ClassVar[str] = "archiver"

    def __init__(self, bell: Bell, store: Store, queue: Queue, files: Files) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._files = files

    async def turn(self) -> None:
        """Archive all that is due."""
        late = {(a.execution, a.attempt) for a in await self._due(_LATE_ARCHIVE)}
        for attempt in await self._due(OWN_ARCHIVE):
            await self._take(attempt, is_late=(attempt.execution, attempt.attempt) in late)

    async def _take(self, attempt: ToArchive, *, is_late: bool) -> None:
        """Archive an attempt if all of it is there, or it is late.

        The oldest come first: one that cannot be archived, whatever its worker made of it, must not hold up the others.
        """
        try:
            there = await self._there(attempt)
            if is_late or there.is_all(attempt.records):
                await self._archive(attempt, there)
        except Unavailable:
            raise
        except Exception:
            place = {"execution": attempt.execution}
            self.log.exception("archiver: attempt %d cannot be archived", attempt.attempt, extra=place)

    async def _due(self, leases: int) -> list[ToArchive]:
        return await self._store.lifecycle.to_archive(leases * self._queue.lease, _BATCH)

    async def _there(self, attempt: ToArchive) -> _There:
        return _There(
            await archive.last_record(self._files, log_key(attempt.execution, attempt.attempt)),
            await self._store.segments.last(attempt.execution, attempt.attempt),
            await self._queue.last_record(attempt.group, attempt.execution, attempt.attempt),
        )

    async def _archive(self, attempt: ToArchive, there: _There) -> None:
        records = there.stored
        if records is None or records < there.live:  # else its worker archived it, and died before it said so
            copy = _Copy(self._queue, attempt, there.segmented)
            try:
                await self._files.put(log_key(attempt.execution, attempt.attempt), self._checked(copy, there.live))
            except _Outdated:
                return
            records = copy.last
        # In this order, as nothing would look at the stream of an archived attempt again.
        await self._queue.expire_records([(attempt.group, attempt.execution, attempt.attempt)], STREAM_KEPT)
        await self._store.lifecycle.archived(attempt.execution, attempt.attempt, records)
        self.log.info("archiver: attempt %d is archived", attempt.attempt, extra={"execution": attempt.execution})

    async def _checked(self, copy: _Copy, least: int) -> AsyncIterator[bytes]:
        """Iterate over a copy; see at its end that Redis lost nothing of it, and nobody archived the attempt.

        This process may have been paused for so long that the stream it read is gone.
        """
        async for chunk in copy.read():
            yield chunk
        if copy.last < least:
            raise _Outdated
        if not await self._store.lifecycle.is_to_archive(copy.attempt.execution, copy.attempt.attempt):
            raise _Outdated


class _Outdated(Exception):
    """While it was copied, Redis lost the attempt's stream, or another archived it."""


class _Copy:
    """Reads one stream from the first record that no segment has to its last, and compresses it on the way.

    What neither has is lost; who reads the archive is told so.
    """

    def __init__(self, queue: Queue, attempt: ToArchive, segmented: int) -> None:
        self._queue = queue
        self.attempt = attempt
        self.last = segmented

    async def read(self) -> AsyncIterator[bytes]:
        """Iterate over the compressed JSON lines."""
        compressor = zstandard.ZstdCompressor().compressobj()
        while records := await self._records():
            self.last = records[-1][0]
            lines = b"".join(line + b"\n" for _, line in records)
            yield await COMPUTING.run(compressor.compress, lines)
        yield compressor.flush()
        yield footer(self.last)

    async def _records(self) -> list[tuple[int, bytes]]:
        where = (self.attempt.group, self.attempt.execution, self.attempt.attempt)
        try:
            return await self._queue.records(*where, self.last, _PAGE)
        except Gap as gap:
            return await self._queue.records(*where, gap.first - 1, _PAGE)
