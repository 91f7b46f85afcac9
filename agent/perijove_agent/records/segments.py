"""Hands an attempt's older records over to the object store while it goes on, so that Redis holds the latest only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from perijove.aio.executors import COMPUTING
from perijove.errors import Unavailable
from perijove.model.events import Event, ObjectRequest, Segmented
from perijove.patience import Backoff, set_within
from perijove.wire.protocol import Held
from perijove_agent.persistence import persist
from perijove_agent.records.archive import SEGMENT_LEVEL, Archive, Part, compress
from perijove_agent.records.sender import Sender
from perijove_agent.records.spool import Spool
from perijove_agent.upload import UploadError

log = logging.getLogger(__name__)

#: Seconds after which a segment's event is sent again: it, or the master's answer, may have been lost with a Redis.
TELL_AGAIN = 20.0


class Store(Protocol):
    """What puts a file into the object store; `perijove_agent.upload.Uploader` does."""

    async def upload(self, held: Held, what: ObjectRequest, path: Path, media_type: str, url: str = "") -> object:
        """Store a file."""


class Segments:
    """Stores one attempt's records, segment by segment, and lets Redis forget those that are stored.

    Parameters
    ----------
    worker : str
        Who runs the attempt.
    held : Held
        The attempt.
    spool : Spool
        Where the records are read.
    sender : Sender
        Says when a segment is due, and is told when it is stored.
    store : Store
        Puts it into the object store.
    emit : callable
        Sends events; may raise `perijove.errors.Unavailable`.
    size : int
        Bytes of records that make a segment.
    """

    def __init__(
        self,
        worker: str,
        held: Held,
        spool: Spool,
        sender: Sender,
        store: Store,
        emit: Callable[[Sequence[Event]], Awaitable[None]],
        size: int,
    ) -> None:
        self._worker = worker
        self._held = held
        self._spool = spool
        self._sender = sender
        self._store = store
        self._emit = emit
        self._size = size
        self._trimmed = asyncio.Event()
        self._trimmed_to = 0

    def trimmed(self, last: int) -> None:
        """Note that the master knows of every segment up to record `last`."""
        self._trimmed_to = max(self._trimmed_to, last)
        self._trimmed.set()

    def again(self) -> None:
        """Redis forgot what it was told: tell it again."""
        self._trimmed.set()

    async def run(self) -> None:
        """Store segments until cancelled."""
        backoff = Backoff(0.5, 15.0)
        while True:
            last = await self._sender.due(self._size)
            if last <= self._sender.stored:  # it was sent again, after Redis forgot it
                continue
            try:
                await self._hand_over(self._sender.stored + 1, last)
                backoff.reset()
            except (UploadError, Unavailable, OSError) as error:
                log.warning("records of %s stay on Redis for now: %s", self._held.execution, error)
                await backoff.sleep()

    async def _hand_over(self, first: int, last: int) -> None:
        part = Part(self._spool.end_of(first - 1), self._spool.end_of(last), last)
        path = self._spool.path.with_name(f"{self._spool.path.name}.{first}.zst")
        try:
            segment = await COMPUTING.run(compress, self._spool.path, part, path, SEGMENT_LEVEL)
            request = ObjectRequest(what="segment", name=f"{first}-{last}", sha256=segment.sha256)
            await self._store.upload(self._held, request, path, "application/zstd")
        finally:
            path.unlink(missing_ok=True)
        await self._tell(first, last, segment)
        await self._sender.took(last)

    async def _tell(self, first: int, last: int, segment: Archive) -> None:
        event = Segmented(
            worker=self._worker,
            execution=self._held.execution,
            attempt=self._held.attempt,
            first=first,
            last=last,
            size=segment.size,
            sha256=segment.sha256,
        )
        while self._trimmed_to < last:
            self._trimmed.clear()
            await persist("a segment's event", lambda: self._emit([event]))
            if self._trimmed_to < last:
                await set_within(self._trimmed, TELL_AGAIN)
