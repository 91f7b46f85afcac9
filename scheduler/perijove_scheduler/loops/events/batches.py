"""Applies one group's events: what of them can be applied is, and what cannot is set aside after a few tries."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from perijove.errors import Unavailable
from perijove.model.events import Claimed, Held, SignRequest
from perijove_scheduler.loops.events.intake import Accepted, Intake, Refused, unapplied
from perijove_scheduler.loops.events.signatures import Signatures
from perijove_scheduler.loops.events.writer import EventWriter
from perijove_scheduler.loops.tasks import together
from perijove_scheduler.queue.protocol import Delivery, Queue
from perijove_scheduler.store.store import Store

#: How often an event is tried that fails by itself, before it is set aside.
TRIES = 3
_DETAIL = 300
#: Bytes of events that are read and applied together: what is made of them takes several times as much.
_PART = 32 * 1024 * 1024
_log = logging.getLogger("perijove.loops.applier")

T = TypeVar("T")
_Request = tuple[Delivery, SignRequest]


@dataclass
class _Batch:
    """What came of a group: its events, those that are refused, and the entries that have to come again."""

    group: str
    accepted: list[Accepted]
    refused: list[Refused]
    again: set[str] = field(default_factory=set)

    @property
    def others(self) -> list[Accepted]:
        """All events but the requests for URLs."""
        return [each for each in self.accepted if not isinstance(each.event, SignRequest)]

    def requests(self, *, of_claimed: bool) -> list[_Request]:
        """Return the requests for URLs of attempts that this batch claims, or of the others."""
        claimed = {each.event.execution for each in self.accepted if isinstance(each.event, Claimed | Held)}
        asked = [(each.delivery, each.event) for each in self.accepted if isinstance(each.event, SignRequest)]
        return [(delivery, event) for delivery, event in asked if (event.execution in claimed) is of_claimed]


class Batches:
    """Applies batches of events, each of one group.

    Attributes
    ----------
    rejected : Counter
        How many events of each group were set aside.
    """

    def __init__(self, store: Store, queue: Queue, intake: Intake, signatures: Signatures, writer: EventWriter) -> None:
        self._store = store
        self._queue = queue
        self._intake = intake
        self._signatures = signatures
        self._writer = writer
        self._tries: Counter[tuple[str, str]] = Counter()
        self.rejected: Counter[str] = Counter()

    async def apply(self, group: str, deliveries: Sequence[Delivery]) -> bool:
        """Apply a group's deliveries, send what follows from them, acknowledge.

        What is not acknowledged comes again: all of it when the database or Redis is away, and single events that
        failed by themselves.

        Returns
        -------
        bool
            Whether all of it is done; else some comes again, which is worth a pause.
        """
        return all([await self._apply(group, part) for part in _in_parts(deliveries)])

    async def _apply(self, group: str, deliveries: Sequence[Delivery]) -> bool:
        batch = _Batch(group, *await self._intake.read(deliveries))
        await together(self._write(batch), self._answer(batch, batch.requests(of_claimed=False)))
        # A worker is known to hold an attempt, and so given URLs for it, only when its claim has been written.
        await together(self._send_ahead(batch), self._answer(batch, batch.requests(of_claimed=True)))
        await self._set_aside(batch)
        done = [each for each in deliveries if each.entry not in batch.again]
        for each in done:
            self._tries.pop((group, each.entry), None)
        await self._queue.acknowledge(done)
        return not batch.again

    async def _send_ahead(self, batch: _Batch) -> None:
        claims = [each.event for each in batch.accepted if isinstance(each.event, Claimed)]
        for claim, error in await failing(claims, lambda some: self._signatures.ahead(batch.group, some)):
            _log.error("applier: worker %s has to ask for its first URL", claim.worker, exc_info=error)

    async def _answer(self, batch: _Batch, requests: Sequence[_Request]) -> None:
        async def answer(some: Sequence[_Request]) -> None:
            await self._signatures.answer(batch.group, [request for _, request in some])

        for (delivery, _), error in await failing(requests, answer):
            batch.refused.append(unapplied(delivery, f"It could not be answered: {_described(error)}"))

    async def _write(self, batch: _Batch) -> None:
        async def write(some: Sequence[Accepted]) -> None:
            await self._writer.write(batch.group, [each.event for each in some])

        for each, error in await failing(batch.others, write):
            self._count_failure(batch, each, error)
        # Whose end is refused has ended all the same.
        ends = [Accepted(each.delivery, each.last) for each in batch.refused if each.last]
        for end, error in await failing(ends, write):
            _log.error("applier: an attempt of group %s cannot be ended: %s", batch.group, end.event, exc_info=error)

    def _count_failure(self, batch: _Batch, failed: Accepted, error: Exception) -> None:
        """Let an event that failed by itself come again; refuse it when it has failed for the last time."""
        entry = failed.delivery.entry
        self._tries[batch.group, entry] += 1
        if self._tries[batch.group, entry] < TRIES:
            batch.again.add(entry)
            return
        _log.error("applier: an event of group %s cannot be applied", batch.group, exc_info=error)
        batch.refused.append(unapplied(failed.delivery, f"It could not be applied: {_described(error)}"))

    async def _set_aside(self, batch: _Batch) -> None:
        if not batch.refused:
            return
        self.rejected[batch.group] += len(batch.refused)
        first = batch.refused[0].rejection
        _log.error(
            "applier: %d events of group %s are set aside (`perijove events rejected`); the first, of worker %s: %s",
            *(len(batch.refused), batch.group, first.worker, first.why),
        )
        await self._store.rejections.add(batch.group, [each.rejection for each in batch.refused])


def _in_parts(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Cut deliveries into parts whose documents have no more than `_PART` bytes together, or are alone."""
    part: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        length = len(delivery.envelope.document)
        if part and size + length > _PART:
            yield part
            part, size = [], 0
        part.append(delivery)
        size += length
    if part:
        yield part


async def failing(items: Sequence[T], work: Callable[[Sequence[T]], Awaitable[None]]) -> list[tuple[T, Exception]]:
    """Do `work` for all items at once; where that fails, for each half of them, and so on.

    Returns
    -------
    list of tuple
        The items for which it fails by themselves, each with what it raised.

    Raises
    ------
    perijove.errors.Unavailable
        The database or Redis is away: nothing is wrong with the items.
    """
    error = await _raised(work(items)) if items else None
    if error is None:
        return []
    if len(items) == 1:
        return [(items[0], error)]
    half = len(items) // 2
    return [*await failing(items[:half], work), *await failing(items[half:], work)]


async def _raised(work: Awaitable[None]) -> Exception | None:
    try:
        await work
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an event runs into is kept with that event, and shown
        return error
    return None


def _described(error: Exception) -> str:
    """Return an error in a line. A database's own begins with what it refused; the statement behind it is no help."""
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}".partition("\n")[0][:_DETAIL]
