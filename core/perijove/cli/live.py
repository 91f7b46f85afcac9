"""The live screen: a bar over the cells, below the log that scrolls by."""

from __future__ import annotations

import sys

from rich.ansi import AnsiDecoder
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from perijove.cli.output import COLOURS
from perijove.cli.rendering import STREAMS, stream_of, text_of
from perijove.cli.terminal import Lines, plain, safe
from perijove.client.events import Changed, ExecutionEvent
from perijove.model.records import CellRecord, CellState, PhaseRecord, ProgressRecord, Record
from perijove.model.resources import Execution
from perijove.model.status import WAITING

_REDRAWS_A_SECOND = 8
#: The unfinished line is shown above the bar; a program that never ends its line must not fill the screen.
_TAIL = 400


class LiveScreen:
    """Draws on standard error; the log goes above the bar, or to standard output if that is not the terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._log_here = sys.stdout.isatty()
        self._decoder = AnsiDecoder()
        # One a stream: a progress bar on standard error is not torn by what is printed on standard output meanwhile.
        self._lines = {stream: Lines() for stream in STREAMS}
        self._attempt = 0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("Waiting", total=None)
        self._live = Live(
            console=self._console,
            refresh_per_second=_REDRAWS_A_SECOND,
            get_renderable=self._render,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _render(self) -> RenderableType:
        rests = (lines.rest[-_TAIL:].rstrip("\r").rpartition("\r")[2] for lines in self._lines.values())
        return Group(*(Text(plain(rest)) for rest in rests if rest), self._progress.get_renderable())

    def show(self, event: ExecutionEvent) -> None:
        """Draw a record, or a change of the execution."""
        if isinstance(event, Changed):
            self._changed(event.execution)
            return
        if self._attempt not in {0, event.attempt}:
            self._progress.reset(self._task, total=None)
            self._console.print(Text(f"Attempt {event.attempt} starts from the beginning.", style="yellow"))
        self._attempt = event.attempt
        self._log(text_of(event.record), stream_of(event.record))
        self._advance(event.record)

    def _changed(self, execution: Execution) -> None:
        if execution.status not in WAITING:
            self._describe(str(execution.phase or execution.status), COLOURS.get(execution.status, ""))

    def _advance(self, record: Record) -> None:
        if isinstance(record, CellRecord):
            done = record.index if record.state is not CellState.RUNNING else record.index - 1
            self._progress.update(self._task, completed=done, total=record.total)
            self._describe(f"cell {record.index}")
        elif isinstance(record, ProgressRecord):
            self._progress.update(self._task, completed=record.done, total=record.total)
        elif isinstance(record, PhaseRecord):
            self._describe(" ".join(filter(None, (str(record.phase), record.detail))))

    def _describe(self, text: str, _style: str = "") -> None:
        self._progress.update(self._task, description=plain(text))

    def _log(self, text: str, stream: str) -> None:
        if not text:
            return
        if not self._log_here:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        for line in self._lines[stream].feed(text):
            self._print(line)

    def _print(self, line: str) -> None:
        """Print a line of the log above the bar; the decoder carries colours over from line to line."""
        self._console.print(self._decoder.decode_line(safe(line.rstrip("\r"))), soft_wrap=True)

    def waiting(self, sentence: str) -> None:
        """Draw what it waits for."""
        self._describe(sentence)

    def close(self) -> None:
        """Print the log's last line and take the bar away."""
        for lines in self._lines.values():
            for line in lines.flush():
                self._print(line)
        self._live.stop()
