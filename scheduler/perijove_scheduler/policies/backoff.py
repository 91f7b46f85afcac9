"""How long to wait before something that failed is tried again."""

from __future__ import annotations


def pause(failures: int, first: float, longest: float, jitter: float) -> float:
    """Return the seconds to wait after `failures` failures in a row: doubled each time, up to `longest`.

    Parameters
    ----------
    first : float
        Seconds after the first failure.
    jitter : float
        From 0 to 1, drawn by the caller: up to half of the pause is taken off, so that what failed together does not
        try again together.
    """
    if failures <= 0:
        return 0.0
    whole = min(first * 2.0 ** min(failures - 1, 32), longest)
    return whole * (1 - jitter / 2)
