"""All loops of one service, and the order in which they stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from perijove.errors import Unavailable
from perijove.model.reasons import Reason
from perijove.model.retention import RetentionSettings
from perijove_scheduler.files.protocol import Files
from perijove_scheduler.loops.archiver import Archiver
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.curator import Curator
from perijove_scheduler.loops.dispatcher import Dispatcher
from perijove_scheduler.loops.events.applier import Applier
from perijove_scheduler.loops.events.signatures import Sign
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.loops.reaper import Reaper
from perijove_scheduler.loops.reconciler import Reconciler
from perijove_scheduler.loops.scaler import Scaler
from perijove_scheduler.loops.sweeper import Sweeper
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.commits import Commits
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.store import Store

# One name for whoever leads: what was delivered to the leader before and not acknowledged comes to the next at once.
_CONSUMER = "leader"
_log = logging.getLogger("perijove.platform")


@dataclass(frozen=True)
class Nights:
    """What the nightly sweep removes, and when it comes: the hour, and seconds later."""

    settings: RetentionSettings
    hour: int
    jitter: float


class Loops:
    """The loops of a service; iterate over them for their counters."""

    def __init__(
        self,
        bell: Bell,
        store: Store,
        queue: Queue,
        files: Files,
        machines: Machines,
        sign: Sign,
        keys: WorkerKeys,
        nights: Nights,
    ) -> None:
        offers = Offers(queue, files)
        self._store = store
        self._machines = machines
        self.applier = Applier(bell, store, queue, offers, sign, keys, Commits(store, files), _CONSUMER)
        self.deciding: tuple[Loop, ...] = (
            Dispatcher(bell, store, queue, offers),
            Reaper(bell, store, queue, offers, machines),
            Sweeper(bell, store, queue, offers),
            Reconciler(bell, store, queue),
            Archiver(bell, store, queue, files),
            Scaler(bell, store, queue, machines, keys.machine_token),
            Curator(bell, store, files, nights.settings, nights.hour, nights.jitter),
        )

    def __iter__(self) -> Iterator[Loop]:
        return iter((self.applier, *self.deciding))

    def start(self) -> None:
        """Start every loop."""
        for loop in self:
            loop.start()

    async def stop(self, end_machines: bool) -> None:
        """Stop what decides, then end the machines we started, and last the applier, which hears them hand back."""
        await asyncio.gather(*(loop.stop() for loop in self.deciding))
        if end_machines:
            await self._end_machines()
        await self.applier.stop()
        if end_machines:
            await self._settle()

    async def _end_machines(self) -> None:
        rows = [row for row in await self._store.workers.live() if row.machine]
        outcomes = await asyncio.gather(*(self._machines.terminate(row) for row in rows), return_exceptions=True)
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, Exception):
                _log.error("worker %s could not be ended", row.id, exc_info=outcome)

    async def _settle(self) -> None:
        """Write what the ended machines said last; what one still held then goes on elsewhere, as nothing failed."""
        try:
            await self.applier.finish()
            await self._take_back()
        except Unavailable as error:
            _log.warning("what workers said last is read at the next start: %s", error)

    async def _take_back(self) -> None:
        gone = sorted(await self._machines.gone(row for row in await self._store.workers.live() if row.machine))
        if gone:
            await self._store.lifecycle.lose(gone, Reason.WORKER_DRAINED)
            for worker in gone:
                await self._store.workers.checkpoint(worker, {})
