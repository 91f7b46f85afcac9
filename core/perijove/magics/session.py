"""What was executed in this session, as cells that can run elsewhere.

A cell that raised counts up to the statement that raised, a cell that Python could not read not at all: neither defined
more than that here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Lines that are about Perijove in this session and mean nothing to a worker.
_OURS = re.compile(r"^[^\S\n]*%(?:(?:load_ext|reload_ext|unload_ext)[^\S\n]+perijove\b|remote\b).*$", re.MULTILINE)
#: A cell that is sent away, perhaps inside another magic such as ``%%time``.
_REMOTE = re.compile(r"^\s*(?:%%\w.*\n\s*)*%%remote\b")
_HELP = re.compile(r"^\s*\?|\?\s*$")


@dataclass(frozen=True)
class SessionCell:
    """An input of this session: its number, as in ``In [3]``, and its source."""

    number: int
    source: str


class Failures:
    """Remembers at which line the cells of a session failed.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The session.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        #: Input number → the line of IPython's translation of it that raised; 0 if nothing of it ran.
        self.lines: dict[int, int] = {}

    def note(self, result: Any) -> None:
        """Look at what became of a cell; IPython calls this after each."""
        number = result.execution_count
        if number is None:
            return
        if result.error_before_exec is not None:
            self.lines[number] = 0
        elif result.error_in_exec is not None:
            self.lines[number] = _line(result.error_in_exec, self._shell)


def current_number(shell: Any) -> int:
    """Return the number of the input that is being executed; IPython's own counter may be one ahead already."""
    inputs = shell.history_manager.input_hist_raw
    return len(inputs) - bool(_REMOTE.match(inputs[-1]))


def executed_cells(shell: Any, failures: Failures) -> list[SessionCell]:
    """Return the cells executed so far, in order, without those that were sent away."""
    history = shell.history_manager
    pairs = zip(history.input_hist_raw, history.input_hist_parsed, strict=False)
    cells = (_cell(number, raw, parsed, failures) for number, (raw, parsed) in enumerate(pairs))
    return [cell for cell in cells if cell is not None]


def _cell(number: int, raw: str, parsed: str, failures: Failures) -> SessionCell | None:
    if _REMOTE.match(raw) or _HELP.search(raw):
        return None
    source = raw if number not in failures.lines else _head(parsed, failures.lines[number])
    source = _OURS.sub("", source).strip("\n")
    return SessionCell(number, source) if source.strip() and _readable(source) else None


def _head(source: str, line: int) -> str:
    """Return the statements of a cell that ended before the one at `line`."""
    for statement in _statements(source):
        decorators = [item.lineno for item in getattr(statement, "decorator_list", ())]
        first = min([statement.lineno, *decorators])
        if first <= line <= (statement.end_lineno or first):
            return "".join(source.splitlines(keepends=True)[: first - 1])
    return ""


def _statements(source: str) -> Iterator[ast.stmt]:
    from perijove.notebooks.magics import parse  # noqa: PLC0415 - takes a second to import

    try:
        yield from parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return


def _readable(source: str) -> bool:
    from perijove.notebooks.magics import parse  # noqa: PLC0415 - takes a second to import

    try:
        parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _line(error: BaseException, shell: Any) -> int:
    """Return the line at which a cell's own code was when it raised."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_frame.f_globals is shell.user_global_ns and code.co_name.startswith("<"):
            return trace.tb_lineno
        trace = trace.tb_next
    return 0
