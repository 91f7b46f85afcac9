"""Named wake-ups within one process, so that what a service wrote is acted upon at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from perijove.patience import set_within


class Bell:
    """Bells by name. A ring is remembered until somebody waits for it; many rings are one."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def ring(self, name: str) -> None:
        """Wake whoever waits for `name`, now or when they next do."""
        self._bells[name].set()

    async def wait(self, name: str, timeout: float) -> bool:
        """Wait until `name` is rung, up to `timeout` seconds; return whether it was."""
        bell = self._bells[name]
        rung = await set_within(bell, timeout)
        bell.clear()
        return rung
