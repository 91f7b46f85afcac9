"""What a group's admitted work takes, and what its workers offer: read by admission and by scaling."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, String, func, literal, select, union_all
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
    found: dict[str, list[Demand]] = {group: [] for group in groups}
    for row in await session.execute(_taken(groups)):
        found[row.group_name].append(_demand(row))
    return found


async def capacities(session: AsyncSession, groups: Collection[str]) -> dict[str, list[tuple[Resources, int]]]:
    """Return what the workers of groups offer that take work, or soon will: like ones are counted together."""
    found: dict[str, list[tuple[Resources, int]]] = {group: [] for group in groups}
    for row in await session.execute(_offered(groups)):
        if row.resources:
            found[row.group_name].append((resources_of(row.resources), row.number))
    return found


async def balance(session: AsyncSession, group: str) -> tuple[list[tuple[Resources, int]], list[Demand]]:
    """Return what a group's workers offer, and what is taken of that already, in one statement."""
    offered: list[tuple[Resources, int]] = []
    taken: list[Demand] = []
    for row in await session.execute(union_all(_offered([group]), _taken([group]))):
        if row.status is not None:
            taken.append(_demand(row))
        elif row.resources:
            offered.append((resources_of(row.resources), row.number))
    return offered, taken


def _offered(groups: Collection[str]) -> Select[Any]:
    """Select workers' capacities, as rows like those of `_taken`, which have a status."""
    row, nothing = WorkerRow, literal(None, String)
    working = (row.ended_at.is_(None), row.group_name.in_(groups), row.state != WorkerState.DRAINING.value)
    owner, status, worker = nothing.label("owner"), nothing.label("status"), nothing.label("worker")
    columns = (row.group_name, owner, status, worker, row.capacity.label("resources"), func.count().label("number"))
    return select(*columns).where(*working).group_by(row.group_name, row.capacity)


def _taken(groups: Collection[str]) -> Select[Any]:
    row = ExecutionRow
    like = (row.group_name, row.owner, row.status, row.worker, row.spec["resources"].label("resources"))
    counted = select(*like, func.count().label("number"))
    return counted.where(LIVE, row.group_name.in_(groups)).group_by(*like)


def _demand(row: Row[Any]) -> Demand:
    holder = row.worker if row.status != Status.QUEUED else None
    return Demand(row.owner, holder, resources_of(row.resources), row.number)


def resources_of(document: dict[str, Any] | None) -> Resources:
    """Return what a spec or a worker says of resources; the few different ones are read once each."""
    return _read(tuple(sorted((document or {}).items())))


@lru_cache(maxsize=4096)
def _read(items: tuple[tuple[str, Any], ...]) -> Resources:
    return Resources.model_validate(dict(items))
