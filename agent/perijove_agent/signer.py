"""Asks the master for signed URLs, and waits for the answer on the control stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from perijove.model.control import Signed, SignedObject, ahead
from perijove.model.events import Event, FormerWorker, ObjectRequest, SignRequest
from perijove.model.ids import new_id
from perijove.wire.protocol import Held
from perijove_agent.persistence import persist
from perijove_agent.waits import waiting

#: Seconds after which a request is sent again: its event, or its answer, may have been lost with a Redis.
ASK_AGAIN = 20.0
#: Seconds after which it asks for what should have come unasked.
UNASKED = 1.0


class Signer:
    """Gets signed URLs.

    Parameters
    ----------
    emit : callable
        Sends events; may raise `perijove.errors.Unavailable`.
    worker : str
        Who asks.
    """

    def __init__(self, emit: Callable[[Sequence[Event]], Awaitable[None]], worker: str) -> None:
        self._emit = emit
        self._worker = worker
        self._forgotten = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[list[SignedObject]]] = {}

    async def sign(
        self, held: Held, objects: Sequence[ObjectRequest], ran_by: FormerWorker | None = None
    ) -> list[SignedObject]:
        """Return a URL, or an error, for each of `objects`. Waits as long as the master is away.

        `ran_by` is the worker that ran the attempt, where that was an earlier one on this disk.
        """
        request = new_id("rq")
        with self._awaited(request) as answer:
            await self._ask(held, request, objects, answer, ran_by)
            return answer.result()

    async def sign_ahead(self, held: Held, executed: ObjectRequest) -> SignedObject:
        """Return where an attempt's executed notebook goes, which the master tells who claims it.

        Where it does not, as for an attempt that goes on after Redis was flushed, it is asked.
        """
        with self._awaited(ahead(held.execution, held.attempt)) as answer:
            await asyncio.wait({answer}, timeout=UNASKED)
            (told,) = answer.result() if answer.done() else await self.sign(held, [executed])
            return told

    @contextmanager
    def _awaited(self, request: str) -> Iterator[asyncio.Future[list[SignedObject]]]:
        self._waiting[request] = answer = asyncio.get_running_loop().create_future()
        try:
            yield answer
        finally:
            del self._waiting[request]

    def again(self) -> None:
        """Redis forgot what it was asked: ask again."""
        self._forgotten.set()
        self._forgotten = asyncio.Event()

    def answered(self, message: Signed) -> None:
        """Hand an answer to who waits for it."""
        waiting = self._waiting.get(message.request)
        if waiting and not waiting.done():
            waiting.set_result(message.objects)

    async def _ask(
        self,
        held: Held,
        request: str,
        objects: Sequence[ObjectRequest],
        answer: asyncio.Future[list[SignedObject]],
        ran_by: FormerWorker | None,
    ) -> None:
        event = SignRequest(
            worker=self._worker,
            execution=held.execution,
            attempt=held.attempt,
            request=request,
            objects=list(objects),
            ran_by=ran_by,
        )
        with waiting("It waits for the platform to say where its files lie."):
            while not answer.done():
                await persist("a request for signed URLs", lambda: self._emit([event]))
                await self._answered_or_forgotten(answer)

    async def _answered_or_forgotten(self, answer: asyncio.Future[list[SignedObject]]) -> None:
        forgotten = asyncio.ensure_future(self._forgotten.wait())
        try:
            either: list[asyncio.Future[Any]] = [answer, forgotten]
            await asyncio.wait(either, timeout=ASK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forgotten.cancel()
