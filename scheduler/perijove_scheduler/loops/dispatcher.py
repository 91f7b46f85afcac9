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
from perijove_scheduler.loops.feasibility import Feasibility
from perijove_scheduler.policies.admission import room
from perijove_scheduler.policies.fairshare import Candidate, Limits, pick
from perijove_scheduler.policies.feasibility import Fit, Reach, reach
from perijove_scheduler.policies.sizes import Size, capacity, need, total
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.demand import Demand, demand
from perijove_scheduler.store.outcomes import Unfit, Waiting
from perijove_scheduler.store.store import Store

#: How much of the waiting lines one pass looks at; passes follow each other while there is room.
_LIMITS = Limits(owners=200, per_owner=50)


@dataclass(frozen=True)
class _Group:
    """What one pass knows of a group."""

    name: str
    reach: Reach
    room: Size
    running: Counter[str]

    def those(self, waiting: Iterable[Waiting], fit: Fit) -> list[Waiting]:
        """Return those of what waits that fit so."""
        return [each for each in waiting if self.reach.fit(need(each.resources)) is fit]


class Dispatcher(Loop):
    """For each group in front of which something waits: fill the room it has.

    Rung when an execution is created, when one ends, when workers come or leave, and when a group's settings change.
    """

    name: ClassVar[str] = "dispatcher"

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers) -> None:
        super().__init__(bell)
        self._store = store
        self._queue = queue
        self._offers = offers
        self._feasibility = Feasibility(store, queue)
        self._looked: dict[str, float] = {}
        self._reconsider_at = -math.inf

    async def turn(self) -> None:
        """Fill every group; where workers or settings have changed, see first that what waits can still run."""
        if self.bell.answer(CAPACITY) or time.monotonic() >= self._reconsider_at:
            self._reconsider_at = -math.inf  # should it fail, the next turn does it
            await self._feasibility.look()
            self._reconsider_at = time.monotonic() + self.period
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
        if never := group.those(heads, Fit.NEVER):
            unfit = [Unfit(each.id, each.attempt, each.resources) for each in never]
            return bool(await self._feasibility.refuse(group.name, group.reach, unfit))
        candidates = _candidates(await self._fitting(group, heads))
        picked = pick(candidates, group.running, group.room, _LIMITS)
        await self._admit([candidate.id for candidate in picked])
        return bool(picked) and _LIMITS.reached(candidates)

    async def _fitting(self, group: _Group, heads: Sequence[Waiting]) -> Sequence[Waiting]:
        """Return what fits the workers there are: what only larger ones could run holds nobody up."""
        fitting = group.those(heads, Fit.NOW)
        if len(fitting) == len(heads) or not _LIMITS.reached(_candidates(heads)):
            return fitting
        return await self._store.lifecycle.heads(group.name, _LIMITS.owners, _LIMITS.per_owner, group.reach.now)

    async def _admit(self, executions: list[str]) -> None:
        if not executions:
            return
        admitted = await self._store.lifecycle.admit(executions)
        # A crash between these two lines leaves queued rows without tickets, which the sweeper offers.
        await self._offers.make(admitted)
        await self._queue.publish_changes([offer.id for offer in admitted])
        self.bell.ring("scaler")

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
    name: str, settings: GroupSettings, live: Sequence[tuple[Resources, int]], demands: Sequence[Demand]
) -> _Group:
    machine = capacity(settings.capacity)
    workers = [capacity(each) for each, count in live for _ in range(count)]
    running: Counter[str] = Counter()
    for each in demands:
        running[each.owner] += each.count
    taken = total(need(each.resources).times(each.count) for each in demands)
    return _Group(name, reach(settings, live), room(machine, settings.max_workers, workers, taken), running)


def _candidates(waiting: Iterable[Waiting]) -> list[Candidate]:
    return [Candidate(each.id, each.owner, each.priority, need(each.resources)) for each in waiting]
