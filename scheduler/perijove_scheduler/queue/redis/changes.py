"""Telling every replica of the master that executions changed."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove.wire.connection import execute, reach
from perijove.wire.keys import CHANGES
from perijove_scheduler.queue.redis.link import RedisLink

_LONGEST_PAUSE = 5.0

log = logging.getLogger(__name__)


class Changes:
    """The pub/sub channel `keys.CHANGES`."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def publish(self, executions: Sequence[str]) -> None:
        """Tell every replica that these executions' rows changed."""
        if executions:
            await execute(self._link.redis, "PUBLISH", CHANGES, " ".join(executions))

    async def follow(self) -> AsyncIterator[list[str]]:
        """Iterate over what is published, reconnecting for as long as the caller listens.

        An empty list comes first and after every new connection: what was published meanwhile was missed.
        """
        backoff = Backoff(0.1, _LONGEST_PAUSE)
        while True:
            try:
                async with aclosing(self._connection()) as messages:
                    async for executions in messages:
                        backoff.reset()
                        yield executions
            except Unavailable as error:
                log.warning("Changes cannot be followed: %s", error)
            await backoff.sleep()

    async def _connection(self) -> AsyncGenerator[list[str], None]:
        async with self._link.blocking.pubsub() as subscription:
            await reach(subscription.subscribe(CHANGES))
            while True:
                message: Any = await reach(subscription.get_message(timeout=30))
                if message is not None and message["type"] == "subscribe":
                    yield []
                elif message is not None:
                    yield message["data"].decode().split()
