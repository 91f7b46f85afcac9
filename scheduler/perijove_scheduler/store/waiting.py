"""The lines in front of the groups: who waits, and what is already running. Reads only.

None of it costs more when 100,000 executions wait: the partial indexes are walked from owner to owner, never through.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, not_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import CTE

from perijove.model.status import Status
from perijove_scheduler.store.clock import db_ago
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.demand import resources_of
from perijove_scheduler.store.fitting import Amounts, fits
from perijove_scheduler.store.lines import join_first
from perijove_scheduler.store.outcomes import AttemptRef, Queued, ToArchive, Unfit, Waiting
from perijove_scheduler.store.tables import LIVE, WAITING, AttemptRow, ExecutionRow, GroupRow

_CREATED: ColumnElement[str] = literal_column("'created'")


class WaitingLines:
    """Queries over what waits and what is under way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting_groups(self) -> list[str]:
        """Return the groups in front of which created executions wait."""
        waits = select(ExecutionRow.id).where(WAITING, ExecutionRow.group_name == GroupRow.name).exists()
        async with self._database.read() as session:
            return list(await session.scalars(select(GroupRow.name).where(waits).order_by(GroupRow.name)))

    async def heads(
        self, group: str, owners_limit: int, per_owner: int, workers: tuple[Amounts, ...] | None = None
    ) -> list[Waiting]:
        """Return the first created executions of each owner, of at most `owners_limit` owners.

        They come owner by owner; whose turn it is, the dispatcher's policy says. If more owners wait, those are
        chosen of whom least is under way, then those whose first execution is oldest.

        Parameters
        ----------
        workers : tuple of Amounts, optional
            With them, only what one of them is large enough for: what stands in front of it is walked past.
        """
        query = heads_query(self._database.dialect, group, owners_limit, per_owner, workers)
        async with self._database.read() as session:
            rows = (await session.execute(query)).all()
        return [Waiting(r.id, r.owner, r.priority, resources_of(r.resources), r.attempt) for r in rows]

    async def unfit_created(self, group: str, workers: Sequence[Amounts], limit: int) -> list[Unfit]:
        """Return created executions of a group that none of `workers` is large enough for, in no order."""
        return await self._unfit(WAITING, group, workers, limit)

    async def unfit_queued(self, group: str, workers: Sequence[Amounts], limit: int) -> list[Unfit]:
        """Return queued executions of a group that none of `workers` is large enough for, in no order."""
        return await self._unfit(and_(LIVE, ExecutionRow.status == Status.QUEUED.value), group, workers, limit)

    async def _unfit(self, which: Any, group: str, workers: Sequence[Amounts], limit: int) -> list[Unfit]:
        row = ExecutionRow
        query = select(row.id, row.attempt, row.spec["resources"]).where(which, row.group_name == group)
        query = query.where(not_(fits(row, workers))).limit(limit)
        async with self._database.read() as session:
            return [Unfit(id_, n, resources_of(asked)) for id_, n, asked in await session.execute(query)]

    async def queued(self, limit: int = 1000, after: str = "") -> list[Queued]:
        """Return all queued executions after id `after`, by id: the sweeper finds those without a ticket."""
        row = ExecutionRow
        query = (
            select(row.group_name, row.id, row.attempt)
            .where(row.status == Status.QUEUED.value, row.id > after)
            .order_by(row.id)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [Queued(*found) for found in await session.execute(query)]

    async def held(self, group: str | None = None) -> list[AttemptRef]:
        """Return every attempt that a worker holds by our books, of one group or of all."""
        return await self._held((Status.STARTED, Status.STOPPING), group)

    async def stopping(self) -> list[AttemptRef]:
        """Return the attempts whose workers were asked to stop and have not yet."""
        return await self._held((Status.STOPPING,), None)

    async def live_workers_in_sql(self) -> list[tuple[str, str]]:
        """Return every (group, worker) that holds something by our books, whatever Redis knows of it."""
        row = ExecutionRow
        query = select(row.group_name, row.worker).where(LIVE, row.worker.is_not(None)).distinct()
        async with self._database.read() as session:
            return [(group, worker) for group, worker in await session.execute(query) if worker]

    async def to_archive(self, older_than_seconds: float, limit: int) -> list[ToArchive]:
        """Return attempts that ended at least that long ago and whose records are not archived, oldest first."""
        row = AttemptRow
        query = (
            select(ExecutionRow.group_name, row.execution_id, row.attempt, row.worker, row.records)
            .join(ExecutionRow, ExecutionRow.id == row.execution_id)
            .where(row.archived_at.is_(None), row.finished_at <= db_ago(older_than_seconds))
            .order_by(row.finished_at)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [ToArchive(*r) for r in await session.execute(query)]

    async def is_to_archive(self, execution: str, attempt: int) -> bool:
        """Return whether an attempt's records are still to be archived."""
        row = AttemptRow
        this = (row.execution_id == execution, row.attempt == attempt, row.archived_at.is_(None))
        async with self._database.read() as session:
            return bool(await session.scalar(select(exists().where(*this))))

    async def _held(self, statuses: tuple[Status, ...], group: str | None) -> list[AttemptRef]:
        row = ExecutionRow
        query = select(row.group_name, row.id, row.attempt, row.worker).where(
            LIVE, row.status.in_([s.value for s in statuses])
        )
        if group is not None:
            query = query.where(row.group_name == group)
        async with self._database.read() as session:
            return [AttemptRef(g, id_, n, worker or "") for g, id_, n, worker in await session.execute(query)]


# Building it takes longer than running it, and every submission asks for it.
@lru_cache(maxsize=1024)
def heads_query(
    dialect: str, group: str, owners_limit: int, per_owner: int, workers: tuple[Amounts, ...] | None = None
) -> Select[Any]:
    """Return the query of `WaitingLines.heads`; on its own so that a test can read its plan."""
    chosen = _fairest_owners(group, owners_limit, workers)
    row = aliased(ExecutionRow)
    line = _line(group, chosen.c.owner, workers).limit(per_owner)
    columns = select(row.id, row.owner, row.priority, row.attempt, row.spec["resources"].label("resources"))
    columns = columns.order_by(row.owner, row.priority.desc(), row.id)
    return join_first(dialect, columns, chosen, line, row)


def _line(group: str, owner: ColumnElement[str], workers: tuple[Amounts, ...] | None) -> Select[str]:
    """Select one owner's created executions in their order; those that fit `workers`, if these are given."""
    head = aliased(ExecutionRow)
    line = select(head.id).where(head.status == _CREATED, head.group_name == group, head.owner == owner)
    return (line if workers is None else line.where(fits(head, workers))).order_by(head.priority.desc(), head.id)


def _fairest_owners(group: str, limit: int, workers: tuple[Amounts, ...] | None) -> CTE:
    owners = _owners_waiting(group)
    running = (
        select(ExecutionRow.owner, func.count().label("running"))
        .where(LIVE, ExecutionRow.group_name == group)
        .group_by(ExecutionRow.owner)
        .subquery("running")
    )
    first = _line(group, owners.c.owner, workers).limit(1).scalar_subquery()
    chosen = (
        select(owners.c.owner)
        .outerjoin(running, running.c.owner == owners.c.owner)
        .where(owners.c.owner.is_not(None), *([] if workers is None else [first.is_not(None)]))
        .order_by(func.coalesce(running.c.running, 0), first)
    )
    return chosen.limit(limit).cte("chosen")


def _owners_waiting(group: str) -> CTE:
    """Walk the index from each owner to the next greater one: as many steps as there are owners."""
    owners = select(_next_owner(group).label("owner")).cte("owners", recursive=True)
    following = select(_next_owner(group, owners.c.owner)).where(owners.c.owner.is_not(None))
    return owners.union_all(following)


def _next_owner(group: str, after: ColumnElement[str] | None = None) -> ColumnElement[str | None]:
    row = aliased(ExecutionRow)
    query = select(func.min(row.owner)).where(row.status == _CREATED, row.group_name == group)
    return (query if after is None else query.where(row.owner > after)).scalar_subquery()
