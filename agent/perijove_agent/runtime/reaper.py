"""Takes note of orphans that have ended, as the system's first process would if the agent did not adopt them."""

from __future__ import annotations

import asyncio
import signal
import threading

from perijove.aio.executors import FILES
from perijove_agent.runtime.lineage import Lineage

#: Seconds in which those that end are taken note of together.
_TOGETHER = 0.05


class Reaper:
    """Reaps a lineage's orphans soon after a child has ended.

    A program that starts others and leaves them behind, again and again, would otherwise use up the machine's process
    ids, though none of them runs any more.
    """

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._listening = False
        self._reaping: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Install the handler of SIGCHLD; repeating it is harmless.

        Python takes signal handlers in the main thread only. In another one, orphans are reaped when a program ends or
        is measured.
        """
        if not self._listening and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._ended)
            self._listening = True

    def close(self) -> None:
        """Remove the handler."""
        if self._listening:
            self._listening = False
            asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)

    def _ended(self) -> None:
        if self._reaping is None:
            self._reaping = asyncio.create_task(self._reap())

    async def _reap(self) -> None:
        await asyncio.sleep(_TOGETHER)
        self._reaping = None  # who ends from now on is looked for again
        await FILES.run(self._lineage.reap)
