"""What follows a committed change: a bell in this process, a message to the replicas and their viewers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from perijove.errors import Unavailable
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import Bell

_log = logging.getLogger(__name__)


class Announcer:
    """Tells of changes. What cannot be told is found by a loop's next turn, so it is no error."""

    def __init__(self, queue: Queue, bell: Bell) -> None:
        self._queue = queue
        self._bell = bell

    async def changed(self, executions: Sequence[str], *loops: str) -> None:
        """Ring `loops`, and tell every replica that these executions changed."""
        for loop in loops:
            self._bell.ring(loop)
        async with best_effort():
            await self._queue.publish_changes(executions)


@asynccontextmanager
async def best_effort() -> AsyncIterator[None]:
    """Go on when Redis cannot be reached: SQL has the truth, and the sweeper repeats what matters."""
    try:
        yield
    except Unavailable as error:
        _log.warning("Redis was not told: %s", error)
