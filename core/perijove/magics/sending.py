"""Sending a cell: its variables pickled, its document made, and both submitted with the project folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perijove.client import Client, Submission
from perijove.client.roots import find_root
from perijove.client.submit import Advance, Noted, Report
from perijove.magics.cells import SENT
from perijove.magics.document import RemoteCell
from perijove.magics.failures import UnknownVariable
from perijove.magics.options import Options
from perijove.magics.pickling import write_variables
from perijove.magics.screen import StatusLine
from perijove.model.ids import as_line
from perijove.model.resources import Execution
from perijove.model.sizes import describe_size
from perijove.paths import is_file

_PLAIN_NAME = "remote.ipynb"


def send(client: Client, cell: RemoteCell, options: Options, variables: Mapping[str, Any], status: StatusLine,
         number: int) -> Execution:  # fmt: skip
    """Submit a cell with the variables that `options` names, and return its execution.

    Raises
    ------
    perijove.errors.PerijoveError
        Something can't be sent; nothing was created.
    """
    path = notebook_path()
    with tempfile.TemporaryDirectory(prefix="perijove-") as folder:
        extra, size = {}, 0
        if options.inputs:
            extra[SENT] = Path(folder) / SENT
            size = write_variables({name: _value(name, variables) for name in options.inputs}, extra[SENT])
        status.say(_sending(options, size, cell))
        return client.submit(_submission(path, cell, options, extra, number), _noting(status))


def notebook_path() -> Path:
    """Return where the document lies in the project folder: in the place of the notebook it was sent from.

    The notebook itself then stays out of the snapshot, which it would change with every save.
    """
    name = Path(os.environ.get("JPY_SESSION_NAME", "")).name
    path = Path.cwd() / name
    return path if path.suffix == ".ipynb" and is_file(path) else Path.cwd() / _PLAIN_NAME


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    try:
        return variables[name]
    except KeyError:
        raise UnknownVariable(f"There is no variable {name!r} here to send.") from None


def _submission(path: Path, cell: RemoteCell, options: Options, extra: dict[str, Path], number: int) -> Submission:
    name = "" if path.name == _PLAIN_NAME else f" of {path.name}"
    return Submission(
        path=path,
        content=cell.document,
        root=find_root(path),
        extra=extra,
        parameters=options.parameters,
        group=options.group,
        image=options.image,
        title=options.title or as_line(f"In [{number}]{name}"),
        time_limit=options.limit,
    )


def _sending(options: Options, size: int, cell: RemoteCell) -> str:
    parts = [f"{', '.join(options.inputs)} ({describe_size(size)})"] if options.inputs else []
    if cell.along:
        parts.append(f"In [{', '.join(map(str, cell.along))}]")
    return f"Sending the cell with {' and '.join(parts)} …" if parts else "Sending the cell …"


def _noting(status: StatusLine) -> Report:
    def report(advance: Advance) -> None:
        if isinstance(advance, Noted):
            print(advance.sentence, file=sys.stderr)

    return report
