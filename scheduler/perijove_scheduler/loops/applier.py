"""Turns what agents tell into rows: the one writer of everything an attempt does."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar

from perijove.errors import PerijoveError, Unavailable
from perijove.model.control import Signed, SignedObject, Stop, Trimmed, ahead
from perijove.model.events import Claimed, Event, Held, ObjectRequest, SignRequest, Stopped
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.offers import Offers
from perijove_scheduler.queue.protocol import Delivery, Queue
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.store.outcomes import Applied
from perijove_scheduler.store.store import Store

_LIMIT = 500
#: Seconds a read waits for events before the list of groups is looked at again.
_READ_TIMEOUT = 5.0
_LAST_READ_TIMEOUT = 0.05
#: Seconds for which the list of groups holds.
_NAMES_HOLD = 1.0
#: Seconds the live stream of an archived attempt is kept for those who are following it.
STREAM_KEPT = 60.0

GroupEvent = tuple[str, Event]
#: Answers a worker's request for signed URLs; the group is the one whose stream it came by.
Sign = Callable[[SignRequest, str], Awaitable[Signed]]


class Applier(Loop):
    """Reads events, applies each batch in one transaction, passes on what follows from it, then acknowledges.

    A batch is whatever has come in while the last one was applied: nothing waits for one to fill. One that could not
    be applied or passed on is not acknowledged, and comes again; both are harmless to repeat.

    Parameters
    ----------
    consumer : str
        The name under which events are delivered to this process. What was delivered to a process that died comes at
        once to the next one of the same name.
    """

    name: ClassVar[str] = "applier"

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers, sign: Sign, consumer: str) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._offers = offers
        self._sign_for = sign
        self.consumer = consumer
        self._names: Sequence[str] = ()
        self._looked = -math.inf

    async def wait(self) -> None:
        """Return at once: reading the events waits already."""

    async def turn(self) -> None:
        """Read what came in and apply it."""
        groups = await self._groups()
        try:
            with self.at_rest():
                deliveries = await self._queue.read_events(groups, self.consumer, _READ_TIMEOUT, _LIMIT)
        except Unavailable:
            # It is the first to notice. Whatever Redis has lost is put right as soon as it is back.
            for loop in ("redis", "sweeper"):
                self.bell.ring(loop)
            raise
        if deliveries:
            await self.handle(deliveries)

    async def _groups(self) -> Sequence[str]:
        """Return the groups, of a second ago at most: a batch that comes after another need not ask for them again."""
        if time.monotonic() > self._looked + _NAMES_HOLD:
            self._looked, self._names = time.monotonic(), await self._store.groups.names()
        return self._names

    async def finish(self) -> None:
        """Apply what has come in until nothing is left; for after the loop was stopped."""
        groups = await self._store.groups.names()
        while deliveries := await self._queue.read_events(groups, self.consumer, _LAST_READ_TIMEOUT, _LIMIT):
            await self.handle(deliveries)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Apply deliveries, pass on what follows, acknowledge."""
        told = [(d.group, d.event) for d in deliveries if d.event is not None]
        if len(told) < len(deliveries):
            unread = [f"{d.group}/{d.entry}" for d in deliveries if d.event is None]
            self.log.error("applier: events that cannot be read are dropped: %s", ", ".join(unread))
        requests = [(group, event) for group, event in told if isinstance(event, SignRequest)]
        events = [(group, event) for group, event in told if not isinstance(event, SignRequest)]
        # A worker that claims and asks at once is known to hold the attempt only when its claim has been applied.
        claimed = {event.execution for _, event in events if isinstance(event, Claimed | Held)}
        await _all(
            self._sign_ahead(events),
            self._apply(events),
            self._sign((g, r) for g, r in requests if r.execution not in claimed),
        )
        await self._sign((g, r) for g, r in requests if r.execution in claimed)
        await self._queue.acknowledge(deliveries)

    async def _apply(self, events: Sequence[GroupEvent]) -> None:
        if not events:
            return
        applied = await self._store.lifecycle.apply(events)
        if applied.rejected:
            self.log.error("applier: events that cannot be stored are dropped, of %s", ", ".join(applied.rejected))
        await self._pass_on(applied)
        for worker in {event.worker for _, event in events if isinstance(event, Stopped)}:
            await self._queue.revoke(worker)
        self._ring(applied, events)

    async def _pass_on(self, applied: Applied) -> None:
        """Tell Redis what the database knows now. The sweeper repeats what matters of it, should this be cut short."""
        queue = self._queue
        if applied.changed:
            await queue.publish_changes(applied.changed)
        stops = [(a, Stop(execution=a.execution, attempt=a.attempt)) for a in applied.stale if a.worker]
        await asyncio.gather(
            queue.forget_many([(a.group, a.execution, a.attempt) for a in applied.finished]),
            queue.tell_many([(a.group, a.worker, stop) for a, stop in stops]),
            *(queue.expire_records(a.group, a.execution, a.attempt, STREAM_KEPT) for a in applied.archived),
        )
        await self._trim(applied)
        await self._offers.make(applied.requeued)

    async def _trim(self, applied: Applied) -> None:
        """Trim the streams of attempts whose older records are in the object store, and tell their workers so."""
        taken = [(each.attempt, each.last) for each in applied.segmented]
        if not taken:
            return
        await self._queue.trim_records([((a.group, a.execution, a.attempt), last) for a, last in taken])
        await self._queue.tell_many([
            (a.group, a.worker, Trimmed(execution=a.execution, attempt=a.attempt, last=last)) for a, last in taken
        ])  # fmt: skip

    def _ring(self, applied: Applied, events: Sequence[GroupEvent]) -> None:
        if applied.finished or applied.requeued:
            self.bell.ring("dispatcher")
        if any(isinstance(event, Stopped) for _, event in events):
            self.bell.ring_all(CAPACITY, "dispatcher", "scaler")
        elif applied.finished or applied.requeued:
            self.bell.ring("scaler")

    async def _sign_ahead(self, events: Sequence[GroupEvent]) -> None:
        """Tell whoever claimed a notebook where the executed one goes, as `perijove.model.control.ahead` says."""
        claims = [(group, event) for group, event in events if isinstance(event, Claimed)]
        if not claims:
            return
        paths = await self._store.executions.notebooks([event.execution for _, event in claims])
        await self._sign((group, _ahead(event, paths[event.execution])) for group, event in claims
                         if event.execution in paths)  # fmt: skip

    async def _sign(self, requests: Iterable[tuple[str, SignRequest]]) -> None:
        await _all(*(self._answer(group, request) for group, request in requests))

    async def _answer(self, group: str, request: SignRequest) -> None:
        try:
            signed = await self._sign_for(request, group)
        except Unavailable:
            raise  # no answer: an attempt that is refused an address loses what it has to store
        except PerijoveError as error:
            signed = _refusal(request, error)
        await self._queue.tell(group, request.worker, signed)


async def _all(*calls: Awaitable[None]) -> None:
    """Wait for all of them, and raise what went wrong first: nothing goes on while the batch is handled again."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _ahead(claim: Claimed, path: str) -> SignRequest:
    return SignRequest(
        worker=claim.worker,
        execution=claim.execution,
        attempt=claim.attempt,
        request=ahead(claim.execution, claim.attempt),
        objects=[ObjectRequest(what="output", name=path.rpartition("/")[2])],
    )


def _refusal(request: SignRequest, error: PerijoveError) -> Signed:
    objects = [SignedObject(what=wanted.what, name=wanted.name, error=error.message) for wanted in request.objects]
    return Signed(request=request.request, objects=objects)
