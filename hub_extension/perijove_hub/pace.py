"""How fast a sender has to be: one that keeps a connection and sends next to nothing is hung up on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Bytes a second that any line gives.
LEAST = 100


class Pace:
    """Watches a body that is being received: each stretch of `patience` seconds must bring `LEAST` bytes a second.

    Parameters
    ----------
    patience : float
        Seconds.
    too_slow : callable
        Called once, when a stretch brought too little.
    """

    def __init__(self, patience: float, too_slow: Callable[[], None]) -> None:
        self._patience = patience
        self._too_slow = too_slow
        self._received = 0
        self._held_up = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin a stretch."""
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
        if self._timer is not None:
            self._timer.cancel()

    def _judge(self) -> None:
        if self._held_up or self._received >= LEAST * self._patience:
            self.start()
        else:
            self._too_slow()
