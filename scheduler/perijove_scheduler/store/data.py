"""Data: the output files of executions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.status import TERMINAL
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.tables import DatumRow, ExecutionRow, ProjectRow, UseRow
from perijove_scheduler.store.visibility import Viewer, sees

#: How many of those that need what is to be deleted are named.
_NAMED = 10


@dataclass(frozen=True)
class Reader:
    """An execution that has not ended, and whose input is an output of another; with its project's owner and name."""

    execution: str
    number: int
    owner: str
    project_name: str


class InputInUse(Exception):
    """Outputs that were to be deleted are the inputs of `readers`, which have not ended."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self.readers = readers
        super().__init__(f"in use by {', '.join(reader.execution for reader in readers)}")


class Data:
    """The data's rows. They are written by the life cycle, with the end of their attempt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, execution: str, after: str | None, limit: int) -> Sequence[DatumRow]:
        """Return up to `limit` of an execution's outputs by name, after the one with id `after`."""
        query = select(DatumRow).where(DatumRow.execution_id == execution).order_by(DatumRow.name).limit(limit)
        if after is not None:
            last = select(DatumRow.name).where(DatumRow.id == after, DatumRow.execution_id == execution)
            query = query.where(DatumRow.name > last.scalar_subquery())
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def typed(self, execution: str, media_type: str) -> DatumRow | None:
        """Return the first output of an execution that has a media type."""
        query = select(DatumRow).where(DatumRow.execution_id == execution, DatumRow.media_type == media_type)
        async with self._database.read() as session:
            return (await session.scalars(query.order_by(DatumRow.name).limit(1))).one_or_none()

    async def named(self, execution: str, name: str) -> DatumRow | None:
        """Return one output of an execution."""
        query = select(DatumRow).where(DatumRow.execution_id == execution, DatumRow.name == name)
        async with self._database.read() as session:
            return (await session.scalars(query)).one_or_none()

    async def visible(self, viewer: Viewer, data: Sequence[str]) -> set[str]:
        """Return those of `data` that `viewer` sees."""
        query = (
            select(DatumRow.id)
            .join(ExecutionRow, ExecutionRow.id == DatumRow.execution_id)
            .join(ProjectRow, ProjectRow.id == ExecutionRow.project_id)
            .where(DatumRow.id.in_(data), sees(viewer))
        )
        async with self._database.read() as session:
            return set(await session.scalars(query))

    async def placed(self, data: Collection[str]) -> dict[str, tuple[DatumRow, str]]:
        """Return those of `data` that there are, each with the project it lies in."""
        if not data:
            return {}
        query = select(DatumRow, ExecutionRow.project_id).join(ExecutionRow, ExecutionRow.id == DatumRow.execution_id)
        async with self._database.read() as session:
            found = await session.execute(query.where(DatumRow.id.in_(data)))
            return {row.id: (row, project) for row, project in found}


async def forget_uses(session: AsyncSession, *executions: ColumnElement[bool]) -> None:
    """Let go of those who took outputs of these executions as inputs, and have ended.

    The outputs are locked first: who wants one as an input meanwhile waits, and is refused when it is gone.

    Raises
    ------
    InputInUse
        Some of them have not ended; nothing may be deleted.
    """
    theirs = select(DatumRow.id).join(ExecutionRow, ExecutionRow.id == DatumRow.execution_id).where(*executions)
    await session.execute(theirs.order_by(DatumRow.id).with_for_update(of=DatumRow))
    if readers := await _readers(session, theirs):
        raise InputInUse(readers)
    await session.execute(delete(UseRow).where(UseRow.datum_id.in_(theirs)))


async def _readers(session: AsyncSession, data: Select[str]) -> list[Reader]:
    """Return up to `_NAMED` executions that have not ended and take some of `data` as inputs."""
    row = ExecutionRow
    query = (
        select(row.id, row.number, ProjectRow.owner, ProjectRow.name)
        .join(ProjectRow, ProjectRow.id == row.project_id)
        .where(row.status.not_in([status.value for status in TERMINAL]))
        .where(row.id.in_(select(UseRow.execution_id).where(UseRow.datum_id.in_(data))))
        .order_by(row.id)
        .limit(_NAMED)
    )
    return [Reader(*found) for found in await session.execute(query)]
