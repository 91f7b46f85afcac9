"""Numbers an attempt's records and spools them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from perijove.model.records import CellState, Phase
from perijove.patience import Backoff
from perijove_agent.records.encoding import encode
from perijove_agent.records.latest import Latest
from perijove_agent.records.sender import Sender
from perijove_agent.records.spool import Spool
from perijove_agent.waits import waiting

#: Seconds a full disk may stay full before the attempt is given up.
PATIENCE = 60.0


class Brake(Protocol):
    """Something that prints on its own, without waiting for us, and can be made to pause."""

    def pause(self) -> None:
        """Stop printing."""

    def resume(self) -> None:
        """Go on."""


class Recorder:
    """Writes one attempt's records. Every method returns once the record is spooled, slowly when the spool is crowded.

    Parameters
    ----------
    spool : Spool
        Where records are written.
    sender : Sender
        Told of every record; asked for room.
    on_failure : callable
        Called once, with a sentence, when the disk stays full. From then on records are dropped: the attempt is
        ending, for that reason.
    patience : float
        Seconds to wait for a full disk.

    Attributes
    ----------
    brake : Brake, optional
        What to pause while the spool is crowded.
    latest : Latest
        The latest value of every metadata key.
    last_output : float
        When the work last said something, by the monotonic clock.
    """

    def __init__(
        self, spool: Spool, sender: Sender, on_failure: Callable[[str], None], patience: float = PATIENCE
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._on_failure = on_failure
        self._patience = patience
        self._failed = False
        self.brake: Brake | None = None
        self.latest = Latest()
        self.last_output = time.monotonic()

    @property
    def last(self) -> int:
        """The number of the last record."""
        return self._spool.last

    def touch(self) -> None:
        """Count the silence of the work from now on."""
        self.last_output = time.monotonic()

    async def log(self, stream: str, text: str) -> None:
        """Record text of the log; `stream` is stdout, stderr or system."""
        self.touch()
        await self._write("log", stream=stream, text=text)

    async def cell(
        self,
        cell: str,
        state: CellState,
        index: int,
        total: int,
        execution_count: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record that a cell began or ended."""
        count = {"execution_count": execution_count, "seconds": seconds}
        await self._write("cell", cell=cell, state=state.value, index=index, total=total, **count)

    async def output(self, cell: str, message: str, content: dict[str, Any] | None, ref: str | None = None) -> None:
        """Record an output message of a cell."""
        self.touch()
        await self._write("output", cell=cell, message=message, content=content, ref=ref)

    async def metadata(self, values: dict[str, Any]) -> dict[str, Any]:
        """Record one JSON object the work printed; return what there was room for among the latest values."""
        taken = self.latest.update(values)
        if taken:
            await self._write("metadata", values=taken)
        return taken

    async def progress(self, done: int, total: int) -> None:
        """Record how much is done."""
        await self._write("progress", done=done, total=total)

    async def stats(self, cpu: float, memory: int) -> None:
        """Record what the work uses."""
        await self._write("stats", cpu=cpu, memory=memory, gpus=[])

    async def phase(self, phase: Phase, detail: str = "") -> None:
        """Record that the attempt entered a phase."""
        await self._write("phase", phase=phase.value, detail=detail)

    async def _write(self, kind: str, **fields: Any) -> None:
        backoff = Backoff(0.1, 5.0)
        deadline = time.monotonic() + self._patience
        while not self._failed:
            try:
                # The number is given and the line written without an await between: nothing can come in between.
                self._spool.append(encode({"n": self._spool.last + 1, "t": time.time(), "kind": kind, **fields}))
            except OSError as error:  # noqa: PERF203 - a retry loop
                await self._wait_for_disk(error, backoff, deadline)
            else:
                self._sender.notify()
                await self._wait_for_room()
                return

    async def _wait_for_disk(self, error: OSError, backoff: Backoff, deadline: float) -> None:
        if time.monotonic() > deadline:
            if not self._failed:
                self._failed = True
                self._on_failure(f"The worker cannot write its log: {error.strerror or error}.")
            return
        with waiting(f"It waits for room on the worker's disk ({error.strerror or error})."):
            await backoff.sleep()

    async def _wait_for_room(self) -> None:
        if not self._sender.crowded:
            return
        if self.brake:
            self.brake.pause()
        try:
            await self._sender.room()
        finally:
            if self.brake:
                self.brake.resume()
