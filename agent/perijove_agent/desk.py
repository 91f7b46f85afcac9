"""Where an attempt writes: its spool, and all that leads there and on from there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from perijove.model.events import ObjectRequest
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held
from perijove_agent.ending import Failure
from perijove_agent.folders import AttemptFolders
from perijove_agent.payloads import Payloads
from perijove_agent.records.recorder import Recorder
from perijove_agent.records.segments import Segments
from perijove_agent.records.sender import Sender
from perijove_agent.records.spool import Spool
from perijove_agent.report import Report
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools
from perijove_agent.upload import UploadError
from perijove_agent.waits import Waits

log = logging.getLogger(__name__)


class Desk:
    """One attempt's spool and sender, segments, recorder, report, payloads and waits; as a context, it runs them.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    held : Held
        The attempt.
    folders : AttemptFolders
        Where payloads wait for their upload.
    on_failure : callable
        Called, with a sentence, when the disk stays full, or one of these parts fails.
    """

    def __init__(self, tools: Tools, held: Held, folders: AttemptFolders, on_failure: Callable[[str], None]) -> None:
        self._tools = tools
        self._held = held
        self._on_failure = on_failure
        self.spool = Spool(tools.folders.spool(held))
        settings = tools.settings
        self.sender = Sender(tools.wire, held, self.spool, settings.spool_room, settings.stream_room)
        self.recorder = Recorder(self.spool, self.sender, on_failure)
        self.report = Report(self.recorder, tools.wire.emit, tools.worker, held)
        self.payloads = Payloads(self.recorder, folders.payloads, self._store_payload)
        self.segments = Segments(
            tools.worker,
            held,
            self.spool,
            self.sender,
            tools.uploader,
            tools.wire.emit,
            settings.segment_size,
        )
        self.waits = Waits(self.report.waits, self.recorder.log)
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        parts = (self.sender.run(), self.segments.run(), self.report.run(), self.waits.run())
        self._running = [asyncio.create_task(part) for part in parts]
        for part in self._running:
            part.add_done_callback(self._part_ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.payloads.aclose()
        await cancelled(self._running)
        self.spool.close()

    def _part_ended(self, part: asyncio.Task[None]) -> None:
        """End the attempt when a part failed that none of its records gets on without."""
        if not part.cancelled() and (error := part.exception()):
            log.error("the records of %s go no further", self._held.execution, exc_info=error)
            self._on_failure(f"The agent failed with its log: {type(error).__name__}: {error}")

    async def _store_payload(self, digest: str, path: Path) -> None:
        request = ObjectRequest(what="payload", name=digest, sha256=digest)
        try:
            await self._tools.uploader.upload(self._held, request, path, "application/json")
        except (UploadError, OSError) as error:
            raise Failure(Reason.OUTPUT_FAILED, f"A large output could not be stored: {error}.") from error
