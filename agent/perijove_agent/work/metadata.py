"""The metadata that work prints, on its way from text to records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from perijove_agent.report import Report
from perijove_agent.work.jsonlines import JsonLines


class PrintedMetadata:
    """Reports the JSON objects among what one stream of text prints.

    Parameters
    ----------
    report : Report
        Takes them.
    first : callable
        Called before each: passes on the text it stands in.
    """

    def __init__(self, report: Report, first: Callable[[], Awaitable[None]]) -> None:
        self._report = report
        self._first = first
        self._lines = JsonLines()

    async def feed(self, text: str) -> None:
        """Take a piece of text."""
        await self._take(self._lines.feed(text))

    async def end(self) -> None:
        """Take the last line, should it have no newline."""
        await self._take(self._lines.end())

    async def _take(self, found: list[dict[str, Any]]) -> None:
        for values in found:
            await self._first()
            await self._report.metadata(values)
        if self._lines.left_out:
            self._lines.left_out = False
            await self._report.metadata_left_out()
