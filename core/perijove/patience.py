"""Waiting: for an event with a limit, and before trying again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

_RANDOM = random.SystemRandom()


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, up to `seconds`; return whether it is.

    `asyncio.wait_for` would do, but before Python 3.12 it can swallow a cancellation
    (https://github.com/python/cpython/issues/86296), and a loop that is being stopped would run on.
    """
    if event.is_set():
        return True
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=seconds)
    finally:
        waiter.cancel()
    return event.is_set()


async def ends_within(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Wait for `work` to end, up to `seconds`; return whether it did. What did not is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    for each in done:
        each.result()
    return bool(done)


def spread(seconds: float) -> float:
    """Return a time up to a quarter shorter or longer, so that many who wait for as long do not wake together."""
    return seconds * _RANDOM.uniform(0.75, 1.25)


class Backoff:
    """Waits that grow, each drawn at random so that many that failed together do not come back in step.

    See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter").

    Parameters
    ----------
    first, most : float
        Seconds: the first wait's upper bound, and the bound no wait passes.
    """

    def __init__(self, first: float = 0.1, most: float = 10.0) -> None:
        self.first = first
        self.most = most
        self.failures = 0

    def next(self) -> float:
        """Return the seconds to wait after one more failure."""
        bound = min(self.most, self.first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return _RANDOM.uniform(bound / 2, bound)

    def reset(self) -> None:
        """Start again from the first wait: something worked."""
        self.failures = 0

    async def sleep(self) -> None:
        """Wait as long as it is due."""
        await asyncio.sleep(self.next())
