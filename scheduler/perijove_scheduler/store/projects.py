"""Projects and their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from perijove.model.ids import new_id
from perijove.model.resources import Role
from perijove.model.status import TERMINAL
from perijove.patterns import is_id
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.data import forget_uses
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.idempotency import Claim, NotMade, remember
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import ExecutionRow, MemberRow, ProjectRow
from perijove_scheduler.store.visibility import Tie, Viewer, among_seen, role_of, tie_of

#: How many members and invitations a project may have: all of them are shown with it.
MOST_MEMBERS = 500


@dataclass(frozen=True)
class FoundProject:
    """A project, what its viewer may do there, and why they see it."""

    row: ProjectRow
    role: Role
    tie: Tie = Tie.OWNER


@dataclass(frozen=True)
class FoundInvitation:
    """A project that somebody may become a member of, if they like."""

    project: ProjectRow
    member: MemberRow


@dataclass(frozen=True)
class ProjectDetails:
    """What is only looked up where it is shown: a project's members, and how many executions it has."""

    members: Sequence[MemberRow] = ()
    executions: int = 0


class Projects:
    """The projects' rows, and their members'."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner: str, name: str, claim: Claim | None = None) -> ProjectRow | None:
        """Make a project; None when its owner has one of that name. Raises `KeyUsed`."""
        values = {"id": new_id("pr"), "owner": owner, "name": name, "next_number": 1}
        with suppress(NotMade):
            async with self._database.write() as session:
                await remember(session, claim, str(values["id"]))
                insert = upsert(session, ProjectRow).values(**values, created_at=db_now()).on_conflict_do_nothing()
                if await session.scalar(insert.returning(ProjectRow.id)) is None:
                    raise NotMade
                return await session.get_one(ProjectRow, values["id"])
        return None

    async def find(self, viewer: Viewer, ref: str, limit: int = 1) -> list[FoundProject]:
        """Return up to `limit` projects that `ref` may mean and `viewer` sees, their own first.

        `ref` is an id, ``owner/name``, or a name.
        """
        row = ProjectRow
        query = select(row).where(_means(ref), among_seen(viewer)).order_by(row.owner != viewer.name, row.id)
        async with self._database.read() as session:
            return await _with_roles(session, viewer, list(await session.scalars(query.limit(limit))))

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

    async def set_member(self, project: str, kind: str, name: str, role: Role, by: str = "") -> bool:
        """Give a group a role, or offer it to a user; who is a member already has the new role at once.

        False when the project has as many members as one may have.
        """
        who = {"project_id": project, "kind": kind, "name": name}
        values = {**who, "role": role.value, "accepted": kind == "group", "invited_by": by}
        this = MemberRow.project_id == project
        async with self._database.write() as session:
            count = (await session.scalars(select(func.count()).where(this))).one()
            if count >= MOST_MEMBERS and await session.get(MemberRow, (project, kind, name)) is None:
                return False
            insert = upsert(session, MemberRow).values(**values)
            await session.execute(
                insert.on_conflict_do_update(index_elements=["project_id", "kind", "name"], set_={"role": role.value})
            )
            return True

    async def remove_member(self, project: str, kind: str, name: str, claim: Claim | None = None) -> bool:
        """Take a role or an invitation away; False when there was none. Raises `KeyUsed`."""
        this = (MemberRow.project_id == project, MemberRow.kind == kind, MemberRow.name == name)
        with suppress(NotMade):
            async with self._database.write() as session:
                await remember(session, claim, project)
                if await session.scalar(delete(MemberRow).where(*this).returning(MemberRow.name)) is None:
                    raise NotMade
                return True
        return False

    async def invitations(self, user: str, after: str | None = None, limit: int = 1) -> Sequence[FoundInvitation]:
        """Return up to `limit` invitations of a user that they have not accepted, after the one to project `after`."""
        query = _invited(user).where(~MemberRow.accepted).order_by(ProjectRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(ProjectRow.id < after)
        async with self._database.read() as session:
            return [FoundInvitation(*found) for found in await session.execute(query)]

    async def invited(self, user: str, ref: str, limit: int) -> Sequence[FoundInvitation]:
        """Return up to `limit` projects that `ref` may mean, and that the user was invited to or is a member of."""
        query = _invited(user).where(_means(ref)).order_by(ProjectRow.id).limit(limit)
        async with self._database.read() as session:
            return [FoundInvitation(*found) for found in await session.execute(query)]

    async def accept(self, project: str, user: str, claim: Claim | None = None) -> bool:
        """Let a user's role hold; False when they were not invited. Raises `KeyUsed`."""
        this = (MemberRow.project_id == project, MemberRow.kind == "user", MemberRow.name == user)
        with suppress(NotMade):
            async with self._database.write() as session:
                await remember(session, claim, project)
                accepted = update(MemberRow).where(*this).values(accepted=True).returning(MemberRow.name)
                if await session.scalar(accepted) is None:
                    raise NotMade
                return True
        return False

    async def delete(self, project: str) -> dict[str, str | None] | None:
        """Delete a project with all it owns, or return None when some of its executions are not finished.

        Returns the ids of its executions, each with the digest of the document it ran. Raises
        `perijove_scheduler.store.data.InputInUse` when an execution of another project needs their outputs.
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


async def _with_roles(session: AsyncSession, viewer: Viewer, rows: Sequence[ProjectRow]) -> list[FoundProject]:
    """Leave out those in which the viewer has no role any more."""
    members = await _members(session, [row.id for row in rows if row.owner != viewer.name])
    roles = ((row, role_of(viewer, row, members[row.id]), tie_of(viewer, row, members[row.id])) for row in rows)
    return [FoundProject(row, role, tie) for row, role, tie in roles if role is not None]


def _means(ref: str) -> ColumnElement[bool]:
    """Hold for the projects that an id, ``owner/name`` or a name may mean; what looks like an id is nothing else."""
    owner, _, name = ref.rpartition("/")
    if is_id(ref):
        return ProjectRow.id == ref
    return and_(ProjectRow.name == name, ProjectRow.owner == owner) if owner else ProjectRow.name == ref


def _invited(user: str) -> Select[ProjectRow, MemberRow]:
    mine = (MemberRow.project_id == ProjectRow.id, MemberRow.kind == "user", MemberRow.name == user)
    return select(ProjectRow, MemberRow).join(MemberRow, and_(*mine))


async def _members(session: AsyncSession, projects: Sequence[str]) -> defaultdict[str, list[MemberRow]]:
    """Return projects' members, the users first; no statement for no projects."""
    row = MemberRow
    found: defaultdict[str, list[MemberRow]] = defaultdict(list)
    if projects:
        query = select(row).where(row.project_id.in_(projects)).order_by(row.kind.desc(), row.name)
        for member in await session.scalars(query):
            found[member.project_id].append(member)
    return found
