"""Admits waiting executions to their groups' queues, fairly."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from perijove.model.fleet import GroupSettings
from perijove.model.spec import Resources
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.loops.offers import Offers
from perijove_scheduler.policies.admission import can_ever_run, room
from perijove_scheduler.policies.fairshare import Candidate, Limits, pick
from perijove_scheduler.policies.sizes import Size, capacity, need, total
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.demand import Demand, demand
from perijove_scheduler.store.outcomes import Waiting
from perijove_scheduler.store.store import Store

#: How much of the waiting lines one pass looks at; passes follow each other while there is room.
_LIMITS = Limits(owners=200, per_owner=50)


@dataclass(frozen=True)
class _Group:
    """What one pass knows of a group."""

    name: str
    machine: Size
    workers: list[Size]
    room: Size
    running: Counter[str]

    def can_ever_run(self, waiting: Waiting) -> bool:
        return can_ever_run(need(waiting.resources), self.machine, self.workers)


class Dispatcher(Loop):
    """For each group in front of which something waits: fill the room it has.

    Rung when an execution is created, when one ends, and when workers come.
    """

    name: ClassVar[str] = "dispatcher"

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._offers = offers
        self._looked: dict[str, float] = {}

    async def turn(self) -> None:
        """Fill every group."""
        await self.fill(await self._store.lifecycle.waiting_groups())

    async def fill(self, groups: Sequence[str]) -> None:
        """Fill groups in front of which something waits; what is known of them is looked up for all at once."""
        while groups:
            groups = [group.name for group in await self._look(groups) if await self._pass(group)]

    async def _pass(self, group: _Group) -> bool:
        """Admit some of what waits; return whether another pass may admit more."""
        if not self._is_worth_a_look(group):
            return False
        heads = await self._store.lifecycle.heads(group.name, _LIMITS.owners, _LIMITS.per_owner)
        never = [waiting for waiting in heads if not group.can_ever_run(waiting)]
        if never:
            await self._refuse(group, never)
            return True
        candidates = [Candidate(w.id, w.owner, w.priority, need(w.resources)) for w in heads]
        picked = pick(candidates, group.running, group.room, _LIMITS)
        await self._admit([candidate.id for candidate in picked])
        return bool(picked) and _LIMITS.reached(candidates)

    async def _admit(self, executions: list[str]) -> None:
        if not executions:
            return
        admitted = await self._store.lifecycle.admit(executions)
        # A crash between these two lines leaves queued rows without tickets, which the sweeper offers.
        await self._offers.make(admitted)
        await self._queue.publish_changes([offer.id for offer in admitted])
        self.bell.ring("scaler")

    async def _refuse(self, group: _Group, never: list[Waiting]) -> None:
        refused = await self._store.lifecycle.refuse([waiting.id for waiting in never], _limits_of(group))
        await self._queue.publish_changes(refused)
        self.log.info("dispatcher: %d executions can never run in group %s", len(refused), group.name)

    def _is_worth_a_look(self, group: _Group) -> bool:
        """Return whether to look at the line: for room that is there, and now and then for what can never run."""
        now = time.monotonic()
        if group.room.cpus <= 0 and now < self._looked.get(group.name, -math.inf) + self.period:
            return False
        self._looked[group.name] = now
        return True

    async def _look(self, names: Sequence[str]) -> list[_Group]:
        # A person waits for this: the three questions are asked at once.
        settings, workers, demands = await asyncio.gather(
            self._store.groups.all(), self._store.workers.capacities(names), self._demands(names)
        )
        known = [name for name in names if name in settings]
        return [_group(name, settings[name], workers[name], demands[name]) for name in known]

    async def _demands(self, names: Sequence[str]) -> dict[str, list[Demand]]:
        async with self._store.read() as session:
            return await demand(session, names)


def _group(
    name: str, settings: GroupSettings, live: Iterable[tuple[Resources, int]], demands: Sequence[Demand]
) -> _Group:
    machine = capacity(settings.capacity)
    workers = [capacity(each) for each, count in live for _ in range(count)]
    running: Counter[str] = Counter()
    for each in demands:
        running[each.owner] += each.count
    taken = total(need(each.resources).times(each.count) for each in demands)
    return _Group(name, machine, workers, room(machine, settings.max_workers, workers, taken), running)


def _limits_of(group: _Group) -> str:
    cpus, memory, gpus = group.machine
    parts = [f"{cpus:g} CPUs", f"{gpus:g} GPUs"]
    if memory != math.inf:
        parts.insert(1, f"{memory / 2**30:.3g} GiB of memory")
    return f"A worker of group {group.name} has {', '.join(parts)}."
