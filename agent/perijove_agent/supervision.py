"""Lets work run until it ends or has to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from perijove.model.durations import describe_seconds
from perijove_agent.ending import Ending, Failure, Halt
from perijove_agent.tasks import cancelled
from perijove_agent.waits import waiting
from perijove_agent.work.protocol import Work

Result = TypeVar("Result")


async def until_halted(halt: Halt, step: Coroutine[Any, Any, Result]) -> Result:
    """Return what `step` returns, unless the attempt is asked to end first: then cancel it.

    Raises
    ------
    perijove_agent.ending.Failure
        With the reason why it was asked to end.
    """
    task, halted = asyncio.ensure_future(step), asyncio.ensure_future(halt.wait())
    try:
        await asyncio.wait({task, halted}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Failure(halted.result().reason, halted.result().detail)
    finally:
        await cancelled([task, halted])


async def within_grace(halt: Halt, grace: float, step: Coroutine[Any, Any, object]) -> bool:
    """Let a step that follows the work come to its end; once someone stops the attempt, for `grace` seconds at most.

    Returns
    -------
    bool
        Whether it came to its end; else it was cancelled.
    """
    task, stopped = asyncio.ensure_future(step), asyncio.ensure_future(halt.stopped())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            with waiting(f"It was stopped; within {describe_seconds(grace)} it ends, whatever is not done by then."):
                await asyncio.wait({task}, timeout=grace)
        if task.done():
            task.result()
            return True
        return False
    finally:
        await cancelled([task, stopped])


async def supervise(work: Work, halt: Halt, grace: float) -> Ending:
    """Run `work`. When it is asked to end: interrupt it, wait, kill it. However this returns, nothing of it is left.

    Parameters
    ----------
    grace : float
        Seconds between the interrupt and the kill, where the request to end does not set others.
    """
    task, halted = asyncio.ensure_future(work.run()), asyncio.ensure_future(halt.wait())
    try:
        await asyncio.wait({task, halted}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        await _bring_down(work, task, grace if halt.grace is None else halt.grace)
        await task
        return halted.result()
    finally:
        if not task.done():
            work.kill()
        await cancelled([task, halted])


async def _bring_down(work: Work, task: asyncio.Future[Ending], grace: float) -> None:
    if grace > 0:
        work.interrupt()
        with waiting(f"It was interrupted, and has {describe_seconds(grace)} to end by itself."):
            await asyncio.wait({task}, timeout=grace)
    if not task.done():
        work.kill()
