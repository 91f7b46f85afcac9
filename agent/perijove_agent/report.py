"""What an attempt reports while it runs: records for people, and now and then an event for the master."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from perijove import errors
from perijove.model.events import Advanced, Event
from perijove.model.records import Phase
from perijove.patience import Backoff
from perijove.safe_json import METADATA
from perijove.wire.protocol import Held
from perijove_agent.records.recorder import Recorder

log = logging.getLogger(__name__)

#: Seconds between two `Advanced` events of one attempt.
INTERVAL = 1.0
#: Seconds before the first. What ends sooner has all of it in its last event, and the master has less to do while
#: somebody waits; who looks at it has the records meanwhile.
FIRST_AFTER = 0.3
#: What the log says, once, when something that was printed is not among the metadata.
LEFT_OUT = (
    "Some of the printed JSON was left out of the metadata; the log has all of it. "
    f"A line may be nested {METADATA.depth} levels deep, and all keys together may have {METADATA.values:,} values "
    f"and {METADATA.characters:,} characters.\n"
)


class Report:
    """Records phases, progress and metadata, and sends their latest values to the master about once a second.

    What has changed since then is in the attempt's last event (`perijove.model.events.Finished`).

    Parameters
    ----------
    recorder : Recorder
        Takes every value.
    emit : callable
        Sends events; may raise `perijove.errors.Unavailable`.
    worker : str
        Who reports.
    held : Held
        About what.

    Attributes
    ----------
    done, total : int, optional
        The latest progress.
    """

    def __init__(
        self, recorder: Recorder, emit: Callable[[Sequence[Event]], Awaitable[None]], worker: str, held: Held
    ) -> None:
        self._recorder = recorder
        self._emit = emit
        self._identity = {"worker": worker, "execution": held.execution, "attempt": held.attempt}
        self.done: int | None = None
        self.total: int | None = None
        self._changes: dict[str, Any] = {}
        self._metadata_left_out = False
        self._news = asyncio.Event()

    async def phase(self, phase: Phase, detail: str = "") -> None:
        """Report that the attempt entered a phase."""
        await self._recorder.phase(phase, detail)
        self._change(phase=phase)

    async def progress(self, done: int, total: int) -> None:
        """Report that `done` of `total` cells or commands are done."""
        await self._recorder.progress(done, total)
        self.done, self.total = done, total
        self._change(done=done, total=total)

    async def metadata(self, values: dict[str, Any]) -> None:
        """Report a JSON object that the work printed, as far as there is room for it."""
        taken = await self._recorder.metadata(values)
        self._changes.setdefault("metadata", {}).update(taken)
        self._news.set()
        if len(taken) < len(values):
            await self.metadata_left_out()

    async def metadata_left_out(self) -> None:
        """Log, once, that something that was printed is not among the metadata."""
        if not self._metadata_left_out:
            self._metadata_left_out = True
            await self._recorder.log("system", LEFT_OUT)

    def waits(self, sentence: str) -> None:
        """Report what the attempt waits for; empty when it waits for nothing any more."""
        self._change(waits=sentence)

    async def run(self) -> None:
        """Send changes until cancelled."""
        backoff = Backoff(0.2, 5.0)
        await asyncio.sleep(FIRST_AFTER)
        while True:
            await self._news.wait()
            try:
                await self.flush()
                backoff.reset()
                await asyncio.sleep(INTERVAL)
            except errors.Unavailable as error:
                log.debug("an event waits: %s", error)
                await backoff.sleep()

    async def flush(self) -> None:
        """Send what has changed since the last time.

        Raises
        ------
        perijove.errors.Unavailable
            Redis is away; nothing is lost.
        """
        self._news.clear()
        changes, self._changes = self._changes, {}
        if not changes:
            return
        try:
            await self._emit([Advanced(**self._identity, **changes)])
        except errors.Unavailable:
            metadata = {**changes.get("metadata", {}), **self._changes.get("metadata", {})}
            self._change(**{**changes, **self._changes, "metadata": metadata})
            raise

    def _change(self, **values: Any) -> None:
        self._changes.update(values)
        self._news.set()
