"""Which of an attempt's records were taken over from Redis into the object store while it went on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.events import Segmented
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.recordset import insert_many
from perijove_scheduler.store.tables import AttemptRow, SegmentRow

_SEGMENTS = cast("Table", SegmentRow.__table__)
_PAGE = 500
#: An execution and one of its attempts.
AttemptId = tuple[str, int]


@dataclass(frozen=True)
class Segment:
    """Records `first` to `last` of an attempt, which lie in one object of `size` bytes."""

    first: int
    last: int
    size: int


class Segments:
    """The segments of attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, execution: str, attempt: int, after: int = 0) -> list[Segment]:
        """Return a page of an attempt's segments with records after number `after`, in their order."""
        row = SegmentRow
        query = (
            select(row.first, row.last, row.size)
            .where(row.execution_id == execution, row.attempt == attempt, row.last > after)
            .order_by(row.last)
            .limit(_PAGE)
        )
        async with self._database.read() as session:
            return [Segment(*found) for found in await session.execute(query)]

    async def last(self, execution: str, attempt: int) -> int:
        """Return the number of the last record in an attempt's segments; 0 when it has none."""
        return (await self.last_of({(execution, attempt)})).get((execution, attempt), 0)

    async def last_of(self, attempts: Collection[AttemptId]) -> dict[AttemptId, int]:
        """Return the number of the last record in the segments of each attempt that has any."""
        if not attempts:
            return {}
        row = SegmentRow
        these = tuple_(row.execution_id, row.attempt).in_(sorted(attempts))
        query = select(row.execution_id, row.attempt, func.max(row.last)).where(these)
        async with self._database.read() as session:
            found = await session.execute(query.group_by(row.execution_id, row.attempt))
            return {(execution, attempt): last for execution, attempt, last in found}

    async def known(self, executions: Sequence[str]) -> set[tuple[str, int, int, int]]:
        """Return the execution, attempt, first and last record of all segments of these executions."""
        row = SegmentRow
        query = select(row.execution_id, row.attempt, row.first, row.last).where(row.execution_id.in_(executions))
        async with self._database.read() as session:
            return {
                (execution, attempt, first, last) for execution, attempt, first, last in await session.execute(query)
            }


async def add(session: AsyncSession, events: Sequence[Segmented]) -> list[Segmented]:
    """Note segments; return those that are noted, now or before: an event of who does not hold the attempt is not."""
    if not events:
        return []
    row = AttemptRow
    attempts = tuple_(row.execution_id, row.attempt).in_({(event.execution, event.attempt) for event in events})
    found = await session.execute(select(row.execution_id, row.attempt, row.worker).where(attempts))
    holders = {(execution, attempt, worker) for execution, attempt, worker in found}
    mine = [e for e in events if e.first <= e.last and (e.execution, e.attempt, e.worker) in holders]
    rows: dict[tuple[str, int, int], dict[str, Any]] = {
        (event.execution, event.attempt, event.last): {
            "execution_id": event.execution,
            "attempt": event.attempt,
            "first": event.first,
            "last": event.last,
            "size": event.size,
        }
        for event in mine
    }
    await insert_many(session, _SEGMENTS, list(rows.values()), ignore=True)
    return mine


async def remove(session: AsyncSession, attempts: Sequence[AttemptId]) -> None:
    """Forget the segments of attempts."""
    this = tuple_(SegmentRow.execution_id, SegmentRow.attempt).in_(attempts)
    await session.execute(delete(SegmentRow).where(this))
