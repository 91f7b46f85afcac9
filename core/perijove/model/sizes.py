"""Sizes as people read them."""

from __future__ import annotations

_STEP = 1024


def describe_size(size: float) -> str:
    """Return a number of bytes for a reader: ``512 B``, ``3.4 MiB``, ``1.0 GiB``.

    Examples
    --------
    >>> describe_size(3_565_158)
    '3.4 MiB'
    """
    if size < _STEP:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= _STEP
        if size < _STEP:
            return f"{size:.1f} {unit}"
    return f"{size / _STEP:.1f} TiB"
