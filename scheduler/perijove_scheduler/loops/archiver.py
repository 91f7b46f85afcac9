"""Archives the records that their worker did not archive: what reached Redis is what is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import zstandard

from perijove_scheduler.files.protocol import Files, log_key
from perijove_scheduler.loops.applier import STREAM_KEPT
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.outcomes import ToArchive
from perijove_scheduler.store.store import Store

#: Leases a worker has to archive an attempt that ended, and to do so while it still sends records.
OWN_ARCHIVE = 2
_LATE_ARCHIVE = 60
_PAGE = 200
_BATCH = 500


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
            if (attempt.execution, attempt.attempt) in late or not await self._is_coming(attempt):
                await self._archive(attempt)

    async def _due(self, leases: int) -> list[ToArchive]:
        return await self._store.lifecycle.to_archive(leases * self._queue.lease, _BATCH)

    async def _is_coming(self, attempt: ToArchive) -> bool:
        """Return whether Redis has not all its records: its worker, or the next agent on its disk, may archive them."""
        if attempt.records is None:
            return False
        last = await self._queue.last_record(attempt.group, attempt.execution, attempt.attempt)
        return last < attempt.records

    async def _archive(self, attempt: ToArchive) -> None:
        key, records = log_key(attempt.execution, attempt.attempt), attempt.records
        if await self._files.stat(key) is None:  # else its worker archived it, and died before it said so
            copy = _Copy(self._queue, attempt)
            try:
                await self._files.put(key, self._checked(copy))
            except _ArchivedMeanwhile:
                return
            records = copy.last
        await self._store.lifecycle.archived(attempt.execution, attempt.attempt, records)
        await self._queue.expire_records(attempt.group, attempt.execution, attempt.attempt, STREAM_KEPT)
        self.log.info("archiver: attempt %d is archived", attempt.attempt, extra={"execution": attempt.execution})

    async def _checked(self, copy: _Copy) -> AsyncIterator[bytes]:
        """Iterate over a copy; see at its end that nobody archived the attempt meanwhile, whose archive has it all.

        This process may have been paused for so long that the stream it read is gone.
        """
        async for chunk in copy.read():
            yield chunk
        if not await self._store.lifecycle.is_to_archive(copy.attempt.execution, copy.attempt.attempt):
            raise _ArchivedMeanwhile


class _ArchivedMeanwhile(Exception):
    """The attempt was archived by another."""


class _Copy:
    """Reads one stream from its first record to its last, and compresses it on the way."""

    def __init__(self, queue: Queue, attempt: ToArchive) -> None:
        self._queue = queue
        self.attempt = attempt
        self.last = 0

    async def read(self) -> AsyncIterator[bytes]:
        """Iterate over the compressed JSON lines."""
        compressor = zstandard.ZstdCompressor().compressobj()
        where = (self.attempt.group, self.attempt.execution, self.attempt.attempt)
        while records := await self._queue.records(*where, self.last, _PAGE):
            self.last = records[-1][0]
            lines = b"".join(line + b"\n" for _, line in records)
            yield await asyncio.to_thread(compressor.compress, lines)
        yield compressor.flush()
