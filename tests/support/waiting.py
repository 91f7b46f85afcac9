"""Waiting for something that tells nobody when it happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Look every 50 ms whether `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        pause.wait(0.05)
