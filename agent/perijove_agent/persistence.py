"""Asking Redis again until it answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from perijove import errors
from perijove.patience import Backoff

log = logging.getLogger(__name__)

Result = TypeVar("Result")


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
