"""What a command prints, read to its end."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from perijove.model.reasons import Reason
from perijove_agent.ending import Failure
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.runtime.protocol import Launch
from perijove_agent.work import command
from perijove_agent.work.command import CommandWork
from perijove_agent.work.interpolation import interpolate

#: Seconds: `STRAGGLERS` is what a line's pipes have when it has ended, and the disk is full for longer.
STRAGGLERS, FULL = 2.0, 2.5


class Disk:
    """Keeps what is recorded, once there is room."""

    def __init__(self) -> None:
        self.text = ""
        self.asked, self.room = asyncio.Event(), asyncio.Event()

    async def log(self, stream: str, text: str) -> None:
        if stream == "stdout":
            self.asked.set()
            await self.room.wait()
            self.text += text

    async def progress(self, done: int, total: int) -> None:
        """Nothing follows from it here."""


@pytest.fixture
async def runtime() -> AsyncIterator[ProcessRuntime]:
    runtime = ProcessRuntime(sys.executable, Guardian())
    yield runtime
    await runtime.aclose()


async def test_what_a_line_had_printed_is_recorded_however_long_the_disk_was_full(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_STRAGGLERS", STRAGGLERS)
    disk: Any = Disk()
    work = CommandWork(runtime, disk, disk, interpolate(["seq 20000"], {}), os.environ, tmp_path)
    running = asyncio.create_task(work.run())
    await disk.asked.wait()
    assert work.process
    await work.process.wait()
    await asyncio.sleep(FULL)  # time is what this is about
    disk.room.set()
    assert (await running).exit_status == 0
    assert disk.text.split() == [str(n) for n in range(1, 20001)]


async def test_a_worker_with_no_room_for_a_process_is_not_the_fault_of_what_it_was_to_run(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(Failure, match="Too many open files") as failed:
            await runtime.start(Launch(["/bin/true"], os.environ, tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert failed.value.ending.reason is Reason.AGENT_FAILED
    with pytest.raises(OSError, match="too long"):
        await runtime.start(Launch(["/bin/true", "x" * 500_000], os.environ, tmp_path))
