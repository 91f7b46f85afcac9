"""Named wake-ups within one process, so that what a service wrote is acted upon at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from perijove.patience import set_within

#: Rung when a group's settings or its workers changed: what waits for it may fit now, or never any more.
CAPACITY = "capacity"


class Bell:
    """Bells by name. A ring is remembered until somebody waits for it; many rings are one.

    Attributes
    ----------
    pass_on : callable, optional
        Told of every ring, where those who wait for it may be in another process.
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.pass_on: Callable[[str], None] | None = None

    def ring(self, name: str) -> None:
        """Wake whoever waits for `name`, now or when they next do; here, and on the replica that leads."""
        self.ring_here(name)
        if self.pass_on is not None:
            self.pass_on(name)

    def ring_all(self, *names: str) -> None:
        """Ring several; those who wait for a later one find the earlier ones rung."""
        for name in names:
            self.ring(name)

    def ring_here(self, name: str) -> None:
        """Wake whoever waits for `name` in this process."""
        self._bells[name].set()

    def answer(self, name: str) -> bool:
        """Return whether `name` was rung since it was last waited for or answered; nobody waits."""
        bell = self._bells[name]
        rung = bell.is_set()
        bell.clear()
        return rung

    async def wait(self, name: str, timeout: float) -> bool:
        """Wait until `name` is rung, up to `timeout` seconds; return whether it was."""
        bell = self._bells[name]
        rung = await set_within(bell, timeout)
        bell.clear()
        return rung
