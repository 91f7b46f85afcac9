"""Which projects somebody sees, as a condition of SQL, and what they may do there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, union

from perijove.model.resources import Role
from perijove_scheduler.store.tables import MemberRow, ProjectRow

_ROLES = list(Role)


@dataclass(frozen=True)
class Viewer:
    """A Hub user with their Hub groups; `admin` sees everything."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False


def sees(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on `ProjectRow` under which `viewer` sees a project, for projects that are known already."""
    if viewer.admin:
        return true()
    return or_(ProjectRow.owner == viewer.name, ProjectRow.id.in_(_shared_with(viewer)))


def among_seen(viewer: Viewer) -> ColumnElement[bool]:
    """Return the same condition for finding the projects: those of the viewer are looked up, and no others."""
    if viewer.admin:
        return true()
    own = select(ProjectRow.id).where(ProjectRow.owner == viewer.name)
    return ProjectRow.id.in_(union(own, _shared_with(viewer)))


def _shared_with(viewer: Viewer) -> Select[str]:
    member = MemberRow
    mine = or_(
        and_(member.kind == "user", member.name == viewer.name),
        and_(member.kind == "group", member.name.in_(sorted(viewer.groups))),
    )
    return select(member.project_id).where(mine)


def role_of(viewer: Viewer, project: ProjectRow, members: Iterable[MemberRow]) -> Role | None:
    """Return the greatest role that `viewer` has in a project, or None."""
    if viewer.admin or project.owner == viewer.name:
        return Role.ADMIN
    roles = [Role(member.role) for member in members if _is(viewer, member)]
    return max(roles, key=_ROLES.index, default=None)


def at_least(role: Role | None, least: Role) -> bool:
    """Return whether `role` includes `least`."""
    return role is not None and _ROLES.index(role) >= _ROLES.index(least)


def _is(viewer: Viewer, member: MemberRow) -> bool:
    return member.name == viewer.name if member.kind == "user" else member.name in viewer.groups
