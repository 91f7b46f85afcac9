"""Kernels that were started ahead, so that a notebook starts in milliseconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from perijove.patience import Backoff, set_within
from perijove_agent.ending import Failure
from perijove_agent.kernel.adoption import needs_fresh_start
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.kernel.launcher import KernelLauncher
from perijove_agent.kernel.spec import KernelProgram, default_program

log = logging.getLogger(__name__)

#: Seconds after one was taken before the next is started, unless a run ended sooner: the run that took it comes first.
REFILL_AFTER = 2.0


class WarmKernels:
    """Keeps a number of default kernels ready. Each is used once.

    Parameters
    ----------
    launcher : KernelLauncher
        Starts them.
    count : int
        How many to keep.
    environment : mapping
        The variables they start with.
    folder : Path
        Where they wait.
    """

    def __init__(self, launcher: KernelLauncher, count: int, environment: Mapping[str, str], folder: Path) -> None:
        self._launcher = launcher
        self._count = count
        self._environment = environment
        self._folder = folder
        self._ready: list[Kernel] = []
        self._taken = asyncio.Event()
        self._over = asyncio.Event()
        self.filled = asyncio.Event()

    async def get(
        self, program: KernelProgram, environment: Mapping[str, str], extra: Mapping[str, str], folder: Path
    ) -> Kernel:
        """Return a kernel for one execution: a warm one if it fits, else one that is started now.

        `extra` are the variables the execution's spec sets; some of them only work from an interpreter's start on.
        """
        if program.is_default and not needs_fresh_start(extra):
            while (kernel := self._take()) is not None:
                if kernel.alive:
                    kernel.adopt(environment, folder)
                    return kernel
                log.warning("a warm kernel has ended while it waited")
                await kernel.aclose()
        kernel = await self._launcher.start(program, environment, folder)
        if program.is_default:
            kernel.adopt(environment, folder)
        return kernel

    async def run(self) -> None:
        """Keep the kernels ready until cancelled."""
        backoff = Backoff(5.0, 300.0)
        while True:
            while len(self._ready) < self._count:
                try:
                    program = default_program(self._launcher.runtime.python)
                    self._ready.append(await self._launcher.start(program, self._environment, self._folder))
                    backoff.reset()
                except Failure as failure:  # noqa: PERF203 - a retry loop
                    log.warning("no warm kernel: %s", failure)
                    await backoff.sleep()
            self.filled.set()
            await self._taken.wait()
            self._taken.clear()
            await self._give_way()

    def make_way(self) -> None:
        """Say that a run is over, and was told of: what it needed the machine for is done."""
        self._over.set()

    async def aclose(self) -> None:
        """End those that wait."""
        ready, self._ready = self._ready, []
        await asyncio.gather(*(kernel.aclose() for kernel in ready))

    async def _give_way(self) -> None:
        """Let the run that took a kernel have the machine, for a while or until it is over."""
        await set_within(self._over, REFILL_AFTER)

    def _take(self) -> Kernel | None:
        if not self._ready:
            return None
        self._taken.set()
        self._over.clear()
        return self._ready.pop(0)
