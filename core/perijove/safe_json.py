"""Text and JSON made safe, in one place: what work prints or leaves enters the platform through here.

JSON of other people's making can hold what a serialiser, a database or a reader in another language refuses: half a
surrogate pair, nesting that exhausts a stack, an integer of five thousand digits. Whoever takes such a value in calls
`repaired` or `fits`; from then on nobody has to ask again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

#: Integers beyond this many bits become text: Python itself refuses to write decimal numbers of over 4,300 digits.
_INTEGER_BITS = 14_000
_INTEGER_DIGITS = 4_300


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


def bounded_text(text: str, most: int) -> str:
    """Return `repaired_text` of at most `most` characters; one that was cut ends with an ellipsis."""
    return repaired_text(text if len(text) <= most else text[: most - 1] + "…")


def text_of(value: Any) -> str:
    """Return any value as `repaired_text`; a large integer, which `str` may refuse, is only described."""
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        return f"an integer of {value.bit_length()} bits"
    return repaired_text(str(value))


def parsed(document: str | bytes, depth: int = MESSAGE.depth) -> Any:
    """Read JSON that others wrote, and return it as `repaired` would; what is as it should be is read at C's speed.

    Raises
    ------
    ValueError
        It is no JSON, or nested too deep to be read at all.
    """
    try:
        value = from_json(document, allow_inf_nan=False)
    except ValueError:
        text = document.decode("utf-8", "replace") if isinstance(document, bytes) else document
        try:
            return repaired(json.loads(text, parse_int=_integer), depth)
        except RecursionError:
            raise ValueError("it is nested too deep to be read") from None
    return repaired(value, depth) if _may_be_deeper(document, depth) and is_deeper(value, depth) else value


def written(value: Any) -> bytes:
    """Return a value as one line of strict JSON; what JSON has no word for is written as `repaired` has it."""
    try:
        return to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:
        return to_json(repaired(value), inf_nan_mode="null")


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
        return {text_of(key): repaired(item, inner) for key, item in value.items()} if depth > 0 else None
    if isinstance(value, list | tuple):
        return [repaired(item, inner) for item in value] if depth > 0 else None
    if isinstance(value, str):
        return repaired_text(value)
    return value if value is None or isinstance(value, bool) else _repaired_number(value)


def _repaired_number(value: Any) -> Any:
    """Return a number as JSON writes it; text for one that is too large, and for whatever is none of JSON's values."""
    if isinstance(value, int) and value.bit_length() <= _INTEGER_BITS:
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return text_of(value)


def _integer(digits: str) -> int | str:
    """Return an integer that JSON writes; text in its place where Python refuses to read as many digits."""
    return int(digits) if len(digits) <= _INTEGER_DIGITS else f"an integer of {len(digits.lstrip('-'))} digits"


def fits(value: Any, bounds: Bounds) -> bool:
    """Return whether a JSON value is within `bounds`.

    It is looked at level by level, so that no depth exhausts a stack, and not beyond the bounds: a few lines of YAML
    stand for a value without end by their aliases.
    """
    level, values, characters, depth = [value], 1, 0, 0
    while level:
        characters += sum(map(_characters, level))
        depth += any(isinstance(item, dict | list | tuple) for item in level)
        inner = (child for item in level for child in _children(item))
        level = list(islice(inner, bounds.values - values + 1))
        values += len(level)
        if values > bounds.values or characters > bounds.characters or depth > bounds.depth:
            return False
    return True


def size(value: Any) -> tuple[int, int]:
    """Return how many values a JSON value has in all, itself included, and how many characters, as `Bounds` counts."""
    level, values, characters = [value], 1, 0
    while level:
        characters += sum(map(_characters, level))
        level = [child for item in level for child in _children(item)]
        values += len(level)
    return values, characters


def is_deeper(value: Any, depth: int) -> bool:
    """Return whether a JSON value has more than `depth` levels of lists and objects."""
    level = [value] if isinstance(value, dict | list | tuple) else []
    while level and depth > 0:
        depth -= 1
        level = [item for outer in level for item in _children(outer) if isinstance(item, dict | list | tuple)]
    return bool(level)


def _may_be_deeper(document: str | bytes, depth: int) -> bool:
    """Return whether a document has brackets enough for more than `depth` levels: most have not."""
    if isinstance(document, bytes):
        return document.count(b"[") + document.count(b"{") > depth
    return document.count("[") + document.count("{") > depth


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    keys = value if isinstance(value, dict) else ()
    return sum(len(key if isinstance(key, str) else text_of(key)) for key in keys)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
