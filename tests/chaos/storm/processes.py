"""Programs of the platform under test: started, killed, paused, and waited for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Seconds any program may take to start, or to end when it is asked to; machines that run tests are busy.
PATIENCE = 120.0


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program of the platform.

    It may keep its compiled modules: started again and again, it would otherwise compile hundreds of them each time.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


class Program:
    """A process of our own that can be started again; what it says goes to the end of one log file."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.argv = argv
        self.environment = environment
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, f"{self.argv[0]} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.argv, env=dict(self.environment), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.running, f"{self.argv[0]} has ended by itself: {self.last_words()}"
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """Kill it without warning."""
        if self.running:
            self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.running:
            self.signal(signal.SIGTERM)
        await self.ended()

    async def ended(self) -> None:
        """Wait until it has ended."""
        if self._process is not None:
            await asyncio.wait_for(self._process.wait(), PATIENCE)

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
