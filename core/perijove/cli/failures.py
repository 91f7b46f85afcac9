"""Telling what went wrong, in a sentence with a hint, and the exit status that goes with it."""

from __future__ import annotations

import json
import sys

import click

from perijove.cli.terminal import safe
from perijove.errors import PerijoveError
from perijove.model.status import Status

#: How a followed execution's end becomes an exit status.
EXIT: dict[Status, int] = {Status.COMPLETE: 0, Status.ERROR: 1, Status.CRASHED: 3, Status.STOPPED: 3}
_ERROR, _USAGE = 1, 2
_CLIENT_ERRORS = range(400, 500)


class Usage(PerijoveError):
    """The command was not given as it should be."""

    status = 400


def tell(error: Exception, *, as_json: bool) -> int:
    """Say on standard error what went wrong; return the exit status.

    What the user can mend is 2, all else 1. What is neither ours nor the system's is a defect, and is raised.
    """
    told = _known(error)
    if told is None:
        raise error
    if as_json:
        sys.stderr.write(json.dumps(told.as_json()) + "\n")
    else:
        hint = f"\nHint: {told.hint}" if told.hint else ""
        sys.stderr.write(safe(f"Error: {told.message}{hint}\n"))
    return _USAGE if told.status in _CLIENT_ERRORS else _ERROR


def _known(error: Exception) -> PerijoveError | None:
    if isinstance(error, PerijoveError):
        return error
    if isinstance(error, click.ClickException):
        return Usage(error.format_message(), _help_hint(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return PerijoveError(f"{where}{error.strerror}.")
    return None


def _help_hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See '{context.command_path} --help'." if context is not None else ""
