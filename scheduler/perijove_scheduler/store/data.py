"""Data: the output files of executions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from perijove_scheduler.store.database import Database
from perijove_scheduler.store.tables import DatumRow, ExecutionRow, ProjectRow, UseRow
from perijove_scheduler.store.visibility import Viewer, sees


class Data:
    """The data's rows. They are written by the life cycle, with the end of their attempt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, execution: str) -> Sequence[DatumRow]:
        """Return an execution's outputs by name."""
        query = select(DatumRow).where(DatumRow.execution_id == execution).order_by(DatumRow.name)
        async with self._database.read() as session:
            return list(await session.scalars(query))

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
    """Let go of who uses the outputs of these executions, which somebody deletes all the same."""
    theirs = select(DatumRow.id).join(ExecutionRow, ExecutionRow.id == DatumRow.execution_id).where(*executions)
    await session.execute(delete(UseRow).where(UseRow.datum_id.in_(theirs)))
