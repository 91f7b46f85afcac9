"""Sweeps every night what has been kept for long enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from perijove.model.retention import Removal, RetentionSettings
from perijove_scheduler.files.protocol import Files
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.policies.nightly import is_due, seconds_until
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.retention import asked_for, note, sweep, swept_at
from perijove_scheduler.store.store import Store

_HINT = "Is it the right database? `perijove retention --sweep --yes` removes it."


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
        """Sweep, if it is time, or if somebody asked."""
        asked, last = await asked_for(self._store), await swept_at(self._store)
        if asked is None and last is None:
            # A database's first night: what lies in the store is not its own yet, or it is the wrong database.
            await note(self._store)
            return
        if asked is None and not is_due(last, self._clock(), self._hour, self._jitter):
            return
        everything = asked is not None and asked.all
        removed, withheld = await sweep(self._store, self._files, self._settings, everything=everything)
        for removal in removed:
            self.log.info("curator: removed %s", _words(removal))
        for removal in withheld:
            self.log.error("curator: kept %s, as that is most of what there is. %s", _words(removal), _HINT)

    async def wait(self) -> None:
        """Wait until the next night."""
        await self.bell.wait(self.name, min(self.period, seconds_until(self._clock(), self._hour, self._jitter)))


def _words(removal: Removal) -> str:
    place = f"project {removal.project}" if removal.project else "no project"
    return f"{removal.count} {removal.kind} of {place}, {removal.bytes} bytes"
