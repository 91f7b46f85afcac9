"""A loop: something the master does whenever its bell rings, and every now and then to be safe."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.leadership import Deposed

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 15.0
#: Seconds a turn that is under way may take to end when the loop is stopped.
_STOP_LIMIT = 5.0


class Loop(ABC):
    """Takes a turn, waits for its bell or for `period` seconds, and takes the next.

    A turn that fails is repeated after a pause that doubles, with jitter; the loop itself never ends by an error. Every
    turn must be harmless to repeat, and harmless to interrupt anywhere.

    Attributes
    ----------
    name : str
        The name its bell rings by, and the one it has in logs and metrics.
    period : float
        Seconds after which it takes a turn although nobody rang.
    pause : float
        Seconds from the beginning of a turn to that of the next, at least: many rings in that time are one turn.
    hold : float
        Seconds from a ring to the turn, at least: what rang comes first where somebody waits for that.
    runs, failures : int
        How many turns were taken, and how many of them failed.
    seconds, last_seconds : float
        How long all turns took together, and the last one; what they waited for left out.
    """

    name: ClassVar[str]
    period: float = 15.0
    pause: float = 0.0
    hold: float = 0.0

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.log = logging.getLogger(f"perijove.loops.{self.name}")
        self.runs = 0
        self.failures = 0
        self.seconds = 0.0
        self.last_seconds = 0.0
        self._failed_in_a_row = 0
        self._backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self._rested = 0.0
        self._began = 0.0
        self._resting = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def turn(self) -> None:
        """Do all there is to do now."""

    async def wait(self) -> None:
        """Wait until there may be something to do. Stopping the loop interrupts this, and never a turn."""
        await self.bell.wait(self.name, self.period)

    @property
    def running(self) -> bool:
        """Whether the loop has been started and not stopped."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Take the first turn soon, and go on."""
        self._stopping = False
        self._task = asyncio.create_task(self._go_on(), name=f"perijove-{self.name}")

    async def stop(self) -> None:
        """Let the turn that is under way end, for a few seconds at most, and take no other."""
        self._stopping = True
        task, self._task = self._task, None
        if task is None:
            return
        if self._resting:
            task.cancel()
        _, late = await asyncio.wait({task}, timeout=_STOP_LIMIT)
        for one in late:
            self.log.warning("%s: its turn took too long to end and was interrupted", self.name)
            one.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Mark what a turn waits for in this block as rest: stopping the loop interrupts it at once."""
        began, self._resting = time.perf_counter(), True
        try:
            yield
        finally:
            self._resting = False
            self._rested += time.perf_counter() - began

    async def _go_on(self) -> None:
        while not self._stopping:
            await self.take_turn()
            if not self._stopping:
                await self._rest()

    async def take_turn(self) -> None:
        """Take one turn, counted and timed; an error is logged, and kept from the caller."""
        self._began = began = time.perf_counter()
        self._rested = 0.0
        self.runs += 1
        try:
            await self.turn()
        except Exception as error:  # noqa: BLE001 - a loop outlives whatever one turn runs into
            self._failed(error)
        else:
            self._failed_in_a_row = 0
            self._backoff.reset()
        finally:
            self.last_seconds = time.perf_counter() - began - self._rested
            self.seconds += self.last_seconds

    async def _rest(self) -> None:
        with self.at_rest():
            if self._failed_in_a_row:
                await self._backoff.sleep()
            else:
                await self.wait()
                await asyncio.sleep(max(self.hold, self._began + self.pause - time.perf_counter()))

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._failed_in_a_row += 1
        if isinstance(error, Deposed):
            self.bell.ring_here("leader")
        facts = {"loop": self.name, "failed_in_a_row": self._failed_in_a_row}
        if isinstance(error, Unavailable):
            self.log.warning("%s: %s Trying again.", self.name, error.message, extra=facts)
        else:
            self.log.error("%s failed and is tried again", self.name, exc_info=error, extra=facts)
