"""How fast a sender has to be: one that keeps a connection and sends next to nothing is hung up on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Bytes a second that any line gives.
LEAST = 100
#: Seconds after which a body has to be here in any case.
LONGEST = 6 * 3600.0


class Pace:
    """Watches a body that is being received: each stretch of `patience` seconds must bring `LEAST` bytes a second.

    After `longest` seconds it is given up however fast it came.

    Parameters
    ----------
    patience : float
        Seconds.
    too_slow : callable
        Called once, when a stretch brought too little, or at the very end.
    longest : float
        Seconds.
    """

    def __init__(self, patience: float, too_slow: Callable[[], None], longest: float = LONGEST) -> None:
        self._patience = patience
        self._too_slow = too_slow
        self._longest = longest
        self._received = 0
        self._held_up = False
        self._timer: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._end = asyncio.get_running_loop().call_later(self._longest, self._give_up)
        self._stretch()

    def _stretch(self) -> None:
        self._received = 0
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._judge)

    def received(self, size: int) -> None:
        """Count bytes; until `wait` is called the sender waits for the receiver, which is not the sender's fault."""
        self._received += size
        self._held_up = True

    def wait(self) -> None:
        """Say that the receiver waits for the sender again."""
        self._held_up = False

    def stop(self) -> None:
        """Watch no longer."""
        for timer in (self._timer, self._end):
            if timer is not None:
                timer.cancel()

    def _judge(self) -> None:
        if self._held_up or self._received >= LEAST * self._patience:
            self._stretch()
        else:
            self._give_up()

    def _give_up(self) -> None:
        self.stop()
        self._too_slow()
