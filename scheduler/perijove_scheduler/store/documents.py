"""How documents and texts are made fit for every database."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any


def plain_text(value: str) -> str:
    """Return `value` without what PostgreSQL refuses to store: NUL characters and lone surrogates."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """Return a JSON value in which every text is `plain_text` and a number that JSON has no word for is null."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {plain_text(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Write a document as the JSON that every database takes; `default` as `json.dumps` has it."""
    return _written(value, default) or _dumps(plain(value), default)


def is_plain(value: Any) -> bool:
    """Return whether `plain` would change nothing."""
    return _written(value) is not None or bool(plain(value) == value)


def _written(value: Any, default: Callable[[Any], Any] | None = None) -> str | None:
    """Return a JSON value's text, unless it might hold what no database takes. Nearly all is told at C's speed."""
    try:
        text = _dumps(value, default)
        text.encode()  # raises where there is half of a surrogate pair
    except ValueError:
        return None
    return None if "\\u0000" in text else text


def _dumps(value: Any, default: Callable[[Any], Any] | None) -> str:
    return json.dumps(value, default=default, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
