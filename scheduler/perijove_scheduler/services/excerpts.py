"""How much of one thing a list shows, and of many things a page: no list grows with what somebody's work prints."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)

#: Of one execution's metadata: how many keys, and about how many bytes of JSON.
MOST_KEYS, MOST_BYTES = 50, 4096
#: About how many bytes a page of a list has, if it has more than one item.
PAGE_BYTES = 2 * 1024 * 1024


def of_metadata(values: Mapping[str, Any], wanted: Collection[str] | None = None) -> tuple[dict[str, Any], bool]:
    """Return what a list shows of an execution's metadata, and whether something is left out.

    Parameters
    ----------
    wanted : collection of str, optional
        The keys that were asked for; by default the first ones there are. What is too long is left out all the same.
    """
    shown: dict[str, Any] = {}
    left = MOST_BYTES
    keys: Iterable[str] = values if wanted is None else (key for key in wanted if key in values)
    for key in keys:
        if len(shown) == MOST_KEYS or left <= 0:
            break
        size = len(key) + size_of(values[key], left)
        if size <= left:
            shown[key] = values[key]
            left -= size
    return shown, len(shown) < len(values)


def size_of(value: Any, most: int) -> int:
    """Return about how many bytes of JSON a value takes; of a long text it is not asked how many exactly."""
    if isinstance(value, str) and len(value) > most:
        return len(value)
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def of_page(items: Sequence[R], limit: int) -> list[R]:
    """Return how many of `items`, at most `limit`, one page has room for: at least the first one."""
    kept: list[R] = []
    left = PAGE_BYTES
    for item in items[:limit]:
        left -= len(item.model_dump_json(by_alias=True))
        if kept and left < 0:
            break
        kept.append(item)
    return kept
