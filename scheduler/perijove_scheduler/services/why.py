"""What an execution waits for, in a sentence."""

from __future__ import annotations

from perijove.errors import Unavailable
from perijove.model.fleet import GroupSettings, WorkerState
from perijove.model.resources import Why
from perijove.model.status import Status
from perijove_scheduler.policies.feasibility import Fit, reach
from perijove_scheduler.policies.sizes import need, words
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services import present
from perijove_scheduler.store.demand import resources_of
from perijove_scheduler.store.groups import GroupCounts
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import ExecutionRow


class Explainer:
    """Finds out what an execution waits for."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def explain(self, row: ExecutionRow) -> Why:
        """Say why an execution stands where it stands."""
        if row.status == Status.CREATED:
            return await self._before_admission(row)
        if row.status == Status.QUEUED:
            return await self._before_claim(row)
        sentence, hint = present.sentence_of(row)
        return Why(sentence=f"{sentence} {row.detail}".strip(), hint=hint)

    async def _before_admission(self, row: ExecutionRow) -> Why:
        ahead, waiting = await self._store.executions.ahead(row)
        place = {"position": ahead + 1, "waiting": waiting}
        blocked = await self._no_workers(row)
        if blocked is not None:
            return blocked.model_copy(update=place)
        group = row.group_name
        counts = f"{_count(ahead, 'execution')} of yours ahead of it, {waiting} waiting in all"
        return Why(
            sentence=f"It waits for its fair share of group {group}: {counts}.",
            hint="Who has the least running goes first; then priority, then age.",
            **place,
        )

    async def _before_claim(self, row: ExecutionRow) -> Why:
        blocked = await self._no_workers(row)
        if blocked is not None:
            return blocked
        group = row.group_name
        if row.attempt > 1:
            return Why(sentence=f"Attempt {row.attempt} waits for a free worker of group {group}.")
        return Why(sentence=f"It is next: it waits for a free worker of group {group}.")

    async def _no_workers(self, row: ExecutionRow) -> Why | None:
        """Say what keeps the whole group from working, or None."""
        group = row.group_name
        settings = await self._store.groups.settings(group)
        if settings is None:
            return Why(sentence=f"Group {group} is no more.", hint="Stop it, and run it on another group.")
        if settings.provider == "manual" and not await self._is_connected(group):
            return _nobody(group)
        too_large = await self._too_large(row, settings)
        if too_large is not None or settings.provider == "manual":
            return too_large
        counts = (await self._store.groups.counts(group)).get(group, GroupCounts())
        if counts.workers == 0:
            return await self._starting(group, settings)
        if counts.workers >= settings.max_workers and counts.busy >= counts.workers:
            return _all_busy(group, counts.workers)
        return None

    async def _too_large(self, row: ExecutionRow, settings: GroupSettings) -> Why | None:
        """Say what it asks for that no worker has at the moment, or None."""
        group, asked = row.group_name, need(resources_of(row.spec.get("resources")))
        its = reach(settings, (await self._store.workers.capacities([group]))[group])
        fit = its.fit(asked)
        if fit is Fit.NOW:
            return None
        if fit is Fit.NEVER:
            there = " or ".join(words(size) for size in its.ever)
            sentence = f"It asks for {words(asked)}, and a worker of group {group} has {there}."
            return Why(sentence=sentence, hint="It is about to be refused; choose another group, or ask for less.")
        there = " or ".join(words(size) for size in its.now)
        return Why(
            sentence=f"It waits for a larger worker of group {group}: it asks for {words(asked)}, and those that are "
            f"there have {there}.",
            hint="It starts when one joins the group that is large enough, and holds up nothing behind it until then.",
        )

    async def _starting(self, group: str, settings: GroupSettings) -> Why:
        if settings.max_workers == 0:
            return Why(sentence=f"Group {group} may have no worker.", hint="Its max_workers is 0; see its settings.")
        rows = await self._store.workers.live(group)
        if any(row.state == WorkerState.STARTING for row in rows):
            return Why(sentence=f"A worker of group {group} is starting.")
        return Why(sentence=f"Group {group} has no worker yet; one is about to be started.")

    async def _is_connected(self, group: str) -> bool:
        try:
            return any(worker.silent_for < self._queue.lease for worker in await self._queue.workers(group))
        except Unavailable:
            return True  # nobody knows; that it waits for a worker is true in any case


def _all_busy(group: str, workers: int) -> Why:
    one = f"The only worker that group {group} may have is busy."
    many = f"All {workers} workers of group {group} are busy, and it may have no more."
    hint = "It starts as soon as one is free; an administrator can raise the group's max_workers."
    return Why(sentence=one if workers == 1 else many, hint=hint)


def _nobody(group: str) -> Why:
    return Why(
        sentence=f"No worker of group {group} is connected.",
        hint=f"Its workers are started by hand: ask the administrator of group {group} to start one.",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
