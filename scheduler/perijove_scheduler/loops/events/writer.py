"""Writes a group's events into the database, and sends what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from perijove.model.control import Stop, Trimmed
from perijove.model.events import Event, Stopped
from perijove_scheduler.loops.tasks import together
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.services.bell import CAPACITY, Bell
from perijove_scheduler.services.commits import Commits
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.outcomes import Applied
from perijove_scheduler.store.store import Store

#: Seconds the live stream of an archived attempt is kept for those who are following it.
STREAM_KEPT = 60.0


class EventWriter:
    """Writes events in one transaction; then updates Redis, and rings for the other loops."""

    def __init__(self, bell: Bell, store: Store, queue: Queue, offers: Offers, commits: Commits) -> None:
        self._commits = commits
        self._bell = bell
        self._store = store
        self._queue = queue
        self._offers = offers

    async def write(self, group: str, events: Sequence[Event]) -> None:
        """Write events of a group: all of them, or none."""
        settled = await self._commits.settle(events)
        applied = await self._store.lifecycle.apply([(group, event) for event in settled])
        await self._update_redis(applied)
        stopped = {event.worker for event in events if isinstance(event, Stopped)}
        for worker in stopped:
            await self._queue.revoke(worker)
        if applied.finished or applied.requeued:
            self._bell.ring("dispatcher")
        if stopped:
            self._bell.ring_all(CAPACITY, "dispatcher", "scaler")
        elif applied.finished or applied.requeued:
            self._bell.ring("scaler")

    async def _update_redis(self, applied: Applied) -> None:
        """Write to Redis what the database has now. The sweeper repeats what matters of it, if this is cut short."""
        queue = self._queue
        if applied.changed:
            await queue.publish_changes(applied.changed)
        stops = [(a, Stop(execution=a.execution, attempt=a.attempt)) for a in applied.stale if a.worker]
        await together(
            queue.forget_many([(a.group, a.execution, a.attempt) for a in applied.finished]),
            queue.tell_many([(a.group, a.worker, stop) for a, stop in stops]),
            queue.expire_records([(a.group, a.execution, a.attempt) for a in applied.archived], STREAM_KEPT),
        )
        await self._trim(applied)
        await self._offers.make(applied.requeued)

    async def _trim(self, applied: Applied) -> None:
        """Trim the streams of attempts whose older records are in the object store, and tell their workers."""
        stored = [(each.attempt, each.last) for each in applied.segmented]
        if not stored:
            return
        await self._queue.trim_records([((a.group, a.execution, a.attempt), last) for a, last in stored])
        await self._queue.tell_many([
            (a.group, a.worker, Trimmed(execution=a.execution, attempt=a.attempt, last=last)) for a, last in stored
        ])  # fmt: skip
