"""The ``process`` runtime: programs run as this machine's own processes, with the agent's user and rights.

It separates nothing: it is for one trusted user, or for a demonstration.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from dataclasses import replace
from functools import partial

import psutil

from perijove.aio.executors import FILES, FORKING, WAITING
from perijove.model.reasons import Reason
from perijove.patience import ends_within
from perijove_agent.ending import Failure
from perijove_agent.runtime.exits import exited
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.lineage import PATIENCE, Lineage, Mark, described
from perijove_agent.runtime.protocol import Launch, Usage
from perijove_agent.runtime.reaper import Reaper
from perijove_agent.runtime.spawn import Child, spawn

#: What the machine lacks, whatever program is to be started.
_EXHAUSTED = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
#: Bytes a pipe's reader buffers before the program has to wait.
_PIPE_BUFFER = 256 * 1024


class LocalProcess:
    """A program in a session, and so a process group, of its own.

    Parameters
    ----------
    child : Child
        It, just started, with pipes that nobody reads yet.
    guardian : Guardian
        Has its group registered.
    lineage : Lineage
        Finds what leaves the group.
    mark : Mark
        What it finds them by.

    Attributes
    ----------
    stdout, stderr : asyncio.StreamReader
        What it prints, from `connect` on.
    """

    def __init__(self, child: Child, guardian: Guardian, lineage: Lineage, mark: Mark) -> None:
        self._child = child
        self._guardian = guardian
        self._lineage = lineage
        self._mark = mark
        self._gone = False
        self._clearing: asyncio.Future[list[str]] | None = None
        self._pipes: list[asyncio.BaseTransport] = []
        self.pid = child.pid
        self.stdout, self.stderr = asyncio.StreamReader(_PIPE_BUFFER), asyncio.StreamReader(_PIPE_BUFFER)
        guardian.add(self.pid)
        lineage.started(self.pid)
        self._exited = exited(child)

    async def connect(self) -> None:
        """Begin to read what it prints."""
        for reader, pipe in ((self.stdout, self._child.stdout), (self.stderr, self._child.stderr)):
            protocol = partial(asyncio.StreamReaderProtocol, reader)
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(protocol, pipe)
            self._pipes.append(transport)

    @property
    def returncode(self) -> int | None:
        """Its exit status; negative for the signal that ended it; None while it runs."""
        return self._child.returncode

    async def wait(self) -> int:
        """Wait until the program itself ended; return its exit status."""
        return await asyncio.shield(self._exited)

    def interrupt(self) -> None:
        """Send SIGINT to the group; a paused one goes on, to see it."""
        self._signal(signal.SIGINT)
        self._signal(signal.SIGCONT)

    def pause(self) -> None:
        """Stop the group."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the group go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the group at once, and what left it as soon as the program itself is dead."""
        self._killed()

    def close(self) -> None:
        """Kill it and let go of its pipes, whoever still holds their other ends."""
        self.kill()
        for transport in self._pipes:
            transport.close()

    async def cleared(self) -> list[str]:
        """Kill it, and wait until nothing of it is left."""
        return await asyncio.shield(self._killed())

    def _killed(self) -> asyncio.Future[list[str]]:
        self._signal(signal.SIGKILL)
        if self._clearing is None:
            self._clearing = asyncio.ensure_future(self._clear())
        return self._clearing

    async def _clear(self) -> list[str]:
        if not await ends_within(self.wait(), PATIENCE):
            return [described(self.pid)]
        self._signal(signal.SIGKILL)
        # The group's id may be given to somebody else's processes from now on.
        self._gone = True
        self._guardian.remove(self.pid)
        self._lineage.over(self.pid)
        # However much it left, and however fast that forks: nobody else waits meanwhile.
        return [] if self._lineage.left_nothing() else await WAITING.run(self._lineage.end, self._mark)

    async def usage(self) -> Usage | None:
        """Measure the program and its descendants; reading /proc takes milliseconds, so it is done in a thread."""
        if self.returncode is not None:
            return None
        return await FILES.run(self._measure)

    def _measure(self) -> Usage | None:
        cpu, memory, seen = 0.0, 0, False
        for member in self._lineage.members(self._mark, self.pid if self.returncode is None else None):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(member)
                with process.oneshot():
                    times = process.cpu_times()
                    cpu += times.user + times.system
                    memory += process.memory_info().rss
                    seen = True
        return Usage(cpu, memory) if seen else None

    def _signal(self, number: signal.Signals) -> None:
        if not self._gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class ProcessRuntime:
    """Starts programs as local processes.

    Parameters
    ----------
    python : str
        The Python that runs the default kernel.
    guardian : Guardian
        Has every process registered, so that none outlives an agent that is killed.

    Attributes
    ----------
    lineage : Lineage
        Finds which processes are its programs'.
    """

    def __init__(self, python: str, guardian: Guardian) -> None:
        self.python = python
        self.lineage = Lineage(guardian)
        self._guardian = guardian
        self._reaper = Reaper(self.lineage)

    async def start(self, launch: Launch) -> LocalProcess:
        """Start a program in a session of its own, without standard input."""
        self._reaper.listen()
        try:
            return await self._start(launch)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise Failure(Reason.AGENT_FAILED, f"The worker can start no process now: {error.strerror}.") from error
            raise

    async def _start(self, launch: Launch) -> LocalProcess:
        starting = asyncio.ensure_future(self._started(launch))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            if starting.exception() is None:
                program = starting.result()
                await program.cleared()
                program.close()
            raise

    async def _started(self, launch: Launch) -> LocalProcess:
        child, mark = await FORKING.run(self._fork, launch)
        program = LocalProcess(child, self._guardian, self.lineage, mark)
        await program.connect()
        return program

    def _fork(self, launch: Launch) -> tuple[Child, Mark]:
        with self.lineage.marking() as mark:
            child = spawn(replace(launch, environment={**launch.environment, **mark.variables}))
        return child, mark

    async def aclose(self) -> None:
        """Let the guard end."""
        self._reaper.close()
        await WAITING.run(self._guardian.close)
