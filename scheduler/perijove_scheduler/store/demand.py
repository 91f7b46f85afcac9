"""What a group's admitted work takes: read by admission and by scaling."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.tables import LIVE, ExecutionRow


@dataclass(frozen=True)
class Demand:
    """`count` executions of one owner that ask for the same.

    Attributes
    ----------
    worker : str, optional
        Which worker holds them by our books; None of what is queued.
    """

    owner: str
    worker: str | None
    resources: Resources
    count: int


async def demand(session: AsyncSession, group: str) -> list[Demand]:
    """Return what is queued, started and stopping in a group; like work is counted together."""
    row = ExecutionRow
    resources = row.spec["resources"]
    query = (
        select(row.owner, row.status, row.worker, resources, func.count())
        .where(LIVE, row.group_name == group)
        .group_by(row.owner, row.status, row.worker, resources)
    )
    return [
        Demand(owner, worker if status != Status.QUEUED else None, Resources.model_validate(asked or {}), count)
        for owner, status, worker, asked, count in await session.execute(query)
    ]
