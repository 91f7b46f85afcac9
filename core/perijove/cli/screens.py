"""What a person sees while an execution is followed: plain lines, or JSON lines. `LiveScreen` is in `live`."""

from __future__ import annotations

import sys
from typing import Protocol

import click

from perijove.cli.live import LiveScreen
from perijove.cli.output import emit, jsonable
from perijove.cli.rendering import text_of
from perijove.cli.session import Session
from perijove.cli.terminal import Lines, safe, shows_bars
from perijove.client import Changed, ExecutionEvent
from perijove.client.events import Recorded
from perijove.model.records import CellRecord, CellState, PhaseRecord
from perijove.model.resources import Execution
from perijove.model.status import Status


class Screen(Protocol):
    """Shows an execution that is followed."""

    def show(self, event: ExecutionEvent) -> None:
        """Show a record, or a change of the execution."""

    def waiting(self, sentence: str) -> None:
        """Say what it waits for; asked again and again while it waits."""

    def close(self) -> None:
        """Finish the log and leave the terminal as it was."""


class JsonScreen:
    """One JSON object a line: every event as it comes."""

    def show(self, event: ExecutionEvent) -> None:
        """Print the event."""
        if isinstance(event, Recorded):
            record = event.record.model_dump(mode="json")
            emit({"event": "record", "attempt": event.attempt, "record": record}, indent=None)
        else:
            emit({"event": "execution", "execution": jsonable(event.execution)}, indent=None)

    def waiting(self, sentence: str) -> None:
        """Say nothing: it is not an event."""

    def close(self) -> None:
        """Do nothing."""


class PlainScreen:
    """The log on standard output as it is, and what happens around it, line by line, on standard error."""

    def __init__(self, session: Session) -> None:
        self._say = session.say
        self._said = ""
        self._status: Status | None = None
        self._attempt = 0
        self._log = PlainLog()

    def show(self, event: ExecutionEvent) -> None:
        """Print what the event adds to the log, or say what it changes."""
        if isinstance(event, Changed):
            self._changed(event.execution)
            return
        if self._attempt not in {0, event.attempt}:
            self._note(f"Attempt {event.attempt} starts from the beginning.")
        self._attempt = event.attempt
        self._log.write(text_of(event.record))
        if isinstance(event.record, CellRecord):
            self._cell(event.record)
        elif isinstance(event.record, PhaseRecord):
            self._note(f"{event.record.phase.value.capitalize()}{_detail(event.record)}.")

    def _changed(self, execution: Execution) -> None:
        if execution.status is not self._status:
            self._status = execution.status
            self._note(f"Execution {execution.number} is {execution.status}.")

    def _cell(self, record: CellRecord) -> None:
        if record.state is not CellState.RUNNING:
            took = "" if record.seconds is None else f" in {record.seconds:.1f} s"
            self._note(f"Cell {record.index} of {record.total} {record.state.value}{took}.")

    def _note(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._say(sentence)

    def waiting(self, sentence: str) -> None:
        """Say what it waits for, once for each sentence."""
        self._note(sentence)

    def close(self) -> None:
        """End the log's last line."""
        self._log.close()


class PlainLog:
    """Writes log text to standard output: as it is to a file or a pipe, made safe to a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._lines = Lines()
        self._ended = True

    def write(self, text: str) -> None:
        """Write a piece of the log. A terminal gets whole lines, so that a colour cut in two stays one."""
        if not text:
            return
        if self._terminal:
            for line in self._lines.feed(text):
                click.echo(safe(line) + ("\x1b[0m" if "\x1b" in line else ""))
            return
        sys.stdout.write(text)
        sys.stdout.flush()
        self._ended = text.endswith("\n")

    def close(self) -> None:
        """End the last line."""
        for line in self._lines.flush():
            click.echo(safe(line))
        if not self._ended:
            click.echo()


def _detail(record: PhaseRecord) -> str:
    return f": {record.detail}" if record.detail else ""


def screen(session: Session) -> Screen:
    """Return the screen that suits the session and the terminal."""
    if session.json:
        return JsonScreen()
    if shows_bars() and not session.quiet:
        return LiveScreen()
    return PlainScreen(session)
