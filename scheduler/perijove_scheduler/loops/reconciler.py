"""Compares what the database says that workers hold with what Redis says: a restored backup may say something old."""

from __future__ import annotations

from typing import ClassVar

from perijove.model.control import Account
from perijove.wire.protocol import RENEWALS_A_LEASE
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.queue.protocol import Glance, Queue, TicketState
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.store.outcomes import AttemptRef
from perijove_scheduler.store.store import Store

#: Leases for which an attempt is missed on Redis before its worker is asked, and before it counts as failed.
ASKED_AFTER, FAILED_AFTER = 1.0, 3.0


class Reconciler(Loop):
    """Looks at every attempt that a living worker holds by the database, and that Redis does not know it to hold.

    Its worker is asked how it ended, and tells it again, or that it does not know it; one that says nothing has failed.
    A worker that Redis knows and the database does not, as it enrolled after a backup was made, has to enrol again.
    """

    name: ClassVar[str] = "reconciler"

    def __init__(self, bell: Bell, store: Store, queue: Queue) -> None:
        super().__init__(bell)
        self.period = queue.lease * 2 / RENEWALS_A_LEASE
        self._store = store
        self._queue = queue
        self._missed: dict[AttemptRef, float] = {}
        self._strange: dict[str, float] = {}

    async def turn(self) -> None:
        """Compare everything once."""
        groups = await self._store.groups.names()
        seen = await self._queue.glance(groups)
        await self._compare(seen)
        await self._put_out(seen)

    async def _compare(self, seen: dict[str, dict[str, Glance]]) -> None:
        now, lease = await self._queue.now(), self._queue.lease
        missing = await self._missing(seen)
        self._missed = {each: self._missed.get(each, now) for each in missing}
        late = [each for each in missing if now - self._missed[each] >= ASKED_AFTER * lease]
        asked = [(each, Account(execution=each.execution, attempt=each.attempt)) for each in late]
        await self._queue.tell_many([(each.group, each.worker, message) for each, message in asked])
        for each in late:
            self.log.warning("reconciler: worker %s is asked for %s, which Redis lacks", each.worker, each.execution)
        failed = [each for each in late if now - self._missed[each] >= FAILED_AFTER * lease]
        if failed:
            lost = await self._store.lifecycle.fail(failed)
            await self._queue.publish_changes(lost.changed)
            self.bell.ring_all(CAPACITY, "sweeper", "dispatcher", "archiver")

    async def _missing(self, seen: dict[str, dict[str, Glance]]) -> list[AttemptRef]:
        held: dict[str, list[AttemptRef]] = {}
        for each in await self._store.lifecycle.held():
            glance = seen.get(each.group, {}).get(each.worker)
            if glance is not None and glance.silent_for < self._queue.lease:  # of the others the reaper takes care
                held.setdefault(each.group, []).append(each)
        missing: list[AttemptRef] = []
        for group, attempts in held.items():
            states = await self._queue.tickets(group, [each.execution for each in attempts])
            missing += [each for each, state in zip(attempts, states, strict=True) if not _is_held(each, state)]
        return missing

    async def _put_out(self, seen: dict[str, dict[str, Glance]]) -> None:
        known = {row.id for row in await self._store.workers.live()}
        strange = {worker: group for group, workers in seen.items() for worker in workers if worker not in known}
        now = await self._queue.now()
        self._strange = {worker: self._strange.get(worker, now) for worker in strange}
        for worker, since in self._strange.items():
            if now - since >= ASKED_AFTER * self._queue.lease:
                self.log.warning("reconciler: worker %s is in no book of ours; it has to enrol again", worker)
                await self._queue.revoke(worker)
                await self._queue.remove_worker(strange[worker], worker)


def _is_held(attempt: AttemptRef, state: TicketState | None) -> bool:
    return state is not None and (state.state, state.attempt, state.worker) == (
        "claimed",
        attempt.attempt,
        attempt.worker,
    )
