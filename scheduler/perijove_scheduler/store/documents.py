"""How documents and texts are made fit for every database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from perijove.safe_json import repaired, repaired_text


def plain_text(value: str) -> str:
    """Return `value` without what PostgreSQL refuses to store: NUL characters and lone surrogates."""
    return repaired_text(value.replace("\0", "\ufffd"))


def plain(value: Any) -> Any:
    """Return a JSON value as `perijove.safe_json.repaired` has it, in which every text is `plain_text`."""
    return _without_nul(repaired(value))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {plain_text(key): _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value


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
    except (ValueError, RecursionError):
        return None
    return None if "\\u0000" in text else text


def _dumps(value: Any, default: Callable[[Any], Any] | None) -> str:
    return json.dumps(value, default=default, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
