"""Archives the records of ended attempts."""

from __future__ import annotations

import asyncio
import logging

from perijove.model.events import Archived, ObjectRequest
from perijove.wire.protocol import Held
from perijove_agent.persistence import persist
from perijove_agent.records.archive import Archive, compress
from perijove_agent.records.spool import Spool
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.upload import UploadError

log = logging.getLogger(__name__)


class Archivist:
    """Compresses spools, stores them and tells the master, in the background.

    Giving up costs nothing but the live stream's memory: the master archives what Redis has, and that is everything.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tasks: set[asyncio.Task[None]] = set()

    def archive(self, held: Held, spool: Spool) -> None:
        """Archive a closed spool, and delete it."""
        task = asyncio.create_task(self._archive(held, spool))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, patience: float) -> None:
        """Wait up to `patience` seconds for what is under way; give up the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        await cancelled(self._tasks)

    async def _archive(self, held: Held, spool: Spool) -> None:
        try:
            archive = await asyncio.to_thread(compress, spool.path)
            request = ObjectRequest(what="log", sha256=archive.sha256)
            await self._tools.uploader.upload(held, request, archive.path, "application/zstd")
            await self._tell(held, spool, archive)
        except (UploadError, OSError) as error:
            log.warning("the records of %s stay for the master to archive: %s", held.execution, error)
        finally:
            spool.discard()
            spool.path.with_name(spool.path.name + ".zst").unlink(missing_ok=True)

    async def _tell(self, held: Held, spool: Spool, archive: Archive) -> None:
        event = Archived(
            worker=self._tools.worker,
            execution=held.execution,
            attempt=held.attempt,
            records=spool.last,
            size=archive.size,
            sha256=archive.sha256,
        )
        await persist("an archive's event", lambda: self._tools.wire.emit([event]))
