"""Looks again at what waits whenever a group's settings or workers changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from perijove.model.spec import Resources
from perijove_scheduler.policies.feasibility import Fit, Reach, reach
from perijove_scheduler.policies.sizes import need, words
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.store.outcomes import Unfit
from perijove_scheduler.store.store import Store

_PAGE = 1000
_log = logging.getLogger("perijove.loops.dispatcher")


class Feasibility:
    """Keeps the lines and the queues free of what can't run.

    What can never run any more is refused, and says so; what could run on workers that have left waits in its line,
    where the dispatcher passes it over. Of each group the last reach is kept, so that nothing is looked through while
    it stays.
    """

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue
        self._known: dict[str, Reach] = {}

    async def look(self) -> None:
        """Look at every group whose reach has changed; at all of them at first."""
        settings = await self._store.groups.all()
        offered = await self._store.workers.capacities(settings)
        self._known = {name: known for name, known in self._known.items() if name in settings}
        for name, own in settings.items():
            now, before = reach(own, offered[name]), self._known.get(name)
            if before is None or before.ever != now.ever:
                await self._refuse_created(name, now)
            if before != now:
                await self._clear_queue(name, now)
            self._known[name] = now

    async def refuse(self, group: str, its: Reach, never: Sequence[Unfit]) -> list[str]:
        """Crash what no worker of a group can ever run; return which. The figures are said with it."""
        like: defaultdict[Resources, list[Unfit]] = defaultdict(list)
        for each in never:
            like[each.resources].append(each)
        offered = " or ".join(words(size) for size in its.ever)
        refused = []
        for resources, those in like.items():
            detail = f"It asks for {words(need(resources))}; a worker of group {group} has {offered}."
            refused += await self._store.lifecycle.refuse(those, detail)
        await self._queue.publish_changes(refused)
        _log.info("dispatcher: %d executions can never run in group %s", len(refused), group)
        return refused

    async def _refuse_created(self, group: str, its: Reach) -> None:
        while page := await self._store.lifecycle.unfit_created(group, its.ever, _PAGE):
            if not await self.refuse(group, its, page):
                return

    async def _clear_queue(self, group: str, its: Reach) -> None:
        """Withdraw what no worker that is there can run; what a worker claimed meanwhile is left to it."""
        while page := await self._store.lifecycle.unfit_queued(group, its.now, _PAGE):
            free = await self._withdrawn(group, page)
            never = [each for each in free if its.fit(need(each.resources)) is Fit.NEVER]
            later = [each for each in free if its.fit(need(each.resources)) is Fit.LATER]
            gone = await self.refuse(group, its, never) if never else []
            back = await self._take_back(group, later) if later else []
            if not gone and not back:
                return

    async def _take_back(self, group: str, later: Sequence[Unfit]) -> list[str]:
        waiting = await self._store.lifecycle.take_back(later)
        # They may be offered again at once, when a worker comes that is large enough.
        await self._queue.forget_many([(group, each.id, each.attempt) for each in later if each.id in waiting])
        await self._queue.publish_changes(waiting)
        _log.info("dispatcher: %d executions wait for a larger worker of group %s", len(waiting), group)
        return waiting

    async def _withdrawn(self, group: str, queued: Sequence[Unfit]) -> list[Unfit]:
        await self._queue.withdraw_many([(group, each.id, each.attempt) for each in queued])
        states = await self._queue.tickets(group, [each.id for each in queued])
        # One that has ended may still be queued by our books: its events are on their way.
        begun = {"claimed", "ended"}
        return [each for each, ticket in zip(queued, states, strict=True) if not ticket or ticket.state not in begun]
