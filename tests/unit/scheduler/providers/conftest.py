"""Agents' processes are stood in for by small Python programs: real processes, ended with the test."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove_scheduler.providers.process import ProcessProvider
from perijove_scheduler.providers.protocol import Machine, Order


class Started:
    """A provider that runs one program, and the machine it started."""

    def __init__(self, folder: Path, program: str, stop_grace: float = 5.0) -> None:
        command = [sys.executable, "-c", program]
        self.pipe = folder / "pipe"
        os.mkfifo(self.pipe)
        self.worker = new_id("wk")
        self.order = Order("local", self.worker, "secret-token", Resources(cpus=1.5, memory=2**30))
        self.provider = ProcessProvider(
            command=command,
            environment={"PIPE": str(self.pipe)},
            data_dir=str(folder),
            url="http://127.0.0.1:1/",
            stop_grace=stop_grace,
        )
        self.states: list[Machine] = []

    @property
    def machine(self) -> Machine:
        return self.states[-1]

    async def start(self) -> Machine:
        async for state in self.provider.start(self.order):
            self.states.append(state)
        return self.machine

    async def report(self) -> str:
        """Wait until the program has written to the pipe; return what."""
        return await asyncio.wait_for(asyncio.to_thread(self.pipe.read_text), 20)

    def token(self) -> tuple[str, int]:
        """Return what the token file holds and its mode."""
        path = Path(self.machine["folder"]) / "token"
        return path.read_text(), stat.S_IMODE(path.stat().st_mode)

    def made(self) -> bool:
        """Return whether the machine's folder exists."""
        return Path(self.states[0]["folder"]).exists()


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Callable[..., Started]]:
    """Return a function that makes a provider of the given program."""
    made: list[Started] = []

    def make(program: str, stop_grace: float = 5.0) -> Started:
        made.append(Started(tmp_path, program, stop_grace))
        return made[-1]

    yield make
    for started in made:
        for state in started.states[-1:]:
            await started.provider.terminate(state)
        await started.provider.aclose()
