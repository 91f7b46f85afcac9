"""What every loop does: wake, back off, stop between turns."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import pytest

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.services.bell import Bell


class Counting(Loop):
    """Counts its turns; each awaits what a test puts into `steps` first, and raises it if it is an error."""

    name: ClassVar[str] = "counting"

    def __init__(self, bell: Bell) -> None:
        super().__init__(bell)
        self.ended: asyncio.Queue[int] = asyncio.Queue()
        self.begun = asyncio.Event()
        self.steps: list[asyncio.Event | Exception | None] = []

    async def turn(self) -> None:
        self.begun.set()
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, asyncio.Event):
            await step.wait()
        self.ended.put_nowait(self.runs)
        if isinstance(step, Exception):
            raise step

    async def after(self) -> int:
        """Wait for the end of the next turn; return its number."""
        return await asyncio.wait_for(self.ended.get(), 10)


@pytest.fixture
async def loop():
    loop = Counting(Bell())
    yield loop
    await loop.stop()


async def test_a_loop_takes_a_turn_at_once_and_whenever_its_bell_rings(loop) -> None:
    loop.start()
    assert await loop.after() == 1
    loop.bell.ring("counting")
    assert await loop.after() == 2
    assert loop.running


async def test_a_bell_that_rings_during_a_turn_is_not_missed(loop) -> None:
    going_on = asyncio.Event()
    loop.steps = [going_on]
    loop.start()
    await loop.begun.wait()
    loop.bell.ring("counting")
    going_on.set()
    assert [await loop.after(), await loop.after()] == [1, 2]


async def test_a_failed_turn_is_repeated_without_a_bell_and_counted(loop, caplog) -> None:
    loop.steps = [ValueError("what a surprise")]
    loop.start()
    assert [await loop.after(), await loop.after()] == [1, 2]
    assert loop.failures == 1
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.loop == "counting"


async def test_what_is_unavailable_is_one_line_without_a_traceback(loop, caplog) -> None:
    loop.steps = [Unavailable("Redis cannot be reached.")]
    loop.start()
    assert [await loop.after(), await loop.after()] == [1, 2]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.exc_info is None
    assert record.getMessage() == "counting: Redis cannot be reached. Trying again."


async def test_the_pause_after_failures_grows_until_a_success(loop, monkeypatch) -> None:
    bounds = []

    async def pause(backoff: Backoff) -> None:
        bounds.append(backoff.failures)
        backoff.next()

    monkeypatch.setattr(Backoff, "sleep", pause)
    loop.steps = [Unavailable(), Unavailable(), Unavailable(), None, Unavailable(), None]
    loop.start()
    assert [await loop.after() for _ in range(4)] == [1, 2, 3, 4]
    loop.bell.ring("counting")
    assert [await loop.after() for _ in range(2)] == [5, 6]
    assert bounds == [0, 1, 2, 0]


async def test_stopping_waits_for_the_turn_under_way(loop) -> None:
    going_on = asyncio.Event()
    loop.steps = [going_on]
    loop.start()
    await loop.begun.wait()
    stopping = asyncio.create_task(loop.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    going_on.set()
    await stopping
    assert loop.ended.qsize() == 1
    assert not loop.running


async def test_stopping_interrupts_a_rest_at_once_and_may_be_repeated(loop) -> None:
    loop.start()
    await loop.after()
    await asyncio.wait_for(loop.stop(), 2)
    await loop.stop()
    assert not loop.running


async def test_a_stopped_loop_can_be_started_again(loop) -> None:
    loop.start()
    await loop.after()
    await loop.stop()
    loop.start()
    assert await loop.after() == 2


async def test_a_turn_comes_no_sooner_after_a_ring_than_the_loop_holds(loop, monkeypatch) -> None:
    held: asyncio.Queue[tuple[float, int]] = asyncio.Queue()
    go_on, sleep = asyncio.Event(), asyncio.sleep

    async def slept(seconds: float) -> None:
        """Stand in for the clock: what would wait says for how long, and goes on when the test lets it."""
        if asyncio.current_task() is loop._task:
            held.put_nowait((seconds, loop.runs))
            await go_on.wait()
        else:
            await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", slept)
    loop.hold = 3600.0
    loop.start()
    assert await loop.after() == 1
    loop.bell.ring("counting")
    assert await held.get() == (3600.0, 1)
    assert loop.ended.empty()
    go_on.set()
    assert await loop.after() == 2
