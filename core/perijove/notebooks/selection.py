"""Which cells a person means: ``4``, ``2-5,9`` (positions among all cells, from 1), or cell ids."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perijove import errors

_RANGE = re.compile(r"^(\d+)\s*-\s*(\d+)$")


def select_cells(selection: str | Sequence[str | int], ids: Sequence[str]) -> list[str]:
    """Return the chosen cells' ids, in the notebook's order.

    Parameters
    ----------
    selection : str or sequence of str or int
        Positions, ranges and ids, separated by commas; or such items one by one. An id wins over a position
        that reads the same.
    ids : sequence of str
        The ids of all cells, in order.

    Raises
    ------
    perijove.errors.UnknownCell
        An item is no cell's position or id, or nothing is chosen.
    """
    items = selection.split(",") if isinstance(selection, str) else [str(item) for item in selection]
    chosen: set[str] = set()
    for item in items:
        chosen.update(_cells(item.strip(), ids))
    if not chosen:
        raise _unknown("", ids)
    return [cell for cell in ids if cell in chosen]


def _cells(item: str, ids: Sequence[str]) -> Sequence[str]:
    if item in ids:
        return [item]
    match = _RANGE.match(item)
    if match:
        first, last = int(match[1]), int(match[2])
    elif item.isascii() and item.isdigit():
        first = last = int(item)
    else:
        raise _unknown(item, ids)
    if not 1 <= first <= last <= len(ids):
        raise _unknown(item, ids)
    return ids[first - 1 : last]


def _unknown(item: str, ids: Sequence[str]) -> errors.UnknownCell:
    return errors.UnknownCell(
        f"The notebook has no cell {item!r}; it has {len(ids)} cells.",
        "Give positions from 1, such as '4' or '2-5,9' (all cells count, text too), or cell ids.",
    )
