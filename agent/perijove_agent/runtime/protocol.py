"""The runtime, as a protocol: what work needs of the place it runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Launch:
    """What to start: a program with its arguments, its whole environment and its working folder."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Usage:
    """What a process and all its descendants use: CPU seconds so far, and bytes of resident memory now."""

    cpu_seconds: float
    memory: int


class Process(Protocol):
    """A started program with all the processes it starts."""

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it prints."""

    @property
    def stderr(self) -> asyncio.StreamReader:
        """What it prints to standard error."""

    @property
    def returncode(self) -> int | None:
        """Its exit status; negative for the signal that ended it; None while it runs."""

    async def wait(self) -> int:
        """Wait until the program itself ended; return its exit status."""

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does, to the program and what it started."""

    def kill(self) -> None:
        """End the program at once, and everything it started and left behind. Repeating it is harmless."""

    def close(self) -> None:
        """Kill it, and free what it holds."""

    async def cleared(self) -> list[str]:
        """Kill the program, if it still runs, and wait until nothing is left of it and of what it started.

        Returns
        -------
        list of str
            What could not be ended, by name and process id.
        """

    def pause(self) -> None:
        """Stop the program and what it started, until `resume`."""

    def resume(self) -> None:
        """Let it go on."""

    async def usage(self) -> Usage | None:
        """Measure what it uses; None when it is gone."""


class Runtime(Protocol):
    """A way to run programs.

    Attributes
    ----------
    python : str
        The Python that runs the default kernel.
    """

    python: str

    async def start(self, launch: Launch) -> Process:
        """Start a program in a session of its own, without standard input.

        Raises
        ------
        OSError
            It cannot be started.
        perijove_agent.ending.Failure
            The worker has no room for any process now.
        """

    async def aclose(self) -> None:
        """Free what the runtime itself holds."""
