"""Text from elsewhere, made safe to show.

What a remote program prints may hold sequences that move the cursor, rename the window or paste into the shell. To a
terminal go only colours, tabs, newlines and carriage returns; the rest is made visible. A file or a pipe gets the text
as it is.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

_COLOUR = r"\x1b\[[0-9;]{0,40}m"
_UNSAFE = re.compile(rf"(?P<colour>{_COLOUR})|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PICTURES, _DELETE, _FIRST_C1 = 0x2400, 0x7F, 0x80


def safe(text: str) -> str:
    r"""Return `text` with every control character but tab, newline, carriage return and colours made visible.

    Examples
    --------
    >>> safe("\x1b[2Jgone")
    '␛[2Jgone'
    """
    return _UNSAFE.sub(_visible, text)


def plain(text: str) -> str:
    """Return `text` on one line, without colours: for a cell of a table."""
    return safe(re.sub(_COLOUR, "", text)).replace("\r", "␍").replace("\n", "␊")


def _visible(match: re.Match[str]) -> str:
    if match["colour"]:
        return match["colour"]
    code = ord(match[0])
    if code == _DELETE:
        return "␡"
    return chr(_PICTURES + code) if code < _FIRST_C1 else f"\\x{code:02x}"


def shows_bars() -> bool:
    """Return whether standard error is a terminal that can redraw."""
    return sys.stderr.isatty()


@dataclass
class Lines:
    """Cuts text that comes in pieces into lines; `rest` is the line that is not finished."""

    rest: str = ""

    def feed(self, text: str) -> list[str]:
        """Take the next piece; return the lines it completes, without their newline."""
        *lines, self.rest = (self.rest + text).split("\n")
        return lines

    def flush(self) -> list[str]:
        """Return the unfinished line, if there is one."""
        lines, self.rest = [self.rest] if self.rest else [], ""
        return lines
