"""The lines in front of the groups: who waits, and what is already running. Reads only.

None of it costs more when 100,000 executions wait: the partial indexes are walked from owner to owner, never through.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import CTE

from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.clock import db_ago
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.lines import join_first
from perijove_scheduler.store.outcomes import AttemptRef, GroupLoad, Queued, ToArchive, Waiting
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

    async def load(self, group: str) -> GroupLoad:
        """Return what a group carries now."""
        query = (
            select(ExecutionRow.owner, ExecutionRow.status, func.count())
            .where(LIVE, ExecutionRow.group_name == group)
            .group_by(ExecutionRow.owner, ExecutionRow.status)
        )
        running: dict[str, int] = {}
        queued = 0
        async with self._database.read() as session:
            for owner, status, count in await session.execute(query):
                running[owner] = running.get(owner, 0) + count
                queued += count if status == Status.QUEUED else 0
        return GroupLoad(running, queued)

    async def heads(self, group: str, owners_limit: int, per_owner: int) -> list[Waiting]:
        """Return the first created executions of each owner, of at most `owners_limit` owners.

        They come owner by owner; whose turn it is, the dispatcher's policy says. If more owners wait, those are
        chosen of whom least is under way, then those whose first execution is oldest.
        """
        query = heads_query(self._database.dialect, group, owners_limit, per_owner)
        async with self._database.read() as session:
            rows = (await session.execute(query)).all()
        return [Waiting(r.id, r.owner, r.priority, Resources.model_validate(r.resources or {})) for r in rows]

    async def queued(self, group: str, limit: int = 1000, after: str = "") -> list[Queued]:
        """Return a group's queued executions after id `after`, by id: the sweeper looks for those without a ticket."""
        row = ExecutionRow
        query = (
            select(row.id, row.attempt)
            .where(LIVE, row.group_name == group, row.status == Status.QUEUED.value, row.id > after)
            .order_by(row.id)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [Queued(r.id, r.attempt) for r in await session.execute(query)]

    async def queued_groups(self) -> list[str]:
        """Return the groups that have queued executions."""
        query = select(ExecutionRow.group_name).where(LIVE, ExecutionRow.status == Status.QUEUED.value).distinct()
        async with self._database.read() as session:
            return list(await session.scalars(query))

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
def heads_query(dialect: str, group: str, owners_limit: int, per_owner: int) -> Select[Any]:
    """Return the query of `WaitingLines.heads`; on its own so that a test can read its plan."""
    chosen = _fairest_owners(group, owners_limit)
    head, row = aliased(ExecutionRow), aliased(ExecutionRow)
    line = (
        select(head.id)
        .where(head.status == _CREATED, head.group_name == group, head.owner == chosen.c.owner)
        .order_by(head.priority.desc(), head.id)
        .limit(per_owner)
    )
    columns = select(row.id, row.owner, row.priority, row.spec["resources"].label("resources"))
    columns = columns.order_by(row.owner, row.priority.desc(), row.id)
    return join_first(dialect, columns, chosen, line, row)


def _fairest_owners(group: str, limit: int) -> CTE:
    owners = _owners_waiting(group)
    running = (
        select(ExecutionRow.owner, func.count().label("running"))
        .where(LIVE, ExecutionRow.group_name == group)
        .group_by(ExecutionRow.owner)
        .subquery("running")
    )
    oldest = aliased(ExecutionRow)
    first = (
        select(oldest.id)
        .where(oldest.status == _CREATED, oldest.group_name == group, oldest.owner == owners.c.owner)
        .order_by(oldest.priority.desc(), oldest.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(owners.c.owner)
        .outerjoin(running, running.c.owner == owners.c.owner)
        .where(owners.c.owner.is_not(None))
        .order_by(func.coalesce(running.c.running, 0), first)
        .limit(limit)
        .cte("chosen")
    )


def _owners_waiting(group: str) -> CTE:
    """Walk the index from each owner to the next greater one: as many steps as there are owners."""
    owners = select(_next_owner(group).label("owner")).cte("owners", recursive=True)
    following = select(_next_owner(group, owners.c.owner)).where(owners.c.owner.is_not(None))
    return owners.union_all(following)


def _next_owner(group: str, after: ColumnElement[str] | None = None) -> ColumnElement[str | None]:
    row = aliased(ExecutionRow)
    query = select(func.min(row.owner)).where(row.status == _CREATED, row.group_name == group)
    return (query if after is None else query.where(row.owner > after)).scalar_subquery()
