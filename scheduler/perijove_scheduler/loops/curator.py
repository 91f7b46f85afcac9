"""Sweeps every night what has been kept for long enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from perijove.model.retention import RetentionSettings
from perijove_scheduler.files.protocol import Files
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.policies.nightly import is_due, seconds_until
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.retention import sweep, swept_at
from perijove_scheduler.store.store import Store


class Curator(Loop):
    """Sweeps at an hour of the night, by this machine's clock; at once when a night was missed.

    Parameters
    ----------
    hour : int
        When, from 0 to 23.
    jitter : float
        Seconds it comes later, so that not every platform on a shared disk begins at once.
    """

    name: ClassVar[str] = "curator"
    #: It looks again every now and then: a clock may be set, a machine sleep.
    period: float = 3600.0

    def __init__(
        self,
        bell: Bell,
        store: Store,
        files: Files,
        settings: RetentionSettings,
        hour: int,
        jitter: float,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        super().__init__(bell)
        self._store = store
        self._files = files
        self._settings = settings
        self._hour = hour
        self._jitter = jitter
        self._clock = clock

    async def turn(self) -> None:
        """Sweep, if it is time."""
        if not is_due(await swept_at(self._store), self._clock(), self._hour, self._jitter):
            return
        for removal in await sweep(self._store, self._files, self._settings):
            place = f"project {removal.project}" if removal.project else "no project"
            what = (removal.count, removal.kind, place, removal.bytes)
            self.log.info("curator: removed %d %s of %s, %d bytes", *what)

    async def wait(self) -> None:
        """Wait until the next night."""
        await self.bell.wait(self.name, min(self.period, seconds_until(self._clock(), self._hour, self._jitter)))
