"""Command lines as one shell runs them, and the marks by which is known where each of them ends."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import PurePosixPath

from perijove_agent.work.interpolation import Commands


class Script:
    """What one shell is started with, to run command lines one after another until one fails.

    Each line is evaluated by itself, so that no quote, comment or heredoc reaches into the next. Between two lines a
    mark is written to both pipes, on descriptors which the lines themselves don't have: wherever a line sends its
    output, what comes before the mark was printed by it or before it.

    Parameters
    ----------
    commands : Commands
        The lines.

    Attributes
    ----------
    mark : bytes
        What no work prints.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        token = secrets.token_hex(16)
        self._token = token
        self.mark = f"\0{token}\0".encode()

    def argv(self, shell: str) -> list[str]:
        """Return the command that runs the lines in the program `shell`."""
        is_bash = PurePosixPath(shell).name == "bash"
        values = [*self._commands.variables.values(), *self._commands.run]
        return [shell, "-c", "\n".join(self._code(is_bash)), PurePosixPath(shell).name, *values]

    def _code(self, is_bash: bool) -> Iterator[str]:
        # Other shells know single-digit descriptors only; bash keeps 255 for itself.
        out, err = ("253", "254") if is_bash else ("8", "9")
        lines = [f"__perijove_line_{number}" for number in range(1, len(self._commands.run) + 1)]
        for number, name in enumerate([*self._commands.variables, *lines], 1):
            yield f"{name}=${{{number}}}"
        yield "set --"
        yield f"exec {out}>&1 {err}>&2"
        # A line that ends well although it was interrupted is the last one.
        yield "trap 'exit 130' INT"
        for line in lines:
            # Not in a condition, in which a line's own `set -e` would mean nothing.
            yield f'eval "${line}" {out}>&- {err}>&-'
            if line != lines[-1]:
                marks = "; ".join(f"printf '\\0%s\\0' {self._token} >&{each}" for each in (out, err))
                # Its standard error is closed for the sake of a line's own `set -x`.
                yield f"{{ case $? in 0) ;; *) exit ;; esac; {marks}; }} 2>/dev/null"


class Marks:
    """Cuts what comes through a pipe at the marks of a script.

    Parameters
    ----------
    mark : bytes
        What to look for; it begins with a zero byte.
    """

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._kept = b""

    def cut(self, data: bytes) -> list[bytes]:
        """Return `data` in the pieces around its marks: at least one. What may be the start of a mark is kept back."""
        *pieces, rest = (self._kept + data).split(self._mark)
        start = rest.find(b"\0", max(0, len(rest) - len(self._mark) + 1))
        while start >= 0 and not self._mark.startswith(rest[start:]):
            start = rest.find(b"\0", start + 1)
        self._kept = rest[start:] if start >= 0 else b""
        return [*pieces, rest[:start] if start >= 0 else rest]

    def rest(self) -> bytes:
        """Return what was kept back, at the pipe's end."""
        kept, self._kept = self._kept, b""
        return kept
