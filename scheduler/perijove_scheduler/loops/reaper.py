"""Takes executions from workers that are lost, and from nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from perijove.model.fleet import WorkerState
from perijove.wire.protocol import RENEWALS_A_LEASE
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.policies.liveness import Liveness, Watch, judge
from perijove_scheduler.queue.protocol import Glance, Queue
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.outcomes import Lost
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import WorkerRow

#: Seconds for which a worker that was started by hand is kept, and shown, although it never reached Redis.
UNREACHABLE_FOR = 86_400.0


@dataclass(frozen=True)
class _Suspect:
    """One worker of our books or of Redis', and what is known of it. `row` is None for one that has ended.

    `holds` says whether the database knows it to hold an attempt.
    """

    group: str
    id: str
    row: WorkerRow | None
    seen: Glance | None
    holds: bool

    @property
    def is_unreachable(self) -> bool:
        """Whether it enrolled, was started by hand, holds nothing, and was never seen on Redis."""
        row = self.row
        enrolled = row is not None and row.reached_at is None and not row.machine
        return enrolled and self.seen is None and not self.holds


class Reaper(Loop):
    """Looks at every worker each sixth of a lease, and judges those it has watched for a whole one.

    What it does is repeatable: should it be cut short after the database knows, the sweeper offers what is queued again
    and removes what is left of the worker.
    """

    name: ClassVar[str] = "reaper"

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers, machines: Machines) -> None:
        super().__init__(bell)
        self.period = queue.lease / RENEWALS_A_LEASE
        self._store = store
        self._queue = queue
        self._offers = offers
        self._machines = machines
        self._watch: Watch | None = None
        self._first_seen: dict[str, float] = {}

    async def turn(self) -> None:
        """Judge every worker."""
        suspects = await self._suspects()
        if not suspects:
            self._watch = None  # there is nobody to watch; whoever comes is watched from then on
            self._first_seen.clear()
            return
        watch = await self._observe(suspects)
        await self._note_reached(suspects)
        if lost := await self._lost(suspects, watch):
            await self._reap(lost)

    async def _suspects(self) -> list[_Suspect]:
        rows = {row.id: row for row in await self._store.workers.live() if row.state != WorkerState.STARTING}
        named = {row.id: row.group_name for row in rows.values()}
        holding = {worker: group for group, worker in await self._store.lifecycle.live_workers_in_sql()}
        named |= holding
        seen: dict[str, Glance] = {}
        for group, registered in (await self._queue.glance(set(named.values()))).items():
            named |= dict.fromkeys(registered, group)
            seen |= registered
        return [
            _Suspect(group, worker, rows.get(worker), seen.get(worker), worker in holding)
            for worker, group in named.items()
        ]

    async def _observe(self, suspects: Sequence[_Suspect]) -> Watch:
        now, generation = await self._queue.now(), await self._queue.generation()
        before = self._watch
        if before and before.generation != generation:
            self.bell.ring("sweeper")
        self._watch = before.observe(now, generation, self._queue.lease) if before else Watch.begin(now, generation)
        self._first_seen = {each.id: self._first_seen.get(each.id, now) for each in suspects}
        return self._watch

    async def _note_reached(self, suspects: Sequence[_Suspect]) -> None:
        reached = [each.id for each in suspects if each.seen and each.row and each.row.reached_at is None]
        if reached:
            await self._store.workers.reached(reached)

    async def _lost(self, suspects: Sequence[_Suspect], watch: Watch) -> list[_Suspect]:
        # Of one that renewed just now the machine need not be looked at.
        silent = [suspect for suspect in suspects if self._is_lost(suspect, watch, machine_gone=True)]
        gone = await self._machines.gone(suspect.row for suspect in silent if suspect.row is not None)
        return [suspect for suspect in silent if self._is_lost(suspect, watch, machine_gone=suspect.id in gone)]

    def _is_lost(self, suspect: _Suspect, watch: Watch, *, machine_gone: bool) -> bool:
        watched_for = min(watch.seconds, watch.last - self._first_seen[suspect.id])
        silent_for = suspect.seen.silent_for if suspect.seen else None
        if suspect.is_unreachable and watched_for < UNREACHABLE_FOR:
            return False  # it holds nothing, and whoever started it is shown that it cannot reach Redis
        return judge(silent_for, watched_for, self._queue.lease, machine_gone) is Liveness.LOST

    async def _reap(self, suspects: Sequence[_Suspect]) -> None:
        for suspect in suspects:
            self.log.warning("reaper: worker %s of group %s is lost", suspect.id, suspect.group)
        lost = await self._store.lifecycle.lose([suspect.id for suspect in suspects])
        await self._forget_held(suspects)
        for suspect in suspects:
            await self._queue.revoke(suspect.id)
            await self._queue.remove_worker(suspect.group, suspect.id)
        await self._pass_on(lost)
        self.bell.ring_all(CAPACITY, "dispatcher", "archiver", "scaler")

    async def _forget_held(self, suspects: Sequence[_Suspect]) -> None:
        """Forget what they hold, also what our books do not know of yet: a claim may have been lost.

        The sweeper offers it again.
        """
        lost = {suspect.id for suspect in suspects}
        for group in sorted({suspect.group for suspect in suspects if suspect.seen is not None}):
            held = [each.held for each in await self._queue.workers(group) if each.worker in lost]
            await self._queue.forget_many([(group, *pair) for each in held for pair in each.items()])

    async def _pass_on(self, lost: Lost) -> None:
        await self._queue.forget_many([(ended.group, ended.execution, ended.attempt) for ended in lost.ended])
        await self._offers.make(lost.requeued)
        if lost.changed:
            await self._queue.publish_changes(lost.changed)
