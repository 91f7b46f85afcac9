"""Which of a group's events are taken: those that their worker sealed, that can be read, and that are of this group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perijove.model.events import Event, Finished
from perijove.model.reasons import Reason
from perijove.wire.envelopes import Envelope
from perijove.wire.limits import EVENT_LIMIT
from perijove_scheduler.queue.protocol import Delivery
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.store.rejections import Rejection
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.workers import Identity

#: For how many workers it is remembered what they are known by.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Taken:
    """An event that its worker sent, with the entry it came by."""

    delivery: Delivery
    event: Event


@dataclass(frozen=True)
class Refused:
    """An entry that is not taken, and why; `last` is the end of an attempt that follows from it all the same."""

    delivery: Delivery
    why: str
    last: Finished | None = None

    @property
    def rejection(self) -> Rejection:
        """What is kept of it."""
        envelope = self.delivery.envelope
        header = envelope.read_header
        kind, execution, attempt = (header.kind, header.execution, header.attempt) if header else ("", "", 0)
        return Rejection(self.delivery.group, envelope.worker, kind, execution, attempt, self.why, envelope.document)


class Intake:
    """Reads what was delivered.

    Parameters
    ----------
    store : Store
        Knows the workers.
    keys : WorkerKeys
        Derives what their events are sealed with.
    """

    def __init__(self, store: Store, keys: WorkerKeys) -> None:
        self._store = store
        self._keys = keys
        self._known: dict[str, Identity] = {}

    async def read(self, deliveries: Sequence[Delivery]) -> tuple[list[Taken], list[Refused]]:
        """Return what is taken of a group's deliveries, in their order, and what is not."""
        await self._learn({each.envelope.worker for each in deliveries} - self._known.keys())
        # Who enrolled again since seals with another key.
        await self._learn({e.envelope.worker for e in deliveries if not self._is_sealed(e.envelope)})
        taken: list[Taken] = []
        refused: list[Refused] = []
        for delivery in deliveries:
            event = delivery.event
            if why := self._objection(delivery):
                refused.append(Refused(delivery, why))
            elif event is None:
                refused.append(unreadable(delivery))
            else:
                taken.append(Taken(delivery, event))
        return taken, refused

    async def _learn(self, workers: set[str]) -> None:
        if workers:
            if len(self._known) + len(workers) > _REMEMBERED:
                self._known.clear()
            self._known |= await self._store.workers.identities(workers)

    def _is_sealed(self, envelope: Envelope) -> bool:
        known = self._known.get(envelope.worker)
        return known is not None and envelope.is_sealed_with(
            self._keys.event_key(envelope.worker, known.password_sha256)
        )

    def _objection(self, delivery: Delivery) -> str:
        known = self._known.get(delivery.envelope.worker)
        if known is None:
            return "No worker of that name has enrolled."
        if not self._is_sealed(delivery.envelope):
            return "It was not sealed by the worker it names."
        if known.group != delivery.group:
            return f"Its worker is of group {known.group}, and it came by the stream of {delivery.group}."
        return ""


def unreadable(delivery: Delivery) -> Refused:
    """Refuse an event that its worker did send, and that cannot be read."""
    size = len(delivery.envelope.document)
    why = (
        f"It has {size:,} bytes, and at most {EVENT_LIMIT:,} are read." if size > EVENT_LIMIT else "It cannot be read."
    )
    return unapplied(delivery, why)


def unapplied(delivery: Delivery, why: str) -> Refused:
    """Refuse an event that its worker did send: an attempt whose last event it is ends all the same, and for that."""
    header = delivery.envelope.read_header
    if header is None or header.kind != "finished" or not header.execution:
        return Refused(delivery, why)
    detail = f"What its worker told of its end was not applied: {why}"
    last = Finished(
        worker=delivery.envelope.worker,
        execution=header.execution,
        attempt=header.attempt,
        reason=Reason.AGENT_FAILED,
        detail=detail,
    )
    return Refused(delivery, why, last)
