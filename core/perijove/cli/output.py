"""Printing answers: JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perijove.cli.session import Session
from perijove.cli.terminal import plain
from perijove.model.durations import describe_seconds
from perijove.model.resources import Execution
from perijove.model.status import TERMINAL, Status

T = TypeVar("T", bound=BaseModel)
#: Wide enough that nothing is cut where no window limits the width.
_UNLIMITED = 4096
COLOURS = {
    Status.COMPLETE: "green",
    Status.ERROR: "red",
    Status.CRASHED: "red",
    Status.STOPPED: "yellow",
    Status.STOPPING: "yellow",
    Status.STARTED: "cyan",
}


def emit(value: BaseModel | Sequence[BaseModel] | dict[str, Any], indent: int | None = 2) -> None:
    """Print a resource, or a list of them, as JSON."""
    click.echo(json.dumps(jsonable(value), indent=indent, ensure_ascii=False))


def jsonable(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> Any:
    """Return a resource, or a list of them, as the REST API writes it."""
    if isinstance(value, BaseModel):
        fields = value.model_dump(mode="json")
        if isinstance(value, Execution):
            fields["spec"] = value.spec.as_json()
        return fields
    return value if isinstance(value, dict) else [jsonable(item) for item in value]


def print_list(
    session: Session, found: Sequence[T], columns: Sequence[str], row: Callable[[T], Sequence[str | Text]], nothing: str
) -> None:
    """Print a list: as JSON, as a table with one `row` for each, or the sentence `nothing` where it is empty."""
    if session.json:
        emit(found)
    elif found:
        table(columns, map(row, found))
    else:
        session.say(nothing)


def console(*, err: bool = False) -> Console:
    """Return a rich console; without a terminal it prints plain text and cuts nothing."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _UNLIMITED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, err: bool = False) -> None:
    """Print rows below their headings."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    screen = console(err=err)
    if screen.is_terminal:
        screen.print(shown)
        return
    with screen.capture() as captured:
        screen.print(shown)
    click.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")), err=err)


def status_text(status: Status) -> Text:
    """Return a status in its colour."""
    return Text(str(status), style=COLOURS.get(status, ""))


def ago(moment: datetime | None) -> str:
    """Return how long ago something was, for a reader."""
    if moment is None:
        return "-"
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    return f"{describe_seconds(max(0.0, seconds))} ago"


def length(execution: Execution) -> str:
    """Return how long an execution has run, or ran."""
    if execution.started_at is None:
        return "-"
    end = execution.finished_at if execution.status in TERMINAL else None
    seconds = ((end or datetime.now(timezone.utc)) - execution.started_at).total_seconds()
    return describe_seconds(max(0.0, seconds))
