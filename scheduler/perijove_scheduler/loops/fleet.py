"""A group's machines as scaling sees them: what the books, Redis and the providers say of each, put together."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from perijove.model.fleet import WorkerState
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.policies.scaling import START_LIMIT, Machine, Stage
from perijove_scheduler.policies.sizes import Size, capacity, need, total
from perijove_scheduler.queue.protocol import Glance, Queue
from perijove_scheduler.store.demand import Demand, demand, resources_of
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import WorkerRow

#: No plan looks at more waiting work than this: it is far more than a group may ever have queued.
_MOST_WAITING = 5_000


@dataclass(frozen=True)
class View:
    """A group at one moment: its workers by id, what each is to scaling, and the work that nobody has claimed."""

    rows: Mapping[str, WorkerRow]
    machines: list[Machine]
    waiting: list[Size]

    def stage(self, stage: Stage) -> list[Machine]:
        """Return the machines that stand at `stage`."""
        return [machine for machine in self.machines if machine.stage is stage]


class Fleet:
    """Observes groups, and remembers since when each of their workers has been idle or draining.

    Parameters
    ----------
    clock : callable, optional
        Seconds, for those lengths of time only.
    """

    def __init__(
        self, store: Store, queue: Queue, machines: Machines, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._queue = queue
        self._machines = machines
        self._clock = clock
        self._since: dict[str, dict[str, tuple[tuple[Stage, bool], float]]] = {}

    async def views(self, groups: Collection[str], at_work: Collection[str] = ()) -> dict[str, View]:
        """Return what groups have and need; the machines of `at_work` are being started or ended just now.

        All is looked up for every group at once: it costs as many questions however many groups there are.
        """
        rows: dict[str, dict[str, WorkerRow]] = {group: {} for group in groups}
        for row in await self._store.workers.live():
            if row.group_name in rows:
                rows[row.group_name][row.id] = row
        late = {row.id for row in await self._store.workers.late(START_LIMIT)}
        starting = [row for own in rows.values() for row in own.values() if row.state == WorkerState.STARTING]
        # One that has ended already will not enrol either.
        ended = await self._machines.gone(row for row in starting if row.id not in late and row.id not in at_work)
        seen = await self._queue.glance(groups)
        async with self._store.read() as session:
            demands = await demand(session, groups)
        return {group: self._view(group, rows[group], seen[group], demands[group], late | ended) for group in groups}

    def _view(
        self,
        group: str,
        rows: Mapping[str, WorkerRow],
        seen: Mapping[str, Glance],
        demands: Sequence[Demand],
        hopeless: Collection[str],
    ) -> View:
        held = _held(demands)
        machines = [
            Machine(row.id, Stage.STARTING, _capacity(row), seconds=START_LIMIT if row.id in hopeless else 0.0)
            if row.state == WorkerState.STARTING
            else self._enrolled(row, seen.get(row.id), held[row.id])
            for row in rows.values()
        ]
        self._since[group] = {id_: since for id_, since in self._since.get(group, {}).items() if id_ in rows}
        return View(rows, machines, _waiting(demands))

    def _enrolled(self, row: WorkerRow, seen: Glance | None, held: list[Size]) -> Machine:
        silent = seen is None or seen.silent_for >= self._queue.lease
        busy = bool(held) or (seen is not None and seen.busy)
        draining = row.state == WorkerState.DRAINING or (seen is not None and seen.state != "active")
        stage = Stage.DRAINING if draining else Stage.ACTIVE
        # Of one that is silent nothing is expected, and nothing is done to it: the reaper decides what it is.
        free = Size() if silent or draining else _capacity(row).minus(total(held))
        return Machine(row.id, stage, free, busy or (silent and not draining), self._seconds(row, (stage, busy)))

    def _seconds(self, row: WorkerRow, standing: tuple[Stage, bool]) -> float:
        """Return for how many seconds a worker has stood as it stands."""
        now, group = self._clock(), self._since.setdefault(row.group_name, {})
        before, since = group.get(row.id, (standing, now))
        group[row.id] = (standing, since if before == standing else now)
        return now - group[row.id][1]


def _capacity(row: WorkerRow) -> Size:
    return capacity(resources_of(row.capacity))


def _held(demands: Iterable[Demand]) -> dict[str, list[Size]]:
    held: dict[str, list[Size]] = defaultdict(list)
    for each in demands:
        if each.worker is not None:
            held[each.worker].append(need(each.resources).times(each.count))
    return held


def _waiting(demands: Iterable[Demand]) -> list[Size]:
    waiting = (need(each.resources) for each in demands if each.worker is None for _ in range(each.count))
    return list(islice(waiting, _MOST_WAITING))
