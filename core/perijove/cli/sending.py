"""What a person sees while work is submitted: notes, the snapshot's size before it goes, and how far it has gone."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from typing_extensions import Self

from perijove.cli.output import console
from perijove.cli.session import Session
from perijove.cli.terminal import shows_bars
from perijove.client.submit import Advance, Chosen, Known, Noted, Scanned, Uploading
from perijove.code import Plan, describe_size


class Sending:
    """Reports a submission; call it with what happens."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, advance: Advance) -> None:
        """Take note of what happened."""
        if isinstance(advance, Noted):
            self._session.say(f"Note: {advance.sentence}")
        elif isinstance(advance, Chosen):
            if advance.picked:
                self._session.say(describe_cells(advance))
        elif isinstance(advance, Scanned):
            self._session.say(describe(advance.plan))
        elif isinstance(advance, Known):
            self._session.say("The service has this snapshot already.")
        elif isinstance(advance, Uploading):
            self._uploading(advance)

    def _uploading(self, advance: Uploading) -> None:
        if self._bar is None or self._task is None:
            return
        self._bar.update(self._task, completed=advance.sent, total=advance.size, visible=True)

    def __enter__(self) -> Self:
        if shows_bars() and not (self._session.quiet or self._session.json):
            columns = (TextColumn("Sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=console(err=True), transient=True)
            self._task = self._bar.add_task("", total=None, visible=False)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def describe(plan: Plan) -> str:
    """Return what a snapshot holds, in a sentence."""
    files = f"{plan.count:,} file{'' if plan.count == 1 else 's'}"
    ignored = f"; {plan.ignored_count:,} ignored" if plan.ignored_count else ""
    beside = " beside the notebook" if plan.leave_out else ""
    return f"Snapshot of {plan.root}: {files}{beside}, {describe_size(plan.size)}{ignored}."


def describe_cells(going: Chosen) -> str:
    """Return which cells go, in a sentence."""
    picked = f"{len(going.picked)} chosen cell{'' if len(going.picked) == 1 else 's'}"
    others = len(going.cells) - len(going.picked)
    if others <= 0:
        return f"Cells: {picked}, and no other."
    names = f", for {', '.join(going.needed)}" if going.needed else ""
    return f"Cells: {picked}, and {others} more{names}."
