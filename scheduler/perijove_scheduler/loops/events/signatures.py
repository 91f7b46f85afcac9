"""Answers the requests of workers for signed URLs: those of a batch together, of each worker up to a bound."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from perijove.model.control import Signed, ahead
from perijove.model.events import Claimed, ObjectRequest, SignRequest
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.store.store import Store

#: Objects that are signed for one worker in one batch of events. For more it has to ask again.
OBJECTS = 5_000

#: Answers requests of workers of the group named; None for one whose attempt nobody is known to hold yet.
Sign = Callable[[str, Sequence[SignRequest]], Awaitable[list[Signed | None]]]
_log = logging.getLogger("perijove.loops.applier")


class Signatures:
    """Has requests answered, and sends the answers on the control streams of those who asked."""

    def __init__(self, store: Store, queue: Queue, sign: Sign) -> None:
        self._store = store
        self._queue = queue
        self._sign = sign

    async def answer(self, group: str, requests: Sequence[SignRequest]) -> None:
        """Answer requests. One that is not answered is asked again after a while."""
        wanted = _bounded(requests)
        if not wanted:
            return
        answers = zip(wanted, await self._sign(group, wanted), strict=True)
        await self._queue.tell_many([(group, request.worker, answer) for request, answer in answers if answer])

    async def ahead(self, group: str, claims: Sequence[Claimed]) -> None:
        """Send whoever claimed a notebook the URL of the executed one, unasked; see `perijove.model.control.ahead`."""
        if not claims:
            return
        paths = await self._store.executions.notebooks([claim.execution for claim in claims])
        await self.answer(
            group, [_ahead(claim, paths[claim.execution]) for claim in claims if claim.execution in paths]
        )


def _bounded(requests: Sequence[SignRequest]) -> list[SignRequest]:
    """Return those requests that are answered now: a flood of one worker's delays no other worker's."""
    objects: Counter[str] = Counter()
    taken = []
    for request in requests:
        objects[request.worker] += max(1, len(request.objects))
        if objects[request.worker] <= OBJECTS:
            taken.append(request)
    for worker, count in objects.items():
        if count > OBJECTS:
            _log.warning("applier: worker %s asked for %d URLs at once; it has to ask again for some", worker, count)
    return taken


def _ahead(claim: Claimed, path: str) -> SignRequest:
    return SignRequest(
        worker=claim.worker,
        execution=claim.execution,
        attempt=claim.attempt,
        request=ahead(claim.execution, claim.attempt),
        objects=[ObjectRequest(what="output", name=path.rpartition("/")[2])],
    )
