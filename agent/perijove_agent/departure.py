"""The signals that end an agent, and what is known of who sent them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path

import psutil

from perijove.model.reasons import Reason
from perijove_agent.runtime import descent

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: The exit status of a program ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM


class Departure:
    """Waits for SIGTERM and SIGINT. After the first the agent leaves; the second ends it at once.

    Work of the `process` runtime has the agent's rights, and may signal it by mistake (``kill $PPID``, ``killall
    python``): what a descendant of the agent sends is ignored, and logged. Where the sender has ended before it
    could be looked at, as ``killall`` may have, it is not known whether it was work: the agent leaves, and what it
    hands back counts as a failure, or work that ends its worker would be tried for ever.

    Attributes
    ----------
    requested : asyncio.Event
        Whether a signal was sent after which the agent leaves.
    reason : Reason
        Why what it holds is handed back.
    """

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.reason = Reason.WORKER_LEFT
        self._loop = asyncio.get_running_loop()

    def listen(self) -> None:
        """Begin to wait; call it before there are other threads, which inherit what is blocked here."""
        # A thread that is there already would receive the signals without saying who sent them.
        says_who = hasattr(signal, "sigwaitinfo") and psutil.Process().num_threads() == 1
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._take, Reason.WORKER_LEFT)
        if says_who:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def _wait(self) -> None:
        while True:
            info = signal.sigwaitinfo(_SIGNALS)
            # Looked at in this thread: a sender may be gone in a moment.
            reason = judge(info.si_pid, info.si_uid)
            self._loop.call_soon_threadsafe(self._take, reason, info.si_pid)

    def _take(self, reason: Reason, sender: int = 0) -> None:
        named = sender or "unknown"
        if reason is Reason.OK:
            log.warning("work on this worker (process %s) sent the agent a signal, which is ignored", named)
        elif self.requested.is_set():
            os._exit(_TERMINATED)
        else:
            log.info("process %s sent the signal to end", named)
            self.reason = reason
            self.requested.set()


def judge(sender: int, user: int) -> Reason:
    """Return what follows from a signal of this process and user; `Reason.OK` where nothing does.

    A sender of 0 is the kernel (Ctrl-C), or a process of an outer PID namespace, such as a container's supervisor.
    """
    if descent.descends_from(sender, os.getpid()):
        return Reason.OK
    outside = sender <= 1 or user != os.getuid() or Path(f"/proc/{sender}").exists()
    return Reason.WORKER_DRAINED if outside else Reason.WORKER_LEFT
