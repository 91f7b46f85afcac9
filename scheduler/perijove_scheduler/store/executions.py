"""Executions as people ask for them: made, found, listed, deleted. What moves them is the life cycle's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, literal_column, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from perijove.model.status import TERMINAL
from perijove_scheduler.store.creation import IsFree, Made, NewExecution, SourceGone, create
from perijove_scheduler.store.data import forget_uses
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.lines import join_first
from perijove_scheduler.store.listing import ExecutionFilter, brief, list_query, visible
from perijove_scheduler.store.notebooks import runs
from perijove_scheduler.store.tables import WAITING, AttemptRow, ExecutionRow, ProjectRow
from perijove_scheduler.store.visibility import Viewer, among_seen, sees

#: How far a waiting line is counted: nobody has to know how many thousands exactly stand before them.
COUNTED = 10_000


@dataclass(frozen=True)
class FoundExecution:
    """An execution and the name of its project; with its attempts, in order, where they were asked for.

    Its environment may be large: it is there only where the execution was found whole, or to be compared.
    """

    row: ExecutionRow
    project_name: str
    attempts: Sequence[AttemptRow] = ()


class Executions:
    """The executions' rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewExecution) -> str | None:
        """Write one, as `create_many` does; return its id."""
        made = await self.create_many([new])
        return None if made is None else made[0].id

    async def create_many(
        self, new: Sequence[NewExecution], borrowed: Iterable[str] = (), is_free: IsFree | None = None
    ) -> list[Made] | None:
        """Write created executions of one project and owner, with the project's next numbers, in order.

        All are written, or none: None when the project is gone. An Idempotency-Key, which is the first one's, stands
        for all of them.

        Parameters
        ----------
        new : sequence of NewExecution
            What to write.
        borrowed : iterable of str
            The digests of the documents that are there only as long as another execution runs them.
        is_free : callable, optional
            With it, an execution that is made alone, and for whose group nothing waits, is queued at once where this
            says that a worker is free for it. Who asks it holds the group's row: no other request asks meanwhile.

        Raises
        ------
        KeyUsed, SourceGone
            Nothing was written, and no number is missing.
        """
        try:
            async with self._database.write() as session:
                return await create(session, new, borrowed, is_free)
        except IntegrityError as error:
            if "foreign key" not in str(error.orig).lower():
                raise
            raise SourceGone from error

    async def made_before(self, made: str, count: int) -> list[Made]:
        """Return those of `count` executions that are still there of what a key's row says that it `made`."""
        project, first = made.split()
        row = ExecutionRow
        numbers = row.number.between(int(first), int(first) + count - 1)
        query = select(row.id, row.number).where(row.project_id == project, numbers).order_by(row.number)
        async with self._database.read() as session:
            return [Made(*found) for found in await session.execute(query)]

    async def find(self, viewer: Viewer, execution: str) -> FoundExecution | None:
        """Return an execution if `viewer` sees it, without its environment."""
        query = visible(viewer).options(brief(ExecutionRow)).where(ExecutionRow.id == execution)
        async with self._database.read() as session:
            found = (await session.execute(query)).one_or_none()
        return None if found is None else FoundExecution(*found)

    async def find_whole(self, viewer: Viewer, execution: str) -> FoundExecution | None:
        """Return an execution with its attempts, if `viewer` sees it."""
        attempts = visible(viewer).add_columns(AttemptRow).outerjoin(AttemptRow, AttemptRow.execution_id == execution)
        query = attempts.where(ExecutionRow.id == execution).order_by(AttemptRow.attempt)
        async with self._database.read() as session:
            found = (await session.execute(query)).all()
        return FoundExecution(found[0][0], found[0][1], [row[2] for row in found if row[2]]) if found else None

    async def find_many(self, viewer: Viewer, executions: Sequence[str]) -> list[FoundExecution]:
        """Return those executions that `viewer` sees, in the order asked for."""
        query = visible(viewer).where(ExecutionRow.id.in_(executions))
        async with self._database.read() as session:
            found = {row.id: FoundExecution(row, name) for row, name in await session.execute(query)}
        return [found[id_] for id_ in dict.fromkeys(executions) if id_ in found]

    async def projects_of(self, viewer: Viewer, executions: Sequence[str]) -> dict[str, str]:
        """Return the project's id of each of these executions that `viewer` sees."""
        row = ExecutionRow
        visible = select(row.id, row.project_id).join(ProjectRow, ProjectRow.id == row.project_id).where(sees(viewer))
        async with self._database.read() as session:
            found = await session.execute(visible.where(row.id.in_(executions)))
            return {each.id: each.project_id for each in found}

    async def list(
        self, viewer: Viewer, conditions: ExecutionFilter, after: str | None, limit: int
    ) -> Sequence[FoundExecution]:
        """Return up to `limit` executions that `viewer` sees, the newest first, after the one with id `after`.

        They come without their environments.
        """
        query = list_query(self._database.dialect, viewer, conditions, after, limit)
        async with self._database.read() as session:
            return [FoundExecution(row, name) for row, name in await session.execute(query)]

    async def delete(self, execution: str) -> bool:
        """Delete a finished execution; False when it is not finished, or not there.

        Raises `perijove_scheduler.store.data.InputInUse` when an execution that has not ended needs its outputs.
        """
        this = (ExecutionRow.id == execution, ExecutionRow.status.in_([status.value for status in TERMINAL]))
        async with self._database.write() as session:
            await keep_projects(session, [execution])
            await forget_uses(session, ExecutionRow.id == execution)
            deleted = (
                await session.scalars(delete(ExecutionRow).where(*this).returning(ExecutionRow.project_id))
            ).all()
            await count_less(session, deleted)
            return bool(deleted)

    async def notebooks(self, executions: Sequence[str]) -> dict[str, str]:
        """Return the path of the notebook that each of these executions runs; those that run a command are left out."""
        row = ExecutionRow
        query = select(row.id, row.spec["notebook"]["path"].as_string().label("path"))
        async with self._database.read() as session:
            found = await session.execute(query.where(row.id.in_(executions), row.notebook.is_not(None)))
            return {each.id: each.path for each in found}

    async def uses_notebook(self, sha256: str) -> bool:
        """Return whether any execution runs that document, so that its object must stay."""
        query = runs(sha256)
        async with self._database.read() as session:
            return await session.scalar(query) is not None

    async def sees_notebook(self, viewer: Viewer, sha256: str) -> bool:
        """Return whether `viewer` sees an execution that runs that document."""
        if viewer.admin:
            return await self.uses_notebook(sha256)
        seen = select(ProjectRow.id).where(among_seen(viewer)).cte("seen")
        one, row = aliased(ExecutionRow), aliased(ExecutionRow)
        first = select(one.id).where(one.notebook == sha256, one.project_id == seen.c.id).limit(1)
        query = join_first(self._database.dialect, select(row.id), seen, first, row).limit(1)
        async with self._database.read() as session:
            return await session.scalar(query) is not None

    async def ahead(self, row: ExecutionRow) -> tuple[int, int]:
        """Return how many created executions of its group stand before this one, and how many there are in all.

        Only the owner's own line has an order; of the others' nobody can say who is before whom, so they do not count.
        Both are counted up to `COUNTED`.
        """
        other = ExecutionRow
        line = (WAITING, other.group_name == row.group_name)
        before = or_(other.priority > row.priority, and_(other.priority == row.priority, other.id < row.id))
        mine, everybody = (
            select(func.count()).select_from(
                select(literal_column("1")).where(*line, *more).limit(COUNTED).subquery()
            ).scalar_subquery()
            for more in ([other.owner == row.owner, before], [])
        )  # fmt: skip
        async with self._database.read() as session:
            before_it, waiting = (await session.execute(select(mine, everybody))).one()
        return before_it, waiting


async def keep_projects(session: AsyncSession, executions: Sequence[str]) -> None:
    """Lock the projects of executions, before these: who makes or deletes some, or a project, locks them first too."""
    theirs = select(ExecutionRow.project_id).where(ExecutionRow.id.in_(executions))
    query = select(ProjectRow.id).where(ProjectRow.id.in_(theirs)).order_by(ProjectRow.id)
    await session.execute(query.with_for_update(key_share=True))


async def count_less(session: AsyncSession, projects: Iterable[str]) -> None:
    """Note that an execution was deleted of each of these projects."""
    for project, count in Counter(projects).items():
        change = update(ProjectRow).where(ProjectRow.id == project)
        await session.execute(change.values(executions=ProjectRow.executions - count))
