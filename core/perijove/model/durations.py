"""Lengths of time as people write them: ``90``, ``"90s"``, ``"15m"``, ``"2h30m"``, ``"1d"``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TEXT = re.compile(r"^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def seconds(value: object) -> object:
    """Return the number of seconds `value` stands for; anything not understood is left for pydantic to refuse.

    Examples
    --------
    >>> seconds("2h30m")
    9000
    >>> seconds(15)
    15
    """
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text.isdigit():
        return int(text)
    match = _TEXT.match(text)
    if not text or match is None:
        raise ValueError("must be a number of seconds, or a time such as '90s', '15m', '2h30m' or '1d'")
    return sum(int(part) * unit for part, unit in zip(match.groups(), _UNITS.values(), strict=True) if part)


def describe_seconds(value: float) -> str:
    """Return a length of time for a reader: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if value < 10:  # noqa: PLR2004 - below ten seconds a tenth matters
        return f"{value:.1f} s"
    whole = round(value)
    if whole < _UNITS["m"]:
        return f"{whole} s"
    if whole < _UNITS["h"]:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


#: A positive number of seconds; text such as ``"2h"`` is accepted where it is read.
Seconds = Annotated[int, BeforeValidator(seconds), Field(gt=0, le=366 * 86_400)]
