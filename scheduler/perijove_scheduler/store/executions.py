"""Executions as people ask for them: made, found, listed, deleted. What moves them is the life cycle's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased, defer

from perijove.model.ids import new_ids
from perijove.model.spec import Resources
from perijove.model.status import TERMINAL, Status
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.code import keep_code
from perijove_scheduler.store.data import forget_uses
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.demand import Demand, capacities, demand
from perijove_scheduler.store.idempotency import Claim, remember
from perijove_scheduler.store.lines import join_first
from perijove_scheduler.store.recordset import insert_many
from perijove_scheduler.store.search import WINDOW, mentions
from perijove_scheduler.store.tables import WAITING, AttemptRow, ExecutionRow, GroupRow, ProjectRow, TagRow, UseRow
from perijove_scheduler.store.visibility import Viewer, among_seen, sees

_EXECUTIONS = cast("Table", ExecutionRow.__table__)
_TAGS = cast("Table", TagRow.__table__)
_USES = cast("Table", UseRow.__table__)
#: Says whether a worker is free for an execution: of what its group's workers offer, and of what that takes already.
IsFree = Callable[["NewExecution", Sequence[tuple[Resources, int]], Sequence[Demand]], bool]
#: How far a waiting line is counted: nobody has to know how many thousands exactly stand before them.
COUNTED = 10_000


class GroupGone(Exception):
    """The group that the execution is for was deleted meanwhile."""


class SourceGone(Exception):
    """The code version, the document or a datum that the execution takes was removed meanwhile."""


@dataclass(frozen=True)
class NewExecution:
    """What is written of an execution when it is made.

    `inputs` are the ids of the data it takes. `claim` is the Idempotency-Key it was asked for with.
    """

    project: str
    owner: str
    group: str
    priority: int
    retries: int
    title: str
    code: str | None
    notebook: str | None
    spec: dict[str, Any]
    tags: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    claim: Claim | None = None


@dataclass(frozen=True)
class Made:
    """An execution that was made just now; `queued` says that it was admitted as it was made."""

    id: str
    number: int
    queued: bool = False


@dataclass(frozen=True)
class FoundExecution:
    """An execution and the name of its project; with its attempts, in order, where they were asked for.

    Its environment may be large: it is there only where the execution was found whole, or to be compared.
    """

    row: ExecutionRow
    project_name: str
    attempts: Sequence[AttemptRow] = ()


@dataclass(frozen=True)
class ExecutionFilter:
    """Which executions to list; every condition that is set must hold.

    `project` is a project's id; `search` is words, see `perijove_scheduler.store.search`.
    """

    project: str | None = None
    owner: str | None = None
    status: Status | None = None
    group: str | None = None
    tag: str | None = None
    search: str | None = None
    number: int | None = None


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
                return await _create(session, new, borrowed, is_free)
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
        query = _visible(viewer).options(_brief(ExecutionRow)).where(ExecutionRow.id == execution)
        async with self._database.read() as session:
            found = (await session.execute(query)).one_or_none()
        return None if found is None else FoundExecution(*found)

    async def find_whole(self, viewer: Viewer, execution: str) -> FoundExecution | None:
        """Return an execution with its attempts, if `viewer` sees it."""
        attempts = _visible(viewer).add_columns(AttemptRow).outerjoin(AttemptRow, AttemptRow.execution_id == execution)
        query = attempts.where(ExecutionRow.id == execution).order_by(AttemptRow.attempt)
        async with self._database.read() as session:
            found = (await session.execute(query)).all()
        return FoundExecution(found[0][0], found[0][1], [row[2] for row in found if row[2]]) if found else None

    async def find_many(self, viewer: Viewer, executions: Sequence[str]) -> list[FoundExecution]:
        """Return those executions that `viewer` sees, in the order asked for."""
        query = _visible(viewer).where(ExecutionRow.id.in_(executions))
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
        query = _runs(sha256)
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


async def keep_notebook(session: AsyncSession, sha256: str) -> bool:
    """Keep an execution that runs this document until this transaction ends; False when there is none to keep.

    One that is being deleted now is not waited for: another will do.
    """
    return await session.scalar(_runs(sha256).with_for_update(read=True, key_share=True, skip_locked=True)) is not None


def _runs(sha256: str) -> Select[str]:
    """Select one execution that runs a document. The order keeps the database from looking through all rows."""
    return select(ExecutionRow.id).where(ExecutionRow.notebook == sha256).order_by(ExecutionRow.project_id).limit(1)


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


async def _create(
    session: AsyncSession, new: Sequence[NewExecution], borrowed: Iterable[str], is_free: IsFree | None
) -> list[Made] | None:
    first, count = new[0], len(new)
    for code in sorted({each.code for each in new if each.code is not None}):
        if not await keep_code(session, first.project, code):
            raise SourceGone
    this = update(ProjectRow).where(ProjectRow.id == first.project)
    more = {"next_number": ProjectRow.next_number + count, "executions": ProjectRow.executions + count}
    numbered = this.values(more).returning(ProjectRow.next_number, db_now())
    found = (await session.execute(numbered)).one_or_none()
    if found is None:
        return None
    for sha256 in sorted(borrowed):  # after the project's row, as who deletes a project locks it first
        if not await keep_notebook(session, sha256):
            raise SourceGone
    after, now = found
    await _keep_groups(session, {each.group for each in new})
    queued = count == 1 and is_free is not None and await _may_begin(session, first, is_free)
    ids = new_ids("ex", count)  # in order, as a line is served in the order of its identifiers
    made = [Made(id_, number, queued) for id_, number in zip(ids, range(after - count, after), strict=True)]
    await insert_many(session, _EXECUTIONS, [_row(*pair, now) for pair in zip(made, new, strict=True)])
    tags = [{"execution_id": one.id, "tag": tag, "project_id": each.project}
            for one, each in zip(made, new, strict=True) for tag in dict.fromkeys(each.tags)]  # fmt: skip
    await insert_many(session, _TAGS, tags)
    uses = [{"execution_id": one.id, "datum_id": datum} for one, each in zip(made, new, strict=True)
            for datum in dict.fromkeys(each.inputs)]  # fmt: skip
    await insert_many(session, _USES, uses)
    await remember(session, first.claim, f"{first.project} {made[0].number}")
    return made


async def _keep_groups(session: AsyncSession, groups: Collection[str]) -> None:
    """Keep groups from being deleted until this transaction ends."""
    query = select(GroupRow.name).where(GroupRow.name.in_(groups)).order_by(GroupRow.name)
    if set(await session.scalars(query.with_for_update(read=True, key_share=True))) != set(groups):
        raise GroupGone


async def _may_begin(session: AsyncSession, new: NewExecution, is_free: IsFree) -> bool:
    waits = exists().where(WAITING, ExecutionRow.group_name == new.group)
    alone = select(GroupRow.name).where(GroupRow.name == new.group, ~waits).with_for_update(key_share=True)
    if await session.scalar(alone) is None:
        return False
    offered = (await capacities(session, [new.group]))[new.group]
    return bool(offered) and is_free(new, offered, (await demand(session, [new.group]))[new.group])


def _row(made: Made, new: NewExecution, now: datetime) -> dict[str, Any]:
    admitted = {"status": Status.QUEUED.value, "queued_at": now} if made.queued else {}
    return {
        "id": made.id,
        "project_id": new.project,
        "number": made.number,
        "owner": new.owner,
        "group_name": new.group,
        "status": Status.CREATED.value,
        "retries_left": new.retries,
        "priority": new.priority,
        "title": new.title,
        "code": new.code,
        "notebook": new.notebook,
        "spec": new.spec,
        "created_at": now,
        "queued_at": None,
        **admitted,
    }


def _visible(viewer: Viewer) -> Select[ExecutionRow, str]:
    project = ProjectRow.id == ExecutionRow.project_id
    return select(ExecutionRow, ProjectRow.name).join(ProjectRow, project).where(sees(viewer))


def _brief(row: type[ExecutionRow]) -> Any:
    """Return the option that leaves an execution's environment where it is; who reads it all the same gets an error."""
    return defer(row.environment, raiseload=True)


def list_query(dialect: str, viewer: Viewer, wanted: ExecutionFilter, after: str | None, limit: int) -> Any:
    """Return the query of `Executions.list`; on its own so that a test can read its plan.

    It takes the newest of each project the viewer sees, as the whole of a large project is slow to sort. Who sees all,
    and asks for no project, needs no such detour: the newest of all are at the end of an index.
    """
    if viewer.admin and wanted.project is None and wanted.number is None:
        query = (
            _visible(viewer)
            .where(*_conditions(ExecutionRow, wanted, after, of_project=False))
            .options(_brief(ExecutionRow))
        )
        query = query.where(*_searched(ExecutionRow, wanted, after, None))
        return query.order_by(ExecutionRow.id.desc()).limit(limit)
    seen = select(ProjectRow.id, ProjectRow.name).where(among_seen(viewer), *_of_project(wanted)).cte("seen")
    one, row = aliased(ExecutionRow), aliased(ExecutionRow)
    newest = select(one.id).where(one.project_id == seen.c.id, *_conditions(one, wanted, after, of_project=True))
    newest = newest.where(*_searched(one, wanted, after, seen)).order_by(one.id.desc()).limit(limit)
    query = join_first(dialect, select(row, seen.c.name).options(_brief(row)), seen, newest, row)
    return query.order_by(row.id.desc()).limit(limit)


def _searched(
    row: type[ExecutionRow], wanted: ExecutionFilter, after: str | None, seen: FromClause | None
) -> list[ColumnElement[bool]]:
    """Return the conditions of a search, which looks through the newest of those that all else holds for.

    `seen` is the project that is looked through, if it is one at a time.
    """
    if wanted.search is None:
        return []
    other = aliased(ExecutionRow)
    conditions = _conditions(other, wanted, after, of_project=seen is not None)
    window = select(other.id).where(*conditions).order_by(other.id.desc()).limit(WINDOW)
    if seen is not None:
        window = window.where(other.project_id == seen.c.id).correlate(seen)
    name = ProjectRow.name if seen is None else seen.c.name
    return [row.id.in_(window), *mentions(row, name, wanted.search)]


def _of_project(wanted: ExecutionFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.project is None else [ProjectRow.id == wanted.project]


def _conditions(
    row: type[ExecutionRow], wanted: ExecutionFilter, after: str | None, *, of_project: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list; `of_project` says that one project is looked through at a time."""
    equal: list[tuple[InstrumentedAttribute[Any], object]] = [
        (row.owner, wanted.owner),
        (row.status, wanted.status and wanted.status.value),
        (row.group_name, wanted.group),
        (row.number, wanted.number),
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if after is not None:
        conditions.append(row.id < after)
    if wanted.tag is not None:
        tagged = [TagRow.execution_id == row.id, TagRow.tag == wanted.tag]
        if of_project:
            tagged.append(TagRow.project_id == row.project_id)
        if after is not None:  # said of the tags too, whose index is in this order
            tagged.append(TagRow.execution_id < after)
        conditions.append(exists().where(*tagged))
    return conditions
