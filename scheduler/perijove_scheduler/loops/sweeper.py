"""The safety net: puts right what a crash, or a Redis that forgot, left undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from perijove.model.control import Stop
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.queue.protocol import Queue, TicketState
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.outcomes import Queued
from perijove_scheduler.store.store import Store

_PAGE = 500
#: Seconds for which an Idempotency-Key is remembered.
KEYS_KEPT = 24 * 3600.0
_KEYS_EVERY = 240
#: Seconds for which a worker that has ended is remembered. What ran on it names it for as long as it is kept itself.
WORKERS_KEPT = 30 * 86_400.0
#: Seconds for which the removal of an ended worker from Redis is repeated.
_ENDED_WITHIN = 60.0


class Sweeper(Loop):
    """Makes Redis say again what the database knows, every `period` seconds. All of it is harmless to repeat."""

    name: ClassVar[str] = "sweeper"

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._offers = offers
        self._generation = ""

    async def turn(self) -> None:
        """Sweep everything once."""
        await self._queue.prepare()
        await self._grant_again()
        await self._remove_ended()
        await self._offer_again()
        await self._stop_again()
        if self.runs % _KEYS_EVERY == 1:
            await self._store.idempotency.forget(KEYS_KEPT)
            while await self._store.workers.forget(WORKERS_KEPT, _PAGE):
                pass

    async def _grant_again(self) -> None:
        """Make the workers' Redis users again when Redis was restarted or flushed, and when we were."""
        generation = await self._queue.generation()
        if generation == self._generation:
            return
        for row in await self._store.workers.live():
            if row.password_sha256:
                await self._queue.grant(row.group_name, row.id, row.password_sha256)
        if self._generation:
            self.log.warning("sweeper: Redis was restarted or flushed; its users and tickets are made again")
        self._generation = generation

    async def _remove_ended(self) -> None:
        for row in await self._store.workers.ended(_ENDED_WITHIN):
            await self._queue.revoke(row.id)
            await self._queue.remove_worker(row.group_name, row.id)

    async def _offer_again(self) -> None:
        """Offer the queued executions that have no live ticket."""
        after = ""
        while page := await self._store.lifecycle.queued(_PAGE, after):
            groups: defaultdict[str, list[Queued]] = defaultdict(list)
            for queued in page:
                groups[queued.group].append(queued)
            missing = []
            for group, here in groups.items():
                states = await self._queue.tickets(group, [queued.id for queued in here])
                missing += [q for q, state in zip(here, states, strict=True) if _is_missing(q, state)]
                await self._take_back(group, here, states)
            await self._offer(missing)
            after = page[-1].id

    async def _offer(self, missing: Sequence[Queued]) -> None:
        if not missing:
            return
        offers = await self._store.lifecycle.offers([queued.id for queued in missing])
        if made := await self._offers.make(offers):
            groups = ", ".join(sorted({queued.group for queued in missing}))
            self.log.warning("sweeper: offered %d executions again in %s", made, groups)
            self.bell.ring("scaler")

    async def _take_back(self, group: str, page: Sequence[Queued], states: Sequence[TicketState | None]) -> None:
        """Forget tickets that a worker claimed that is no more; the next sweep offers them.

        A ticket that a living worker claimed is left: its claim is on its way here.
        """
        claimed = [
            (queued, state.worker)
            for queued, state in zip(page, states, strict=True)
            if state and state.state == "claimed" and state.attempt == queued.attempt
        ]
        # Read after the tickets: who registered and claimed since is not taken for one that is no more.
        workers = {each.worker for each in await self._queue.workers(group)} if claimed else set()
        for queued, worker in claimed:
            if worker not in workers:
                await self._queue.forget(group, queued.id, queued.attempt)

    async def _stop_again(self) -> None:
        for held in await self._store.lifecycle.stopping():
            if held.worker:
                message = Stop(execution=held.execution, attempt=held.attempt)
                await self._queue.tell(held.group, held.worker, message)


def _is_missing(queued: Queued, state: TicketState | None) -> bool:
    return state is None or state.attempt < queued.attempt or state.state not in {"offered", "claimed", "ended"}
