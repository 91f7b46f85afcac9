"""Turns a kernel's messages into records as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from perijove_agent.records.recorder import Recorder
from perijove_agent.report import Report
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.metadata import PrintedMetadata

FORWARDED = frozenset({"display_data", "execute_result", "update_display_data", "clear_output", "error"})

#: Takes a cell id, a message type and its content, and records them, however large.
RecordOutput = Callable[[str, str, dict[str, Any]], Awaitable[None]]


class Forwarder:
    """Records the output messages of cells, in the kernel's order.

    Parameters
    ----------
    recorder : Recorder
        Takes text.
    report : Report
        Takes the JSON objects found in what is printed.
    record_output : callable
        Takes every other message.
    """

    def __init__(self, recorder: Recorder, report: Report, record_output: RecordOutput) -> None:
        self._recorder = recorder
        self._record_output = record_output
        self._streams: Coalescer[tuple[str, str]] = Coalescer(self._emit)
        self._metadata = PrintedMetadata(report, _nothing)

    async def forward(self, cell: str, message: dict[str, Any]) -> None:
        """Record one message of `cell`; messages that show nothing are left out."""
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            await self._streams.put((cell, content["name"]), content["text"])
        elif kind in FORWARDED:
            await self._streams.flush()
            await self._record_output(cell, kind, content)

    async def end_cell(self) -> None:
        """Record what waits; a line that is not ended ends here."""
        await self._streams.flush()
        await self._metadata.end()

    async def aclose(self) -> None:
        """Record what waits, and end."""
        await self._streams.aclose()

    async def _emit(self, key: tuple[str, str], text: str) -> None:
        cell, name = key
        await self._recorder.output(cell, "stream", {"name": name, "text": text})
        if name == "stdout":
            await self._metadata.feed(text)


async def _nothing() -> None:
    """Pass nothing on: the text is recorded before it is looked at."""
