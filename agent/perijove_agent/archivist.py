"""Archives the records of ended attempts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from perijove.aio.executors import COMPUTING, FILES
from perijove.errors import Unavailable
from perijove.model.events import Archived, FormerWorker, ObjectRequest
from perijove.patience import Backoff
from perijove.wire.envelopes import records_key, records_proof
from perijove.wire.protocol import Held
from perijove_agent.persistence import persist
from perijove_agent.records.archive import Archive
from perijove_agent.records.ended import EndedSpool
from perijove_agent.records.recorder import PATIENCE
from perijove_agent.records.spool import Spool
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.upload import NoAddress, UploadError

Written = TypeVar("Written")
log = logging.getLogger(__name__)


class Archivist:
    """Compresses spools, stores them and tells the master, in the background.

    The master archives what Redis has where nobody else does, but Redis may not have everything: it was flushed, or was
    full, or the object store was away so that no more was sent. So a spool stays until it is archived.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tasks: set[asyncio.Task[None]] = set()
        self._reported: dict[EndedSpool, asyncio.Task[None]] = {}

    async def seal(self, held: Held, spool: Spool, stored: int) -> EndedSpool | None:
        """Close the spool of an attempt that has ended, such that the next agent on this folder would archive it.

        Its records up to number `stored` are segments already.

        Returns None where the disk takes nothing, although it was waited for.
        """
        key = records_key(self._tools.wire.event_key, held.execution, held.attempt)

        async def seal() -> EndedSpool:
            return EndedSpool.seal(spool, held, self._tools.worker, key, stored)

        try:
            return await _with_room(seal)
        except OSError as error:
            log.warning("the records of %s stay for the master to archive: %s", held.execution, error)
            return None

    def archive(self, spool: EndedSpool) -> None:
        """Archive a spool, and delete it."""
        task = asyncio.create_task(self._archive(spool))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def salvage(self) -> None:
        """Archive what an agent that was killed on this folder had not archived yet."""
        for spool in EndedSpool.left_in(self._tools.folders.spools):
            log.info("archiving the records of %s, which an earlier agent ran", spool.held.execution)
            self.archive(spool)

    async def finish(self, patience: float) -> None:
        """Wait up to `patience` seconds for what is under way; the rest is left to the next agent on this folder.

        Without patience so is what was reported and may not be applied yet: to archive it twice does no harm.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        reported = dict(self._reported)
        await cancelled([*self._tasks, *reported.values()])
        if patience:
            await asyncio.gather(*(FILES.run(spool.discard) for spool in reported))

    async def _archive(self, spool: EndedSpool) -> None:
        """Archive a spool, however long the object store or the disk is away: Redis may not have all of its records."""
        backoff = Backoff(5.0, 600.0)
        while not await self._is_settled(spool):
            await backoff.sleep()

    async def _discard_applied(self, spool: EndedSpool, event: Archived) -> None:
        """Delete a spool once the master has applied the event that says that it is archived: Redis may forget it."""
        await self._tools.wire.applied(event)
        await FILES.run(spool.discard)

    async def _is_settled(self, spool: EndedSpool) -> bool:
        """Try to archive a spool; return whether it is of no use any more."""
        try:
            await self._archive_once(spool)
        except NoAddress as error:
            log.warning("the records of %s are not archived: %s", spool.held.execution, error)
            await FILES.run(spool.discard)
        except (UploadError, Unavailable, OSError) as error:
            log.warning("the records of %s stay on this disk for now: %s", spool.held.execution, error)
            return False
        return True

    async def _archive_once(self, spool: EndedSpool) -> None:
        try:
            archive = await _with_room(lambda: COMPUTING.run(spool.compress))
            request = ObjectRequest(what="log", sha256=archive.sha256)
            ran_by = self._ran_by(spool)
            await self._tools.uploader.upload(spool.held, request, archive.path, "application/zstd", ran_by=ran_by)
            await self._tell(spool, archive)
        finally:
            await FILES.run(spool.archive_path.unlink, missing_ok=True)

    def _ran_by(self, spool: EndedSpool) -> FormerWorker | None:
        """Return which earlier worker on this disk ran the attempt, if one did."""
        if spool.worker == self._tools.worker:
            return None
        return FormerWorker(worker=spool.worker, proof=records_proof(spool.key, self._tools.worker))

    async def _tell(self, spool: EndedSpool, archive: Archive) -> None:
        event = Archived(
            worker=self._tools.worker,
            ran_by=self._ran_by(spool),
            execution=spool.held.execution,
            attempt=spool.held.attempt,
            records=spool.records,
            size=archive.size,
            sha256=archive.sha256,
        )
        await persist("an archive's event", lambda: self._tools.wire.emit([event]))
        task = self._reported[spool] = asyncio.create_task(self._discard_applied(spool, event))
        task.add_done_callback(lambda _: self._reported.pop(spool))


async def _with_room(write: Callable[[], Awaitable[Written]]) -> Written:
    """Return what `write` returns; a disk that is full is waited for."""
    backoff, deadline = Backoff(0.5, 10.0), time.monotonic() + PATIENCE
    while True:
        try:
            return await write()
        except OSError:  # noqa: PERF203 - a retry loop
            if time.monotonic() > deadline:
                raise
            await backoff.sleep()
