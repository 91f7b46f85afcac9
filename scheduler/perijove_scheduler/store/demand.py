"""What a group's admitted work takes, and what its workers offer: read by admission and by scaling."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.fleet import WorkerState
from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.tables import LIVE, ExecutionRow, WorkerRow


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


async def demand(session: AsyncSession, groups: Collection[str]) -> dict[str, list[Demand]]:
    """Return what is queued, started and stopping in groups; like work is counted together. One statement for all."""
    row = ExecutionRow
    resources = row.spec["resources"]
    like = (row.group_name, row.owner, row.status, row.worker, resources)
    query = select(*like, func.count()).where(LIVE, row.group_name.in_(groups)).group_by(*like)
    found: dict[str, list[Demand]] = {group: [] for group in groups}
    for group, owner, status, worker, asked, count in await session.execute(query):
        holder = worker if status != Status.QUEUED else None
        found[group].append(Demand(owner, holder, resources_of(asked), count))
    return found


async def capacities(session: AsyncSession, groups: Collection[str]) -> dict[str, list[tuple[Resources, int]]]:
    """Return what the workers of groups offer that take work, or soon will: like ones are counted together."""
    row = WorkerRow
    working = (row.ended_at.is_(None), row.group_name.in_(groups), row.state != WorkerState.DRAINING.value)
    query = select(row.group_name, row.capacity, func.count()).where(*working).group_by(row.group_name, row.capacity)
    found: dict[str, list[tuple[Resources, int]]] = {group: [] for group in groups}
    for group, capacity, count in await session.execute(query):
        if capacity:
            found[group].append((resources_of(capacity), count))
    return found


def resources_of(document: dict[str, Any] | None) -> Resources:
    """Return what a spec or a worker says of resources; the few different ones are read once each."""
    return _read(tuple(sorted((document or {}).items())))


@lru_cache(maxsize=4096)
def _read(items: tuple[tuple[str, Any], ...]) -> Resources:
    return Resources.model_validate(dict(items))
