"""The signals that end an agent, and what is known of who sent them."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import threading
from pathlib import Path

import psutil

from perijove.model.reasons import Reason
from perijove_agent.runtime import descent

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: Seconds between two signals that are taken for one sender's, where only one of them says whose it is.
_NEXT_TO = 0.1
#: How many threads wait for signals.
_WAITING = 3
#: The exit status of a program ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM


class Departure:
    """Waits for SIGTERM and SIGINT. After the first the agent leaves; the second ends it at once.

    Work of the `process` runtime has the agent's rights, and may signal it by mistake (``kill $PPID``, ``killall
    python``): what a descendant of the agent sends is ignored, and logged. Where the sender has ended before it
    could be looked at, as ``killall`` may have, it is not known whether it was work: the agent leaves, and what it
    hands back counts as a failure, or work that ends its worker would be tried for ever.

    In the instant in which a program is started, the thread that forks it has to receive signals, or the program would
    not either. The threads that wait here are there before it, and Linux asks them first; there are several of them, as
    one that looks at a sender does not wait. A signal that the forking thread receives all the same comes without its
    sender. Next to one that work sent, it is taken for the work's too. Any other may be a supervisor's, who sends no
    second one: the agent leaves after it, and what it hands back counts.

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
        #: When work sent a signal last, in the loop's seconds.
        self._works = -math.inf

    def listen(self) -> None:
        """Begin to wait; call it before there are other threads, which inherit what is blocked here."""
        # A thread that is there already would receive the signals without saying who sent them.
        says_who = hasattr(signal, "sigwaitinfo") and psutil.Process().num_threads() == 1
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._loop.call_later, _NEXT_TO, self._take_unknown)
        if says_who:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            for _ in range(_WAITING):
                threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def _wait(self) -> None:
        while True:
            info = signal.sigwaitinfo(_SIGNALS)
            # Looked at in this thread: a sender may be gone in a moment.
            reason = judge(info.si_pid, info.si_uid)
            self._loop.call_soon_threadsafe(self._take, reason, info.si_pid)

    def _take_unknown(self) -> None:
        if self._loop.time() - self._works < 2 * _NEXT_TO:
            self._take(Reason.OK, None)
        else:
            self._take(Reason.WORKER_LEFT, None)

    def _take(self, reason: Reason, sender: int | None) -> None:
        named = "unknown" if sender is None else sender
        if reason is Reason.OK:
            self._works = self._loop.time()
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
