"""How long to wait before trying again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from perijove import errors

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_RANDOM = random.SystemRandom()


class Backoff:
    """Waits that grow, each drawn at random so that many agents do not come back in step.

    This is "full jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.

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


async def persist(what: str, call: Callable[[], Awaitable[Result]], most: float = 10.0) -> Result:
    """Return what `call` returns, however often Redis has to be asked.

    Parameters
    ----------
    what : str
        What waits meanwhile, for the agent's log.
    call : callable
        Raises `perijove.errors.Unavailable` while Redis is away; repeating it is harmless.
    most : float
        Seconds no wait passes.
    """
    backoff = Backoff(0.1, most)
    while True:
        try:
            return await call()
        except errors.Unavailable as error:  # noqa: PERF203 - trying again is what this is for
            log.debug("%s waits: %s", what, error)
            await backoff.sleep()
