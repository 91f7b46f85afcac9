"""Work that goes on beside a loop's turns."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from perijove.errors import PerijoveError
from perijove_scheduler.policies.backoff import pause

_log = logging.getLogger("perijove.loops.tasks")
#: Seconds before what failed once is tried again, and before what has failed very often is.
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
#: Seconds after which it is forgotten that something failed which nobody tries any more.
_REMEMBERED = 3600.0


@dataclass(frozen=True)
class _Failed:
    times: int
    not_before: float


class Tasks:
    """One task for each name at most; what a name is busy with is not begun a second time.

    What failed is not begun again before a pause that doubles: whoever finds that it is still to be done may ask at
    each of its turns.

    Parameters
    ----------
    clock : callable, optional
        Seconds, for these pauses only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, _Failed] = {}

    @property
    def names(self) -> Collection[str]:
        """The names that are busy now."""
        return self._tasks.keys()

    def spawn(self, name: str, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work` under `name`, unless that name is busy or failed just now; `what` says in the log what it is."""
        failed = self._failed.get(name)
        if name in self._tasks or (failed is not None and self._clock() < failed.not_before):
            work.close()
            return
        task = self._tasks[name] = asyncio.create_task(work, name=f"perijove-{name}")
        task.add_done_callback(lambda done: self._done(name, what, done))

    def next_in(self) -> float | None:
        """Return the seconds until something that failed may be begun again; None if nothing waits for that."""
        pauses = (failed.not_before - self._clock() for failed in self._failed.values())
        return min((seconds for seconds in pauses if seconds > 0), default=None)

    async def settle(self) -> None:
        """Wait until nothing is busy."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def cancel(self) -> None:
        """Interrupt everything."""
        for task in self._tasks.values():
            task.cancel()
        await self.settle()

    def _done(self, name: str, what: str, task: asyncio.Task[None]) -> None:
        del self._tasks[name]
        before = self._failed.pop(name, None)
        if task.cancelled() or not (error := task.exception()):
            return
        times, now = (before.times if before else 0) + 1, self._clock()
        seconds = pause(times, FIRST_PAUSE, LONGEST_PAUSE, random.random())  # noqa: S311 - spreads load, guards nothing
        self._failed = {key: each for key, each in self._failed.items() if each.not_before > now - _REMEMBERED}
        self._failed[name] = _Failed(times, now + seconds)
        known = isinstance(error, PerijoveError)
        why = error.message if isinstance(error, PerijoveError) else "an error of ours"
        text = "%s failed, %d times in a row by now, and is tried again in %.0f s: %s"
        _log.log(logging.WARNING if known else logging.ERROR, text, what, times, seconds, why,
                 exc_info=None if known else error)  # fmt: skip


async def together(*calls: Awaitable[object]) -> None:
    """Wait for all of `calls`, then raise what went wrong first: nothing goes on behind the caller's back."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
