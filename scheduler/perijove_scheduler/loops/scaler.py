"""Gives every group the machines it needs, and ends those it does not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

from perijove.errors import PerijoveError
from perijove.model.fleet import GroupSettings, WorkerState
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.fleet import Fleet, View
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.loops.tasks import FIRST_PAUSE, LONGEST_PAUSE, Tasks
from perijove_scheduler.policies.backoff import pause
from perijove_scheduler.policies.scaling import Bounds, Stage, plan
from perijove_scheduler.policies.sizes import capacity
from perijove_scheduler.providers.protocol import Order
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import WorkerRow

#: Seconds a drained worker that holds nothing may take to leave before its machine is ended under it.
LEAVE_LIMIT = 20.0
#: How many machines that are left of ended workers one turn looks at; the next turn looks at others.
_LEFT = 200

#: Returns the enrolment token of a machine that is about to be started in a group for a worker.
TokenOf = Callable[[str, str], str]


@dataclass
class _Starts:
    """How starting a group's machines goes: failures in a row, when the next may be tried, and who made it."""

    failures: int = 0
    not_before: float = 0.0
    enrolled: set[str] = field(default_factory=set)

    def observe(self, enrolled: set[str]) -> None:
        """Note who is there: a worker that came says that starting machines works again."""
        if enrolled - self.enrolled:
            self.failures, self.not_before = 0, 0.0
        self.enrolled = enrolled


class Scaler(Loop):
    """Starts machines when work waits; drains idle ones after the grace period, and only then ends them.

    What takes long (starting and ending a machine) goes on beside the turns, one task a worker.
    """

    name: ClassVar[str] = "scaler"
    #: A machine takes seconds to come; short executions end by the hundred meanwhile.
    pause = 0.2
    #: A short execution is over by then, which it would have to share the processor with.
    hold = 0.1

    def __init__(
        self,
        bell: Bell,
        store: Store,
        queue: Queue,
        machines: Machines,
        token_of: TokenOf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._machines = machines
        self._token_of = token_of
        self._clock = clock
        self._fleet = Fleet(store, queue, machines, clock)
        self._starts: dict[str, _Starts] = {}
        self._tasks = Tasks(clock)
        self._left_after = ""

    async def turn(self) -> None:
        """Scale every group whose provider starts machines, and end the machines of workers that ended.

        A machine is recorded until it is gone, and each turn looks for those that are left, however long ago their
        workers ended: nobody else will end them.
        """
        groups = {n: s for n, s in (await self._store.groups.all()).items() if self._machines.has(s.provider)}
        for name, view in (await self._fleet.views(groups, self._tasks.names)).items():
            await self._scale(name, groups[name], view)
        left = await self._store.workers.left_machines(self._left_after, _LEFT)
        self._left_after = left[-1].id if len(left) == _LEFT else ""
        for row in left:
            self._spawn("ending the machine of", row.id, self._clear(row))

    async def wait(self) -> None:
        """Wait for the bell, or until a start may be tried again."""
        retries = [s.not_before - self._clock() for s in self._starts.values() if s.failures]
        soonest = min((seconds for seconds in retries if seconds > 0), default=self.period)
        await self.bell.wait(self.name, min(soonest, self.period, self._tasks.next_in() or self.period))

    async def stop(self) -> None:
        """Stop, and let go of what is starting or ending: the next start of the service finds it again."""
        await super().stop()
        await self._tasks.cancel()

    async def settle(self) -> None:
        """Wait until no machine is being started or ended."""
        await self._tasks.settle()

    async def _scale(self, group: str, settings: GroupSettings, view: View) -> None:
        starts = self._starts.setdefault(group, _Starts())
        starts.observe({machine.id for machine in view.stage(Stage.ACTIVE)})
        bounds = Bounds(settings.min_workers, settings.max_workers, settings.grace_period)
        scale = plan(capacity(settings.capacity), bounds, view.machines, view.waiting)
        for worker in scale.give_up:
            self._spawn("giving up", worker, self._give_up(view.rows[worker]))
        for worker in scale.drain:
            await self._drain(group, worker)
        for machine in view.stage(Stage.DRAINING):
            if not machine.busy and machine.seconds >= LEAVE_LIMIT:
                self._spawn("ending", machine.id, self._end(view.rows[machine.id]))
        if self._clock() >= starts.not_before:
            for _ in range(scale.start):
                worker = await self._store.workers.start(group, settings.capacity)
                self._spawn("starting", worker, self._start(group, settings, worker))

    def _spawn(self, what: str, worker: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn(worker, f"scaler: {what} worker {worker}", work)

    async def _drain(self, group: str, worker: str) -> None:
        """Fence a worker, unless it has just taken work; it leaves by itself."""
        if await self._queue.drain(group, worker, only_idle=True):
            await self._store.workers.mark(worker, WorkerState.DRAINING)
            self.bell.ring_all(CAPACITY, "dispatcher")
            self.log.info("scaler: group %s lets its idle worker %s go", group, worker)

    async def _start(self, group: str, settings: GroupSettings, worker: str) -> None:
        self.log.info("scaler: group %s starts worker %s", group, worker)
        try:
            order = Order(group, worker, self._token_of(group, worker), settings.capacity)
            await self._machines.start(settings.provider, order, self._store.workers.checkpoint)
        except PerijoveError as error:
            await self._store.workers.end([worker])
            self._start_failed(group, worker, error.message)

    async def _give_up(self, row: WorkerRow) -> None:
        """End a machine that did not enrol in time, or that ended instead."""
        now = await self._store.workers.get(row.id)
        if now is None or now.state != WorkerState.STARTING:
            return  # it has enrolled after all
        words = await self._machines.last_words(row)
        await self._end(row)
        self._start_failed(row.group_name, row.id, f"it did not enrol. It said last: {words or '(nothing)'}")

    def _start_failed(self, group: str, worker: str, why: str) -> None:
        starts = self._starts.setdefault(group, _Starts())
        starts.failures += 1
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        seconds = pause(starts.failures, FIRST_PAUSE, LONGEST_PAUSE, jitter)
        starts.not_before = self._clock() + seconds
        self.log.warning("scaler: worker %s of group %s was not started: %s", worker, group, why)
        self.bell.ring(self.name)

    async def _end(self, row: WorkerRow) -> None:
        """End a worker that holds nothing, and its machine."""
        await self._store.workers.end([row.id])
        await self._queue.revoke(row.id)
        await self._queue.remove_worker(row.group_name, row.id)
        await self._clear(row)

    async def _clear(self, row: WorkerRow) -> None:
        """End what is left of an ended worker's machine, and forget it."""
        await self._machines.terminate(row)
        await self._store.workers.checkpoint(row.id, {})
        self.bell.ring(self.name)
