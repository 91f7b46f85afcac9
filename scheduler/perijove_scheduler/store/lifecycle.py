"""The life of executions in SQL. Every method is one transaction, fenced by attempt and status, and repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, TextClause, Update, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from perijove.model.events import SignRequest, Stopped
from perijove.model.fleet import WorkerState
from perijove.model.reasons import MEANINGS, Reason
from perijove.model.status import HELD, Status, Writer, sources
from perijove_scheduler.store import rows, standing
from perijove_scheduler.store.batch import Batch, Ending, GroupEvent
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.outcomes import Applied, AttemptRef, Lost, Offer, StopOutcome, TakenOver, Unfit
from perijove_scheduler.store.tables import LIVE, AttemptRow, ExecutionRow, ProjectRow, WorkerRow
from perijove_scheduler.store.waiting import WaitingLines


class Lifecycle(WaitingLines):
    """The transitions of executions. The queries of `WaitingLines` say what there is to do."""

    async def admit(self, executions: Sequence[str]) -> list[Offer]:
        """Move created executions to queued; return what to offer, in the order asked for."""
        change = (
            update(ExecutionRow)
            .where(ExecutionRow.id.in_(executions), _status_in(sources(Status.QUEUED, Writer.DISPATCHER)))
            .values(status=Status.QUEUED.value, queued_at=db_now())
            .returning(*_offered())
        )
        async with self._database.write() as session:
            offers = {found.id: Offer(*found) for found in await session.execute(change)}
        return [offers[id_] for id_ in executions if id_ in offers]

    async def take_back(self, attempts: Sequence[Unfit]) -> list[str]:
        """Move queued executions back to created, as none of the workers there are now can run them; return which."""
        change = (
            update(ExecutionRow)
            .where(*_these(attempts), _status_in(sources(Status.CREATED, Writer.DISPATCHER)))
            .values(status=Status.CREATED.value, queued_at=None)
            .returning(ExecutionRow.id)
        )
        async with self._database.write() as session:
            return list(await session.scalars(change))

    async def refuse(self, attempts: Sequence[Unfit], detail: str = "") -> list[str]:
        """Crash executions that no worker of their group can ever run and that none has claimed; return which."""
        change = (
            update(ExecutionRow)
            .where(*_these(attempts), _status_in(sources(Status.CRASHED, Writer.DISPATCHER)))
            .values(status=MEANINGS[Reason.UNSCHEDULABLE].status.value, reason=Reason.UNSCHEDULABLE.value)
            .values(detail=detail, finished_at=db_now())
            .returning(ExecutionRow.id)
        )
        async with self._database.write() as session:
            return list(await session.scalars(change))

    async def offers(self, executions: Sequence[str]) -> list[Offer]:
        """Return what to offer of those executions that are queued now."""
        async with self._database.read() as session:
            return await _offers(session, executions)

    async def apply(self, events: Sequence[GroupEvent]) -> Applied:
        """Apply a batch of events, each with the group whose stream it came by, in one transaction.

        An event of another group's execution, of a stale attempt or of a worker that does not hold the attempt changes
        nothing. Where one holds a value that cannot be stored, none is applied.
        """
        ids = {event.execution for _, event in events if not isinstance(event, Stopped | SignRequest)}
        async with self._database.write() as session:
            batch = await _load(session, ExecutionRow.id.in_(ids))
            batch.fold(events)
            await rows.write(session, batch)
            await _end_workers(session, batch.gone)
            requeued = await _offers(session, [s.id for s in batch.changed if s.status is Status.QUEUED])
        return Applied(
            changed=[s.id for s in batch.changed],
            finished=[end.ref for end in batch.endings],
            requeued=requeued,
            stale=batch.stale,
            segmented=[TakenOver(_ref_of(batch, s.execution, s.attempt, s.worker), s.last) for s in batch.segments],
            archived=[
                _ref_of(batch, each.execution, each.attempt, each.runner)
                for each in (*batch.archives, *batch.archived_before)
            ],
        )

    async def lose(self, workers: Sequence[str], reason: Reason = Reason.WORKER_LOST) -> Lost:
        """Take from lost workers what they hold: it goes on as the next attempt, or crashes, or is stopped at last."""
        async with self._database.write() as session:
            batch = await _load(session, LIVE, ExecutionRow.worker.in_(workers), _status_in(HELD))
            lost = await _lose(session, batch, list(batch.standings.values()), reason)
            await session.execute(_worker_end(WorkerState.LOST).where(WorkerRow.id.in_(workers)))
        return lost

    async def fail(self, attempts: Sequence[AttemptRef], reason: Reason = Reason.AGENT_FAILED) -> Lost:
        """Take single attempts from workers that live and do not hold them; those that moved on are left alone."""
        async with self._database.write() as session:
            batch = await _load(session, LIVE, ExecutionRow.id.in_([a.execution for a in attempts]), _status_in(HELD))
            these = {(each.execution, each.attempt, each.worker) for each in attempts}
            taken = [s for s in batch.standings.values() if (s.id, s.attempt, s.worker) in these]
            return await _lose(session, batch, taken, reason)

    async def stop(self, execution: str) -> StopOutcome | None:
        """Stop one, as `stop_many` does; None when there is no such execution."""
        return next(iter(await self.stop_many([execution])), None)

    async def stop_many(self, executions: Sequence[str]) -> list[StopOutcome]:
        """Stop what waits, mark what runs as stopping, leave the rest; say so of each that there is."""
        row = ExecutionRow
        query = select(row.group_name, row.id, row.attempt, row.worker, row.status).where(row.id.in_(executions))
        async with self._database.write() as session:
            found = (await session.execute(query.order_by(row.id).with_for_update(key_share=True))).all()
            waiting = [each.id for each in found if Status(each.status) in sources(Status.STOPPED, Writer.REST)]
            running = [each.id for each in found if Status(each.status) in sources(Status.STOPPING, Writer.REST)]
            if waiting:
                stopped = {"reason": Reason.STOPPED_BY_USER.value, "finished_at": db_now()}
                await session.execute(_move(waiting, Status.STOPPED).values(**stopped))
            if running:
                await session.execute(_move(running, Status.STOPPING))
        after = {**dict.fromkeys(waiting, Status.STOPPED), **dict.fromkeys(running, Status.STOPPING)}
        return [
            StopOutcome(
                before := Status(each.status),
                after.get(each.id, before),
                AttemptRef(each.group_name, each.id, each.attempt, each.worker or ""),
            )
            for each in found
        ]

    async def archived(self, execution: str, attempt: int, records: int | None = None) -> None:
        """Note that an attempt's records lie in the archive, and how many there are."""
        row = AttemptRow
        change = update(row).where(row.execution_id == execution, row.attempt == attempt, row.archived_at.is_(None))
        async with self._database.write() as session:
            await session.execute(change.values(archived_at=db_now(), records=func.coalesce(records, row.records)))


async def _lose(session: AsyncSession, batch: Batch, taken: Sequence[standing.Standing], reason: Reason) -> Lost:
    """Take attempts from their workers, and return what became of their executions."""
    for each in taken:
        ref = AttemptRef(each.group, each.id, each.attempt, each.worker or "")
        batch.endings.append(Ending(ref, reason))
        standing.lose(each, reason, batch.now)
    await rows.write(session, batch)
    requeued = await _offers(session, [s.id for s in batch.changed if s.status is Status.QUEUED])
    ended = {status: [e.ref for e in batch.endings if batch.standings[e.ref.execution].status is status]
             for status in (Status.CRASHED, Status.STOPPED)}  # fmt: skip
    return Lost(requeued, ended[Status.CRASHED], ended[Status.STOPPED])


async def _load(session: AsyncSession, *where: ColumnElement[bool] | TextClause) -> Batch:
    found = (await session.execute(rows.standings_query().where(*where))).mappings().all()
    now = found[0]["now"] if found else (await session.scalars(select(db_now()))).one()
    return Batch({row["id"]: rows.standing_of(dict(row)) for row in found}, now)


async def _offers(session: AsyncSession, executions: Sequence[str]) -> list[Offer]:
    if not executions:
        return []
    row = ExecutionRow
    queued = select(*_offered()).where(row.id.in_(executions), row.status == Status.QUEUED.value).order_by(row.id)
    return [Offer(*found) for found in await session.execute(queued)]


def _offered() -> tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]:
    """Return the columns of an `Offer`."""
    row = ExecutionRow
    project = select(ProjectRow.name).where(ProjectRow.id == row.project_id).scalar_subquery()
    return row.id, row.attempt, row.group_name, project, row.number, row.owner, row.spec


async def _end_workers(session: AsyncSession, workers: list[tuple[str, str]]) -> None:
    if workers:
        this = tuple_(WorkerRow.group_name, WorkerRow.id).in_(workers)
        await session.execute(_worker_end(WorkerState.GONE).where(this))


def _worker_end(state: WorkerState) -> Update:
    return update(WorkerRow).where(WorkerRow.ended_at.is_(None)).values(state=state.value, ended_at=db_now())


def _move(executions: Sequence[str], target: Status) -> Update:
    fence = _status_in(sources(target, Writer.REST))
    return update(ExecutionRow).where(ExecutionRow.id.in_(executions), fence).values(status=target.value)


def _these(attempts: Sequence[Unfit]) -> tuple[ColumnElement[bool], ...]:
    row = ExecutionRow
    known = [(each.id, each.attempt) for each in attempts]
    return row.id.in_([id_ for id_, _ in known]), tuple_(row.id, row.attempt).in_(known)


def _status_in(statuses: frozenset[Status]) -> ColumnElement[bool]:
    return ExecutionRow.status.in_(sorted(status.value for status in statuses))


def _ref_of(batch: Batch, execution: str, attempt: int, worker: str) -> AttemptRef:
    return AttemptRef(batch.before[execution].group, execution, attempt, worker)
