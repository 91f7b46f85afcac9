"""Applies one group's events: what of them can be applied is, and what cannot is set aside after a few tries."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from perijove.errors import Unavailable
from perijove.model.events import Claimed, Held, SignRequest
from perijove_scheduler.loops.events.intake import Intake, Refused, Taken, unapplied
from perijove_scheduler.loops.events.signatures import Signatures
from perijove_scheduler.loops.events.writer import Passing
from perijove_scheduler.loops.tasks import together
from perijove_scheduler.queue.protocol import Delivery, Queue
from perijove_scheduler.store.store import Store

#: How often an event is tried by itself that failed, before it is set aside.
TRIES = 3
_DETAIL = 300
_log = logging.getLogger("perijove.loops.applier")


class Application:
    """Applies the events of groups; nothing of one group's is waited for, or fails, with another's.

    Attributes
    ----------
    rejected : Counter
        How many events of each group were set aside.
    """

    def __init__(self, store: Store, queue: Queue, intake: Intake, signatures: Signatures, passing: Passing) -> None:
        self._store = store
        self._queue = queue
        self._intake = intake
        self._signatures = signatures
        self._passing = passing
        self._tries: Counter[tuple[str, str]] = Counter()
        self.rejected: Counter[str] = Counter()

    async def take(self, group: str, deliveries: Sequence[Delivery]) -> None:
        """Apply a group's deliveries, pass on what follows, acknowledge.

        What is not acknowledged comes again: all of it when the database or Redis is away, and single events that
        failed by themselves.
        """
        taken, refused = await self._intake.read(deliveries)
        again: set[str] = set()
        await self._take(group, taken, refused, again)
        await self._set_aside(group, refused)
        done = [each for each in deliveries if each.entry not in again]
        for each in done:
            self._tries.pop((group, each.entry), None)
        await self._queue.acknowledge(done)

    async def _take(self, group: str, taken: Sequence[Taken], refused: list[Refused], again: set[str]) -> None:
        requests = [each for each in taken if isinstance(each.event, SignRequest)]
        others = [each for each in taken if not isinstance(each.event, SignRequest)]
        # A worker that claims and asks at once is known to hold the attempt only when its claim has been applied.
        claims = [each.event for each in others if isinstance(each.event, Claimed | Held)]
        claimed = {event.execution for event in claims}
        await together(
            self._signatures.ahead(group, [event for event in claims if isinstance(event, Claimed)]),
            self._apply(group, others, refused, again),
            self._answer(group, [each for each in requests if _execution(each) not in claimed], refused),
        )
        await self._answer(group, [each for each in requests if _execution(each) in claimed], refused)

    async def _answer(self, group: str, requests: Sequence[Taken], refused: list[Refused]) -> None:
        try:
            await self._signatures.answer(group, [each.event for each in requests])  # type: ignore[misc]
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - as for what is applied
            if len(requests) == 1:
                refused.append(unapplied(requests[0].delivery, f"It could not be answered: {_described(error)}"))
                return
            for each in requests:
                await self._answer(group, [each], refused)

    async def _apply(self, group: str, taken: Sequence[Taken], refused: list[Refused], again: set[str]) -> None:
        # The end of an attempt that follows from an event which cannot be read stands for that event.
        events = [each.event for each in taken] + [each.last for each in refused if each.last]
        if not events:
            return
        try:
            await self._passing.apply(group, events)
        except Unavailable:
            raise  # nothing is wrong with the events
        except Exception as error:  # noqa: BLE001 - whatever an event runs into, it is kept and shown, not dropped
            _log.warning("applier: a batch of group %s is applied one by one: %s", group, _described(error))
            for each in taken:
                await self._apply_alone(group, each, refused, again)
            for last in [each.last for each in refused if each.last]:
                await self._passing.apply(group, [last])

    async def _apply_alone(self, group: str, one: Taken, refused: list[Refused], again: set[str]) -> None:
        try:
            await self._passing.apply(group, [one.event])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            entry = one.delivery.entry
            self._tries[group, entry] += 1
            if self._tries[group, entry] < TRIES:
                again.add(entry)
                return
            _log.error("applier: an event of group %s cannot be applied", group, exc_info=error)
            refused.append(unapplied(one.delivery, f"It could not be applied: {_described(error)}"))

    async def _set_aside(self, group: str, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        self.rejected[group] += len(refused)
        first = refused[0].rejection
        _log.error(
            "applier: %d events of group %s are set aside (`perijove events rejected`); the first, of worker %s: %s",
            *(len(refused), group, first.worker, first.why),
        )
        await self._store.rejections.add(group, [each.rejection for each in refused])


def _described(error: Exception) -> str:
    """Return an error in a line. A database's own begins with what it refused; the statement behind it is no help."""
    origin = getattr(error, "orig", None) or error
    return f"{type(origin).__name__}: {origin}".partition("\n")[0][:_DETAIL]


def _execution(taken: Taken) -> str:
    return str(getattr(taken.event, "execution", ""))
