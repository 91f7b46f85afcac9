"""Logs that Redis cannot be reached: at once, and now and then while it stays away."""

from __future__ import annotations

import logging
import time

from perijove.errors import Unavailable

log = logging.getLogger(__name__)

#: Seconds between two lines about it.
AGAIN = 60.0
_HINT = (
    "See that this machine reaches the service's Redis: its address as workers have it (Platform.redis_worker_url), "
    "a firewall between them, TLS and its certificate (Platform.redis_ca_file)."
)


class Away:
    """Notes for how long Redis has been away."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._next = 0.0

    def note(self, error: Unavailable, *, first: bool) -> None:
        """Take note of a failure; `first` is whether this worker has never reached Redis yet."""
        now = time.monotonic()
        if self._since is None:
            self._since = self._next = now
        if now < self._next:
            return
        self._next = now + AGAIN
        seconds = round(now - self._since)
        if first:
            log.warning("enrolled, but Redis cannot be reached (for %d s): %s %s", seconds, error.message, _HINT)
        else:
            log.warning("Redis cannot be reached (for %d s): %s What runs goes on.", seconds, error.message)

    def over(self) -> None:
        """Take note that Redis answers."""
        if self._since is not None:
            log.info("Redis answers again")
        self._since = None
