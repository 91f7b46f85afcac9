"""What a view shows of an execution, drawn from its events."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from perijove.client import ExecutionEvent, Recorded
from perijove.model.records import LogRecord, MetadataRecord, OutputRecord, ProgressRecord, Record
from perijove.model.resources import Execution

#: How many characters of the log are shown, and how many points of a metric are remembered.
LOG_TAIL, POINTS = 20_000, 2000
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass
class Picture:
    """An execution as far as its events tell.

    Attributes
    ----------
    execution : Execution
        How it stands.
    done, total : int
        The cells, or commands, that ended, and how many there are; 0 of 0 before it runs.
    log : str
        The end of what it printed, without colours, its progress bars overwritten as a terminal would.
    latest : dict
        The last value of each metric.
    points : dict
        The numeric values of each metric, in order.
    note : str
        A sentence about the view itself, such as that the service cannot be reached.
    """

    execution: Execution
    done: int = 0
    total: int = 0
    log: str = ""
    latest: dict[str, Any] = field(default_factory=dict)
    points: dict[str, deque[float]] = field(default_factory=dict)
    note: str = ""
    _attempt: int = 0

    def take(self, event: ExecutionEvent) -> None:
        """Add what one event tells."""
        self.note = ""
        if isinstance(event, Recorded):
            self._begin(event.attempt)
            self._record(event.record)
        else:
            self.execution = event.execution
            if event.execution.progress is not None:
                self.done, self.total = event.execution.progress.done, event.execution.progress.total

    def _begin(self, attempt: int) -> None:
        if attempt != self._attempt:  # an attempt that was lost is told again from its start
            self._attempt = attempt
            self.done, self.log, self.latest, self.points = 0, "", {}, {}

    def _record(self, record: Record) -> None:
        if isinstance(record, ProgressRecord):
            self.done, self.total = record.done, record.total
        elif isinstance(record, MetadataRecord):
            self._metrics(record.values)
        else:
            self._print(text_of(record))

    def _metrics(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.latest[name] = value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self.points.setdefault(name, deque(maxlen=POINTS)).append(value)

    def _print(self, text: str) -> None:
        if not text:
            return
        text = _ESCAPE.sub("", text).replace("\r\n", "\n")
        head, newline, line = self.log.rpartition("\n")
        self.log = (head + newline + _overwritten(line + text))[-LOG_TAIL:]


def text_of(record: Record) -> str:
    """Return what a record adds to the log."""
    if isinstance(record, LogRecord):
        return record.text
    if isinstance(record, OutputRecord) and record.content is not None:
        if record.message == "stream":
            return str(record.content.get("text", ""))
        if record.message == "error":
            return "\n".join(record.content.get("traceback", ())) + "\n"
    return ""


def _overwritten(text: str) -> str:
    """Return text as a terminal shows it, where a carriage return goes back to the line's start."""
    return "\n".join(_last_layer(line) for line in text.split("\n"))


def _last_layer(line: str) -> str:
    ended = line.endswith("\r")
    return line.rstrip("\r").rpartition("\r")[2] + ("\r" if ended else "")
