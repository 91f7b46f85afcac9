"""Projects and their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.ids import new_id
from perijove.model.resources import Role
from perijove.model.status import TERMINAL
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.data import forget_uses
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import ExecutionRow, MemberRow, ProjectRow
from perijove_scheduler.store.visibility import Viewer, among_seen, role_of, sees


@dataclass(frozen=True)
class FoundProject:
    """A project, and what its viewer may do there."""

    row: ProjectRow
    role: Role


@dataclass(frozen=True)
class ProjectDetails:
    """What is only looked up where it is shown: a project's members, and how many executions it has."""

    members: Sequence[MemberRow] = ()
    executions: int = 0


class Projects:
    """The projects' rows, and their members'."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner: str, name: str) -> ProjectRow | None:
        """Make a project; None when its owner has one of that name."""
        values = {"id": new_id("pr"), "owner": owner, "name": name, "next_number": 1}
        async with self._database.write() as session:
            insert = upsert(session, ProjectRow).values(**values, created_at=db_now()).on_conflict_do_nothing()
            made = await session.scalar(insert.returning(ProjectRow.id))
            return None if made is None else await session.get_one(ProjectRow, made)

    async def find(self, viewer: Viewer, ref: str) -> FoundProject | None:
        """Return the project of that id or name if `viewer` sees it; of several of one name, their own first."""
        async with self._database.read() as session:
            found = await _with_roles(session, viewer, list(await session.scalars(_named(viewer, ref))))
        return found[0] if found else None

    async def list(self, viewer: Viewer, after: str | None, limit: int) -> Sequence[FoundProject]:
        """Return up to `limit` projects that `viewer` sees, the newest first, after the one with id `after`."""
        query = select(ProjectRow).where(among_seen(viewer)).order_by(ProjectRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(ProjectRow.id < after)
        async with self._database.read() as session:
            return await _with_roles(session, viewer, list(await session.scalars(query)))

    async def details(self, projects: Sequence[str]) -> dict[str, ProjectDetails]:
        """Return the members of projects, and how many executions each has: two statements however many there are."""
        counts = select(ProjectRow.id, ProjectRow.executions).where(ProjectRow.id.in_(projects))
        async with self._database.read() as session:
            members = await _members(session, projects)
            executions = {each.id: each.executions for each in await session.execute(counts)}
        return {id_: ProjectDetails(members[id_], executions.get(id_, 0)) for id_ in projects}

    async def set_member(self, project: str, kind: str, name: str, role: Role) -> None:
        """Give a user or a group a role."""
        values = {"project_id": project, "kind": kind, "name": name, "role": role.value}
        async with self._database.write() as session:
            insert = upsert(session, MemberRow).values(**values)
            await session.execute(
                insert.on_conflict_do_update(index_elements=["project_id", "kind", "name"], set_={"role": role.value})
            )

    async def remove_member(self, project: str, kind: str, name: str) -> bool:
        """Take a role away; False when there was none."""
        this = (MemberRow.project_id == project, MemberRow.kind == kind, MemberRow.name == name)
        async with self._database.write() as session:
            return await session.scalar(delete(MemberRow).where(*this).returning(MemberRow.name)) is not None

    async def delete(self, project: str) -> dict[str, str | None] | None:
        """Delete a project with all it owns, or return None when some of its executions are not finished.

        Returns the ids of its executions, each with the digest of the document it ran.
        """
        row = ExecutionRow
        async with self._database.write() as session:
            # Locked as by the one who numbers a new execution, which therefore comes before this or not at all.
            await session.execute(select(ProjectRow.id).where(ProjectRow.id == project).with_for_update())
            found = (
                await session.execute(select(row.id, row.status, row.notebook).where(row.project_id == project))
            ).all()
            if any(status not in TERMINAL for _, status, _ in found):
                return None
            await forget_uses(session, row.project_id == project)
            await session.execute(delete(ProjectRow).where(ProjectRow.id == project))
            return {id_: notebook for id_, _, notebook in found}


def _named(viewer: Viewer, ref: str) -> Select[ProjectRow]:
    """Select the project of that id or name; each way to find it is looked up by an index of its own."""
    row = ProjectRow
    by_id = select(row.id, literal(0).label("rank")).where(row.id == ref, sees(viewer))
    own = select(row.id, literal(1)).where(row.owner == viewer.name, row.name == ref)
    shared = select(row.id, literal(2)).where(row.name == ref, sees(viewer)).order_by(row.id).limit(1).subquery()
    ways = union_all(by_id, own, select(shared)).subquery("ways")
    return select(row).join(ways, ways.c.id == row.id).order_by(ways.c.rank, row.id).limit(1)


async def _with_roles(session: AsyncSession, viewer: Viewer, rows: Sequence[ProjectRow]) -> list[FoundProject]:
    """Leave out those in which the viewer has no role any more."""
    others = [row.id for row in rows if role_of(viewer, row, ()) is None]
    members = await _members(session, others)
    roles = ((row, role_of(viewer, row, members[row.id])) for row in rows)
    return [FoundProject(row, role) for row, role in roles if role is not None]


async def _members(session: AsyncSession, projects: Sequence[str]) -> defaultdict[str, list[MemberRow]]:
    """Return projects' members, the users first; no statement for no projects."""
    row = MemberRow
    found: defaultdict[str, list[MemberRow]] = defaultdict(list)
    if projects:
        query = select(row).where(row.project_id.in_(projects)).order_by(row.kind.desc(), row.name)
        for member in await session.scalars(query):
            found[member.project_id].append(member)
    return found
