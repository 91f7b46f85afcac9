"""Which of a group's events are accepted: those of its workers, sealed by the one they name, that can be read."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perijove.aio.executors import COMPUTING
from perijove.model.events import Archived, Event, Finished, SignRequest
from perijove.model.reasons import Reason
from perijove.wire.envelopes import Envelope, records_key, records_proof
from perijove.wire.limits import EVENT_LIMIT
from perijove_scheduler.queue.protocol import Delivery
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.store.rejections import Rejection
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.workers import Identity

#: How many workers' identities are kept.
_REMEMBERED = 10_000
#: Bytes of an event that is verified and read beside the event loop: one that lists 100,000 outputs takes seconds.
_LARGE = 64 * 1024


@dataclass(frozen=True)
class Accepted:
    """An event that its worker sent, with the entry it came by."""

    delivery: Delivery
    event: Event


@dataclass(frozen=True)
class Refused:
    """An entry that is not applied, and why; `last` is the end of an attempt that follows from it all the same."""

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


@dataclass(frozen=True)
class _Opened:
    """Whether a worker sealed what was delivered, and the event in it, which is None where it cannot be read."""

    sealed: bool
    event: Event | None = None


class Intake:
    """Verifies and reads what was delivered.

    Parameters
    ----------
    store : Store
        Has the workers' identities.
    keys : WorkerKeys
        Derives the keys that their events are sealed with.
    """

    def __init__(self, store: Store, keys: WorkerKeys) -> None:
        self._store = store
        self._keys = keys
        self._remembered: dict[str, Identity] = {}

    async def read(self, deliveries: Sequence[Delivery]) -> tuple[list[Accepted], list[Refused]]:
        """Return what is accepted of a group's deliveries, in their order, and what is not."""
        known = await self._identities({each.envelope.worker for each in deliveries})
        opened = {each.entry: await self._open(each.envelope, known) for each in deliveries}
        # A worker that has enrolled again since it was looked up seals with another key.
        doubtful = [each for each in deliveries if not opened[each.entry].sealed]
        known |= await self._look_up({each.envelope.worker for each in doubtful} & known.keys())
        opened |= {each.entry: await self._open(each.envelope, known) for each in doubtful}
        accepted, refused = _sorted(deliveries, opened, known)
        return await self._with_proven_former(accepted, known), refused

    async def _with_proven_former(self, accepted: list[Accepted], known: dict[str, Identity]) -> list[Accepted]:
        """Return what was accepted, without the former workers that are named and not proven to be that.

        Such an event is not refused, since its sender waits for an answer: it is handled as one of the sender's own.
        """
        known |= await self._identities({each.event.runner for each in accepted} - known.keys())
        doubtful = {each.event.runner for each in accepted if not self._is_proven(each, known)}
        known |= await self._look_up(doubtful & known.keys())
        return [each if self._is_proven(each, known) else _without_former(each) for each in accepted]

    def _is_proven(self, one: Accepted, known: dict[str, Identity]) -> bool:
        event = one.event
        if not isinstance(event, Archived | SignRequest) or event.ran_by is None:
            return True
        identity = known.get(event.ran_by.worker)
        if identity is None or identity.group != one.delivery.group:
            return False
        event_key = self._keys.event_key(event.ran_by.worker, identity.password_sha256)
        key = records_key(event_key, event.execution, event.attempt)
        return hmac.compare_digest(event.ran_by.proof, records_proof(key, event.worker))

    async def _identities(self, workers: set[str]) -> dict[str, Identity]:
        """Return the identities of workers, as remembered where they are."""
        found = {worker: self._remembered[worker] for worker in workers & self._remembered.keys()}
        return found | await self._look_up(workers - found.keys())

    async def _look_up(self, workers: set[str]) -> dict[str, Identity]:
        """Return the identities of workers, and remember them."""
        found = await self._store.workers.identities(workers) if workers else {}
        if len(self._remembered) + len(found) > _REMEMBERED:
            self._remembered.clear()
        self._remembered |= found
        return found

    async def _open(self, envelope: Envelope, known: dict[str, Identity]) -> _Opened:
        identity = known.get(envelope.worker)
        if identity is None:
            return _Opened(sealed=False)
        key = self._keys.event_key(envelope.worker, identity.password_sha256)
        return (
            await COMPUTING.run(_opened, envelope, key) if len(envelope.document) > _LARGE else _opened(envelope, key)
        )


def _opened(envelope: Envelope, key: str) -> _Opened:
    """Verify an event; read it only then."""
    sealed = envelope.is_sealed_with(key)
    return _Opened(sealed, envelope.event if sealed else None)


def _sorted(
    deliveries: Sequence[Delivery], opened: dict[str, _Opened], known: dict[str, Identity]
) -> tuple[list[Accepted], list[Refused]]:
    accepted: list[Accepted] = []
    refused: list[Refused] = []
    for delivery in deliveries:
        found = opened[delivery.entry]
        if why := _objection(delivery, known.get(delivery.envelope.worker), sealed=found.sealed):
            refused.append(Refused(delivery, why))
        elif found.event is None:
            refused.append(unreadable(delivery))
        else:
            accepted.append(Accepted(delivery, found.event))
    return accepted, refused


def _objection(delivery: Delivery, known: Identity | None, *, sealed: bool) -> str:
    if known is None:
        return "No worker of that name has enrolled."
    if not sealed:
        return "It was not sealed by the worker it names."
    if known.group != delivery.group:
        return f"Its worker is of group {known.group}, and it came by the stream of {delivery.group}."
    return ""


def _without_former(one: Accepted) -> Accepted:
    return replace(one, event=one.event.model_copy(update={"ran_by": None}))


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
    last = Finished(
        worker=delivery.envelope.worker,
        execution=header.execution,
        attempt=header.attempt,
        reason=Reason.AGENT_FAILED,
        detail=f"The event that its worker ended it with was not applied: {why}",
    )
    return Refused(delivery, why, last)
