"""Work that goes on beside a loop's turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Coroutine
from typing import Any

from perijove.errors import PerijoveError

_log = logging.getLogger("perijove.loops.tasks")


class Tasks:
    """One task for each name at most; what a name is busy with is not begun a second time."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> Collection[str]:
        """The names that are busy now."""
        return self._tasks.keys()

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work` under `name`, unless that name is busy."""
        if name in self._tasks:
            work.close()
            return
        task = self._tasks[name] = asyncio.create_task(work, name=f"perijove-{name}")
        task.add_done_callback(lambda done: self._done(name, done))

    async def settle(self) -> None:
        """Wait until nothing is busy."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def cancel(self) -> None:
        """Interrupt everything."""
        for task in self._tasks.values():
            task.cancel()
        await self.settle()

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        del self._tasks[name]
        # Whatever it was is tried again by a later turn, which looks at what there is.
        if not task.cancelled() and (error := task.exception()):
            if isinstance(error, PerijoveError):
                _log.warning("%s failed: %s", name, error.message)
            else:
                _log.error("%s failed", name, exc_info=error)


async def together(*calls: Awaitable[None]) -> None:
    """Wait for all of `calls`, then raise what went wrong first: nothing goes on behind the caller's back."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if outcome is not None:
            raise outcome
