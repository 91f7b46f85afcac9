"""The people behind the names: who they are to the Hub, and what goes from one name to another.

A name of the Hub is not a person: an account can be deleted and another one made of the same name, and an account can
be renamed. When the Hub says that an account was made is what tells two of one name apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from perijove.model.ids import new_id
from perijove.model.resources import Role
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.idempotency import Claim, NotMade, remember
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import (
    AccountRow,
    AuditRow,
    CodeRow,
    ExecutionRow,
    IdempotencyRow,
    MemberRow,
    ProjectRow,
)

#: How many entries the audit keeps, the newest.
AUDIT_KEPT = 10_000
_NAME_LIMIT = 64
_ROLES = list(Role)


@dataclass(frozen=True)
class Moved:
    """What went from one name to another."""

    projects: int = 0
    executions: int = 0
    memberships: int = 0


class Accounts:
    """The accounts' rows, what is owned by their names, and the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bind(self, name: str, created: str) -> str:
        """Note when a name's account was made, if nobody of that name was seen before; return what is noted."""
        async with self._database.read() as session:
            known = await session.get(AccountRow, name)
        if known is not None:
            return known.created
        values = {"name": name, "created": created}
        async with self._database.write() as session:
            await session.execute(
                upsert(session, AccountRow).values(**values, seen_at=db_now()).on_conflict_do_nothing()
            )
            return (await session.get_one(AccountRow, name)).created

    async def rebind(self, name: str, before: str, created: str) -> None:
        """Note that a name's account was made at another time, though it is the same person's."""
        this = (AccountRow.name == name, AccountRow.created == before)
        async with self._database.write() as session:
            await session.execute(update(AccountRow).where(*this).values(created=created))

    async def park(self, name: str, before: str, created: str, elsewhere: str) -> bool:
        """Move all that a former account of a name owns to `elsewhere`, and bind the name to the new account.

        False when another request did so first, or there is nothing to move.
        """
        this = (AccountRow.name == name, AccountRow.created == before)
        async with self._database.write() as session:
            bound = update(AccountRow).where(*this).values(created=created, seen_at=db_now())
            if await session.scalar(bound.returning(AccountRow.name)) is None:
                return False
            moved = await _move(session, name, elsewhere)
            if moved != Moved():
                await _note(session, new_id("au"), "perijove", "park", name, elsewhere, moved)
            return moved != Moved()

    async def hand_over(self, actor: str, source: str, target: str, claim: Claim | None = None) -> AuditRow | None:
        """Move all that one name owns to another, and write it down; None when the name owns nothing.

        It is one transaction: all of it moves, or none. Raises `KeyUsed`.
        """
        with suppress(NotMade):
            async with self._database.write() as session:
                id_ = new_id("au")
                await remember(session, claim, id_)
                moved = await _move(session, source, target)
                if moved == Moved():
                    raise NotMade
                return await _note(session, id_, actor, "hand_over", source, target, moved)
        return None

    async def audit(self, after: str | None, limit: int) -> Sequence[AuditRow]:
        """Return up to `limit` entries, the newest first, after the one with id `after`."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        if after is not None:
            query = query.where(AuditRow.id < after)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def entry(self, id_: str) -> AuditRow | None:
        """Return one entry."""
        async with self._database.read() as session:
            return await session.get(AuditRow, id_)


async def _note(
    session: AsyncSession, id_: str, actor: str, action: str, source: str, target: str, moved: Moved
) -> AuditRow:
    """Write an entry; the oldest beyond `AUDIT_KEPT` go."""
    now = (await session.scalars(select(db_now()))).one()
    entry = AuditRow(id=id_, at=now, actor=actor, action=action, source=source, target=target, detail=asdict(moved))
    session.add(entry)
    await session.flush()
    oldest = select(AuditRow.id).order_by(AuditRow.id.desc()).offset(AUDIT_KEPT).limit(1).scalar_subquery()
    await session.execute(delete(AuditRow).where(AuditRow.id <= oldest))
    return entry


async def _move(session: AsyncSession, source: str, target: str) -> Moved:
    projects = await _move_projects(session, source, target)
    row = ExecutionRow
    executions = (await session.scalars(select(func.count()).where(row.owner == source))).one()
    await session.execute(update(row).where(row.owner == source).values(owner=target))
    await session.execute(update(CodeRow).where(CodeRow.created_by == source).values(created_by=target))
    memberships = await _move_memberships(session, source, target)
    key, other = IdempotencyRow, aliased(IdempotencyRow)
    taken = exists().where(other.owner == target, other.key == key.key)
    await session.execute(update(key).where(key.owner == source, ~taken).values(owner=target))
    await session.execute(delete(key).where(key.owner == source))
    return Moved(projects, executions, memberships)


async def _move_projects(session: AsyncSession, source: str, target: str) -> int:
    """Move projects; the personal one becomes the new owner's, a name they have already gets a number."""
    found = list(await session.scalars(select(ProjectRow).where(ProjectRow.owner == source).with_for_update()))
    names = set(await session.scalars(select(ProjectRow.name).where(ProjectRow.owner == target)))
    for project in sorted(found, key=lambda each: each.name != source[:_NAME_LIMIT]):
        personal = project.name == source[:_NAME_LIMIT] and target[:_NAME_LIMIT] not in names
        name = _free(target[:_NAME_LIMIT] if personal else project.name, names)
        names.add(name)
        project.name, project.owner = name, target
    await session.flush()
    return len(found)


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken: itself, or with a number behind it."""
    number, free = 2, name
    while free in taken:
        end = f"-{number}"
        number, free = number + 1, name[: _NAME_LIMIT - len(end)] + end
    return free


async def _move_memberships(session: AsyncSession, source: str, target: str) -> int:
    """Move memberships; of two in one project the better stays, and an owner needs none."""
    row = MemberRow
    query = select(row).where(row.kind == "user", row.name.in_([source, target])).with_for_update()
    found = list(await session.scalars(query))
    owned = set(await session.scalars(select(ProjectRow.id).where(ProjectRow.owner == target)))
    known = {each.project_id: each for each in found if each.name == target}
    moving = [each for each in found if each.name == source]
    for each in moving:
        if (theirs := known.get(each.project_id)) is None:
            each.name = target
        else:
            theirs.role, theirs.accepted = _better(each, theirs)
            await session.delete(each)
    for each in found:
        if each.project_id in owned:
            await session.delete(each)
    await session.flush()
    return len(moving)


def _better(one: MemberRow, other: MemberRow) -> tuple[str, bool]:
    """Return the role of the two that counts: what was accepted before what was not, then the greater."""
    best = max(one, other, key=lambda member: (member.accepted, _ROLES.index(Role(member.role))))
    return best.role, best.accepted
