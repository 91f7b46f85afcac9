"""Text and JSON made safe, in one place: what work prints or leaves enters the platform through here.

JSON of other people's making can hold what a serialiser, a database or a reader in another language refuses: half a
surrogate pair, nesting that exhausts a stack, an integer of five thousand digits. Whoever takes such a value in calls
`repaired` or `fits`; from then on nobody has to ask again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Integers beyond this many bits become text: Python itself refuses to write decimal numbers of over 4,300 digits.
_INTEGER_BITS = 1024


@dataclass(frozen=True)
class Bounds:
    """How large a JSON value may be.

    Attributes
    ----------
    depth : int
        Levels of nesting; a number or a text has none.
    values : int
        Numbers, texts, lists and objects in all, keys not counted.
    characters : int
        Characters of all texts and keys together.
    """

    depth: int
    values: int
    characters: int


#: What one line that work prints may become as metadata, and what an attempt's latest values may grow to.
METADATA = Bounds(depth=16, values=1_000, characters=64 * 1024)
#: What a kernel's message may hold: far below the nesting that a serialiser takes (pydantic's stops at 255).
MESSAGE = Bounds(depth=100, values=2_000_000, characters=256 * 1024 * 1024)


def repaired_text(text: str) -> str:
    """Return `text` as UTF-8 can hold it: halves of surrogate pairs are joined where both are there, else replaced."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def repaired(value: Any, depth: int = MESSAGE.depth) -> Any:
    """Return a value that every serialiser writes and every reader understands.

    Texts are `repaired_text`; a number JSON has no word for becomes None; an integer too large to be written becomes
    text, as does every object that is none of JSON's; what is nested deeper than `depth` becomes None.

    Parameters
    ----------
    value : object
        Of any type, however deep.
    depth : int
        Levels of lists and objects that are kept.
    """
    inner = depth - 1
    if isinstance(value, dict):
        return {repaired_text(str(key)): repaired(item, inner) for key, item in value.items()} if depth > 0 else None
    if isinstance(value, list | tuple):
        return [repaired(item, inner) for item in value] if depth > 0 else None
    if isinstance(value, str):
        return repaired_text(value)
    return value if value is None or isinstance(value, bool) else _repaired_number(value)


def _repaired_number(value: Any) -> Any:
    """Return a number as JSON writes it; text for one that is too large, and for whatever is none of JSON's values."""
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _INTEGER_BITS else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return repaired_text(str(value))


def fits(value: Any, bounds: Bounds) -> bool:
    """Return whether a JSON value is within `bounds`; looked at level by level, so that no depth exhausts a stack."""
    level, depth, values, characters = [value], 0, 1, 0
    while level:
        inner: list[Any] = []
        for item in level:
            characters += _characters(item)
            inner.extend(_children(item))
        depth += any(isinstance(item, dict | list | tuple) for item in level)
        values += len(inner)
        if depth > bounds.depth or values > bounds.values or characters > bounds.characters:
            return False
        level = inner
    return True


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(len(str(key)) for key in value) if isinstance(value, dict) else 0


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
