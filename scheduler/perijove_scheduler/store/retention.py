"""What has been kept for long enough, and its removal. What is referenced is in none of these queries.

Each removal locks the rows first and looks again: who refers to one meanwhile holds a lock on it (`keep_code`, and the
foreign key of `uses`), so either the reference is seen, or it comes too late and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    String,
    delete,
    exists,
    func,
    literal,
    select,
    tuple_,
    update,
    values,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from perijove.model.retention import Kind, RetentionSettings
from perijove.model.status import TERMINAL
from perijove_scheduler.store import segments
from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.executions import count_less, keep_projects
from perijove_scheduler.store.tables import (
    KEPT,
    AttemptRow,
    CodeRow,
    DatumRow,
    ExecutionRow,
    ProjectRow,
    TagRow,
    UseRow,
)

_DAY = 86_400.0
_FINAL = [status.value for status in TERMINAL]
#: An execution and one of its attempts.
AttemptId = tuple[str, int]
#: An execution and the name of one of its outputs.
DatumName = tuple[str, str]


@dataclass(frozen=True)
class KeptProject:
    """A project and its own settings."""

    id: str
    name: str
    settings: RetentionSettings


class Retention:
    """The rows that a sweep looks at. Pages are in the order of executions; each goes on after the one before.

    A project's executions are walked once, whatever else there is: none of it is in the order of data or attempts.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def projects(self) -> list[KeptProject]:
        """Return all projects."""
        query = select(ProjectRow.id, ProjectRow.name, ProjectRow.retention).order_by(ProjectRow.id)
        async with self._database.read() as session:
            found = (await session.execute(query)).all()
        return [KeptProject(id_, name, RetentionSettings.model_validate(own)) for id_, name, own in found]

    async def replace(self, project: str, settings: RetentionSettings) -> None:
        """Replace a project's settings."""
        change = update(ProjectRow).where(ProjectRow.id == project)
        async with self._database.write() as session:
            await session.execute(change.values(retention=settings.model_dump(mode="json", exclude_none=True)))

    async def get(self, project: str) -> RetentionSettings:
        """Return a project's settings."""
        async with self._database.read() as session:
            own = await session.scalar(select(ProjectRow.retention).where(ProjectRow.id == project))
        return RetentionSettings.model_validate(own or {})

    async def logs(self, project: str, days: int, after: AttemptId, limit: int) -> list[AttemptId]:
        """Return attempts whose archived records are old enough to go."""
        row = AttemptRow
        query = (
            select(row.execution_id, row.attempt)
            .join(ExecutionRow, ExecutionRow.id == row.execution_id)
            .where(
                KEPT,
                *_ended(project, days),
                ExecutionRow.id >= after[0],
                tuple_(row.execution_id, row.attempt) > tuple_(literal(after[0]), literal(after[1])),
            )
            .order_by(row.execution_id, row.attempt)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [(execution, attempt) for execution, attempt in await session.execute(query)]

    async def remove_logs(self, attempts: Sequence[AttemptId]) -> None:
        """Note that the records of attempts are removed."""
        this = tuple_(AttemptRow.execution_id, AttemptRow.attempt).in_(attempts)
        async with self._database.write() as session:
            await session.execute(update(AttemptRow).where(this, KEPT).values(removed_at=db_now()))
            await segments.remove(session, attempts)

    async def outputs(self, project: str, days: int, after: DatumName, limit: int) -> list[DatumRow]:
        """Return data that are old enough to go and nobody's input."""
        query = (
            select(DatumRow)
            .join(ExecutionRow, ExecutionRow.id == DatumRow.execution_id)
            .where(*_ended(project, days), ~_used(DatumRow.id), ExecutionRow.id >= after[0])
            .where(tuple_(DatumRow.execution_id, DatumRow.name) > tuple_(literal(after[0]), literal(after[1])))
            .order_by(DatumRow.execution_id, DatumRow.name)
            .limit(limit)
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def remove_outputs(self, data: Sequence[str]) -> set[str]:
        """Delete those of `data` that are nobody's input; return which."""
        async with self._database.write() as session:
            await session.execute(select(DatumRow.id).where(DatumRow.id.in_(data)).with_for_update())
            gone = delete(DatumRow).where(DatumRow.id.in_(data), ~_used(DatumRow.id)).returning(DatumRow.id)
            return set(await session.scalars(gone))

    async def code(self, project: str, days: int, after: str, limit: int) -> list[CodeRow]:
        """Return code versions that are old enough to go and that no execution of the project uses."""
        query = (
            select(CodeRow)
            .where(CodeRow.project_id == project, CodeRow.created_at < db_ago(days * _DAY), ~_runs_code())
            .where(CodeRow.id > after)
            .order_by(CodeRow.id)
            .limit(limit)
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def remove_code(self, project: str, versions: Sequence[str]) -> set[str]:
        """Delete those code versions that no execution uses; return which. Their objects are then orphans."""
        this = (CodeRow.project_id == project, CodeRow.id.in_(versions))
        async with self._database.write() as session:
            await session.execute(select(CodeRow.id).where(*this).with_for_update())
            gone = delete(CodeRow).where(*this, ~_runs_code()).returning(CodeRow.id)
            return set(await session.scalars(gone))

    async def executions(self, project: str, days: int, after: str, limit: int) -> list[str]:
        """Return executions that are old enough to go and whose outputs are nobody's input."""
        query = select(ExecutionRow.id).where(*_ended(project, days), ~_feeds(), ExecutionRow.id > after)
        async with self._database.read() as session:
            return list(await session.scalars(query.order_by(ExecutionRow.id).limit(limit)))

    async def remove_executions(self, executions: Sequence[str]) -> set[str]:
        """Delete those executions that nothing refers to; return which."""
        this = (ExecutionRow.id.in_(executions), ExecutionRow.status.in_(_FINAL), ~_tagged(), ~_feeds())
        data = select(DatumRow.id).where(DatumRow.execution_id.in_(executions))
        try:
            async with self._database.write() as session:
                await keep_projects(session, executions)
                await session.execute(select(ExecutionRow.id).where(ExecutionRow.id.in_(executions)).with_for_update())
                await session.execute(data.with_for_update())
                gone = delete(ExecutionRow).where(*this).returning(ExecutionRow.id, ExecutionRow.project_id)
                deleted = {each.id: each.project_id for each in await session.execute(gone)}
                await count_less(session, deleted.values())
                return set(deleted)
        except IntegrityError:  # one of them got a reader in this very moment; the next sweep looks again
            return set()

    async def totals(self) -> dict[Kind, int]:
        """Return how many there are in all of what a row names."""
        counts: dict[Kind, Select[int]] = {
            "executions": select(func.count()).select_from(ExecutionRow),
            "outputs": select(func.count()).select_from(DatumRow),
            "logs": select(func.count()).select_from(AttemptRow).where(KEPT),
            "code": select(func.count()).select_from(CodeRow),
        }
        async with self._database.read() as session:
            return {kind: (await session.scalars(query)).one() for kind, query in counts.items()}

    async def known_executions(self, executions: Sequence[str]) -> dict[str, bool]:
        """Return those executions that are there, each with whether it ended more than a day ago."""
        row = ExecutionRow
        old = row.status.in_(_FINAL) & (row.finished_at < db_ago(_DAY))
        async with self._database.read() as session:
            found = await session.execute(select(row.id, old).where(row.id.in_(executions)))
            return {id_: bool(is_old) for id_, is_old in found}

    async def known_outputs(self, executions: Sequence[str]) -> set[tuple[str, int, str]]:
        """Return the execution, attempt and name of these executions' data."""
        row = DatumRow
        query = select(row.execution_id, row.attempt, row.name).where(row.execution_id.in_(executions))
        async with self._database.read() as session:
            return {(execution, attempt, name) for execution, attempt, name in await session.execute(query)}

    async def removed_logs(self, executions: Sequence[str]) -> set[AttemptId]:
        """Return those attempts of these executions whose records a sweep has removed."""
        row = AttemptRow
        query = select(row.execution_id, row.attempt).where(
            row.execution_id.in_(executions), row.removed_at.is_not(None)
        )
        async with self._database.read() as session:
            return {(execution, attempt) for execution, attempt in await session.execute(query)}

    async def used_notebooks(self, digests: Sequence[str]) -> set[str]:
        """Return those documents that an execution runs."""
        return await self._known(digests, ExecutionRow.notebook)

    async def known_code(self, versions: Sequence[str]) -> set[str]:
        """Return those code versions that a project has."""
        return await self._known(versions, CodeRow.id)

    async def _known(self, names: Sequence[str], column: InstrumentedAttribute[Any]) -> set[str]:
        """Return those names that a column holds: one row is looked for each, however many have it."""
        if not names:
            return set()
        given = values(Column("name", String), name="given").data([(name,) for name in names]).cte("given")
        query = select(given.c.name).where(exists().where(column == given.c.name))
        async with self._database.read() as session:
            return set(await session.scalars(query))


def _ended(project: str, days: int) -> tuple[ColumnElement[bool], ...]:
    row = ExecutionRow
    old = row.finished_at < db_ago(days * _DAY)
    return row.project_id == project, row.status.in_(_FINAL), old, ~_tagged()


def _tagged() -> ColumnElement[bool]:
    return exists().where(TagRow.execution_id == ExecutionRow.id)


def _used(datum: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return exists().where(UseRow.datum_id == datum)


def _feeds() -> ColumnElement[bool]:
    """Hold for an execution one of whose outputs is an input of another."""
    return exists(
        select(DatumRow.id).join(UseRow, UseRow.datum_id == DatumRow.id).where(DatumRow.execution_id == ExecutionRow.id)
    )


def _runs_code() -> ColumnElement[bool]:
    return exists().where(ExecutionRow.project_id == CodeRow.project_id, ExecutionRow.code == CodeRow.id)
