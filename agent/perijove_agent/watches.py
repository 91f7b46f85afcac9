"""What is watched while work runs: its time, its silence and what it uses."""

from __future__ import annotations

import asyncio
import time

from perijove.model.durations import describe_seconds
from perijove.model.reasons import Reason
from perijove.model.spec import Spec
from perijove_agent.ending import Halt
from perijove_agent.records.recorder import Recorder
from perijove_agent.runtime import Usage
from perijove_agent.work.protocol import Work

#: Seconds between two looks at a memory limit.
_LIMIT_EVERY = 0.5


async def watch_time(limit: int, halt: Halt) -> None:
    """End the work when it ran for `limit` seconds."""
    await asyncio.sleep(limit)
    halt.request(Reason.TIME_LIMIT, f"Its time limit is {describe_seconds(limit)}.")


async def watch_silence(limit: int, recorder: Recorder, halt: Halt) -> None:
    """End the work when it said nothing for `limit` seconds."""
    # Every record moves the end; waking up for each of them would cost more than looking again.
    while (left := recorder.last_output + limit - time.monotonic()) > 0:  # noqa: ASYNC110 - see above
        await asyncio.sleep(left)
    halt.request(Reason.NO_OUTPUT, f"Its no-output limit is {describe_seconds(limit)}.")


async def watch_usage(work: Work, recorder: Recorder, memory: int, every: float, halt: Halt) -> None:
    """Record what the work uses; kill it when that is more than `memory` bytes (0: no limit)."""
    before: Usage | None = None
    then = time.monotonic()
    while True:
        await asyncio.sleep(every)
        usage = await work.process.usage() if work.process else None
        now = time.monotonic()
        if usage:
            # Between two commands the sum of CPU seconds starts again; what was used in between is the new sum.
            spent = usage.cpu_seconds - (before.cpu_seconds if before else 0.0)
            used = spent if spent >= 0 else usage.cpu_seconds
            await recorder.stats(round(used / (now - then), 3), usage.memory)
            if memory and usage.memory > memory:
                detail = f"It used {_mib(usage.memory)} MiB; it may use {_mib(memory)} MiB."
                halt.request(Reason.OUT_OF_MEMORY, detail, grace=0)
        before, then = usage, now


def watches(spec: Spec, work: Work, recorder: Recorder, every: float, halt: Halt) -> list[asyncio.Task[None]]:
    """Start every watch of running work that the spec asks for; its time counts from before that (`watch_time`)."""
    memory = spec.resources.memory
    # Memory can be used up fast; a limit is looked at more often than a curve needs.
    wanted = [watch_usage(work, recorder, memory, min(every, _LIMIT_EVERY) if memory else every, halt)]
    if spec.no_output_timeout:
        wanted.append(watch_silence(spec.no_output_timeout, recorder, halt))
    return [asyncio.create_task(watch) for watch in wanted]


def _mib(size: int) -> int:
    return round(size / (1024 * 1024))
