"""A group's workers: what our books say of them, and what Redis has seen of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone

from perijove.errors import Unavailable
from perijove.model.fleet import Worker, WorkerState
from perijove.model.spec import Resources
from perijove_scheduler.queue.protocol import Queue, WorkerLiveness
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import WorkerRow
from perijove_scheduler.store.visibility import Viewer


class Roster:
    """Joins the workers' rows with their renewals."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    async def of(self, group: str, viewer: Viewer) -> list[Worker]:
        """Return the group's workers that have not ended, with those of their executions that `viewer` sees."""
        rows = await self._store.workers.live(group)
        holdings: defaultdict[str, list[str]] = defaultdict(list)
        for held in await self._store.lifecycle.held(group):
            holdings[held.worker].append(held.execution)
        every = [execution for each in holdings.values() for execution in each]
        shown = set(await self._store.executions.projects_of(viewer, every))
        seen, now = await self._seen(group)
        found = [_worker(row, (seen or {}).get(row.id), now, holdings[row.id], shown) for row in rows]
        if seen is None:
            return found
        unreachable = {row.id for row in rows if row.reached_at is None and row.id not in seen}
        return [_unreachable(each) if each.id in unreachable else each for each in found]

    async def _seen(self, group: str) -> tuple[dict[str, WorkerLiveness] | None, float]:
        try:
            return {each.worker: each for each in await self._queue.workers(group)}, await self._queue.now()
        except Unavailable:
            return None, 0.0  # then nobody knows when they were last seen


def _unreachable(worker: Worker) -> Worker:
    """Return a worker that Redis has never seen, as what it is, unless more is known of it."""
    if worker.state is not WorkerState.IDLE:
        return worker
    return worker.model_copy(update={"state": WorkerState.UNREACHABLE})


def _worker(row: WorkerRow, seen: WorkerLiveness | None, now: float, held: list[str], shown: set[str]) -> Worker:
    return Worker(
        id=row.id,
        group=row.group_name,
        host=row.host,
        state=_state(WorkerState(row.state), seen, busy=bool(held)),
        version=row.version,
        capacity=Resources.model_validate(row.capacity),
        enrolled_at=row.enrolled_at,
        seen_at=seen and datetime.fromtimestamp(now, timezone.utc) - timedelta(seconds=seen.silent_for),
        executions=[execution for execution in held if execution in shown],
    )


def _state(decided: WorkerState, seen: WorkerLiveness | None, *, busy: bool) -> WorkerState:
    if decided in {WorkerState.STARTING, WorkerState.DRAINING}:
        return decided
    if seen is not None and seen.state != "active":
        return WorkerState.DRAINING
    return WorkerState.BUSY if busy else WorkerState.IDLE
