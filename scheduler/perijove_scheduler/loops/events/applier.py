"""The loop that writes what agents send: all that is written of a running attempt is written here."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.events.batches import Batches
from perijove_scheduler.loops.events.intake import Intake
from perijove_scheduler.loops.events.signatures import Sign, Signatures
from perijove_scheduler.loops.events.writer import EventWriter
from perijove_scheduler.loops.tasks import together
from perijove_scheduler.queue.protocol import Delivery, Queue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.commits import Commits
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.leadership import Deposed
from perijove_scheduler.store.store import Store

#: The most events of one group that are applied at once.
_LIMIT = 500
#: Seconds a read waits for events before the list of groups is looked at again.
_READ_TIMEOUT = 5.0
_LAST_READ_TIMEOUT = 0.05
#: Seconds for which the list of groups holds.
_NAMES_HOLD = 1.0
#: Seconds that the groups of a batch wait for the slowest of them. Then the others' next events are read without it;
#: such a read ends after as many seconds.
_SLOW = 0.5
#: Seconds that a claim waits which came alone: whoever runs something short waits for its beginning just then, and for
#: the claim to be written only at its end.
_HOLD = 0.03
#: Seconds that the groups may take to apply their batches when the loop is stopped.
_STOP_LIMIT = 5.0
#: Seconds that the events of a group wait when they could not be applied, at first and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0


class Applier(Loop):
    """Reads events, writes each group's in one transaction, sends what follows from that, then acknowledges.

    A batch is whatever has come in while the last one was applied: nothing waits for one to fill. One that could not
    be written, or of which not everything could be sent, is not acknowledged, and comes again; all of that is harmless
    to repeat. No group waits for another that is slow or fails: the next events are read without it until it is done.

    Parameters
    ----------
    keys : WorkerKeys
        Derives what the workers' events are sealed with.
    consumer : str
        The name under which events are delivered to this process. What was delivered to a process that died comes at
        once to the next one of the same name.
    """

    name: ClassVar[str] = "applier"

    def __init__(
        self,
        bell: Bell,
        store: Store,
        queue: Queue,
        offers: Offers,
        sign: Sign,
        keys: WorkerKeys,
        commits: Commits,
        consumer: str,
    ) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        signatures, writer = Signatures(store, queue, sign), EventWriter(bell, store, queue, offers, commits)
        self._batches = Batches(store, queue, Intake(store, keys), signatures, writer)
        self.consumer = consumer
        self._names: Sequence[str] = ()
        self._looked = -math.inf
        self._busy: dict[str, asyncio.Task[bool]] = {}
        self._backoffs: defaultdict[str, Backoff] = defaultdict(lambda: Backoff(_FIRST_PAUSE, _LONGEST_PAUSE))
        self._paused: dict[str, float] = {}

    @property
    def rejected(self) -> dict[str, int]:
        """How many events of each group were set aside."""
        return dict(self._batches.rejected)

    async def wait(self) -> None:
        """Return at once: reading the events waits already."""

    async def turn(self) -> None:
        """Read what came in and apply it."""
        self._collect()
        groups = [group for group in await self._groups() if group not in self._busy and not self._is_paused(group)]
        timeout = _SLOW if self._busy or self._paused else _READ_TIMEOUT
        try:
            with self.at_rest():
                deliveries = await self._queue.read_events(groups, self.consumer, timeout, _LIMIT)
        except Unavailable:
            # This loop is the first to notice. What Redis has lost is written again as soon as it is back.
            for loop in ("redis", "sweeper"):
                self.bell.ring(loop)
            raise
        for group, theirs in _by_group(deliveries).items():
            self._busy[group] = asyncio.create_task(self._apply(group, theirs), name=f"events of {group}")
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=_SLOW)
        self._collect()

    async def _apply(self, group: str, deliveries: Sequence[Delivery]) -> bool:
        headers = [each.envelope.read_header for each in deliveries]
        if len(headers) == 1 and headers[0] and headers[0].kind == "claimed":
            await asyncio.sleep(_HOLD)
        return await self._batches.apply(group, deliveries)

    def _collect(self) -> None:
        """Take note of the groups that are done. One that failed waits for a while, and the others do not.

        Raises
        ------
        perijove_scheduler.store.leadership.Deposed
            Another replica leads by now.
        """
        for group in [group for group, task in self._busy.items() if task.done()]:
            task = self._busy.pop(group)
            error = task.exception()
            if isinstance(error, Deposed):
                raise error
            if error is None and task.result():
                self._backoffs.pop(group, None)
            else:
                self._pause(group, error)

    def _pause(self, group: str, error: BaseException | None) -> None:
        self.failures += 1
        seconds = self._backoffs[group].next()
        self._paused[group] = time.monotonic() + seconds
        if error is None:
            self.log.warning("applier: some events of group %s are tried again in %.1f s", group, seconds)
        elif isinstance(error, Unavailable):
            self.log.warning("applier: the events of group %s wait %.1f s: %s", group, seconds, error.message)
        else:
            self.log.error("applier: the events of group %s wait %.1f s", group, seconds, exc_info=error)

    def _is_paused(self, group: str) -> bool:
        if time.monotonic() < self._paused.get(group, -math.inf):
            return True
        self._paused.pop(group, None)
        return False

    async def _groups(self) -> Sequence[str]:
        """Return the groups as they were a second ago at most: batches in quick succession share one query."""
        if time.monotonic() > self._looked + _NAMES_HOLD:
            self._looked, self._names = time.monotonic(), await self._store.groups.names()
            for gone in (self._paused.keys() | self._backoffs.keys()) - set(self._names):
                self._paused.pop(gone, None)
                self._backoffs.pop(gone, None)
        return self._names

    async def stop(self) -> None:
        """Stop, and cancel what takes longer: the events that were not acknowledged come again."""
        await super().stop()
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=_STOP_LIMIT)
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        self._busy.clear()

    async def finish(self) -> None:
        """Apply what has come in until nothing is left; for after the loop was stopped."""
        groups = await self._store.groups.names()
        while deliveries := await self._queue.read_events(groups, self.consumer, _LAST_READ_TIMEOUT, _LIMIT):
            await self.handle(deliveries)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Apply deliveries, each group's by itself, and raise what went wrong with any."""
        await together(*(self._batches.apply(group, theirs) for group, theirs in _by_group(deliveries).items()))


def _by_group(deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    groups: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.group].append(delivery)
    return dict(groups)
