"""What the replicas of the master tell each other: which executions changed, and for which loops there is work."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove.wire.connection import execute, reach
from perijove_scheduler.queue.redis.link import RedisLink

_LONGEST_PAUSE = 5.0

log = logging.getLogger(__name__)


class Channel:
    """A pub/sub channel whose messages are words."""

    def __init__(self, link: RedisLink, name: str) -> None:
        self._link = link
        self._name = name

    async def publish(self, words: Sequence[str]) -> None:
        """Tell every replica."""
        if words:
            await execute(self._link.redis, "PUBLISH", self._name, " ".join(words))

    async def follow(self) -> AsyncIterator[list[str]]:
        """Iterate over what is published, reconnecting for as long as the caller listens.

        An empty list comes first and after every new connection: what was published meanwhile was missed.
        """
        backoff = Backoff(0.1, _LONGEST_PAUSE)
        while True:
            try:
                async with aclosing(self._connection()) as messages:
                    async for words in messages:
                        backoff.reset()
                        yield words
            except Unavailable as error:
                log.warning("What replicas tell each other cannot be followed: %s", error)
            await backoff.sleep()

    async def _connection(self) -> AsyncGenerator[list[str], None]:
        async with self._link.blocking.pubsub() as subscription:
            await reach(subscription.subscribe(self._name))
            while True:
                message: Any = await reach(subscription.get_message(timeout=30))
                if message is not None and message["type"] == "subscribe":
                    yield []
                elif message is not None:
                    yield message["data"].decode().split()
