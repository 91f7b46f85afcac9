"""The byte range of a request (https://www.rfc-editor.org/rfc/rfc9110#name-range-requests)."""

from __future__ import annotations

import re
from typing import NamedTuple

from perijove.errors import InvalidRequest

_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class Span(NamedTuple):
    """From byte `start` to before byte `end`."""

    start: int
    end: int


class RangeNotSatisfiable(InvalidRequest):
    """The range asked for lies outside the file."""

    status = 416


def span(header: str | None, size: int) -> Span | None:
    """Return what a Range header asks for of `size` bytes.

    None means all of it: without a header, with several ranges, or with a unit other than bytes, which a server may
    ignore.

    Raises
    ------
    RangeNotSatisfiable
        Not one byte of the range exists.
    """
    match = _RANGE.match((header or "").replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    if match[1] and match[2] and int(match[2]) < start:
        return None
    if start >= end:
        raise RangeNotSatisfiable(f"The file has {size} bytes.", "Ask for a range within it.")
    return Span(start, end)
