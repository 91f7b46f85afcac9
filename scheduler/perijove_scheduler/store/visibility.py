"""Which projects somebody sees, as a condition of SQL, by what tie, and what they may do there.

A user's membership counts from when they have accepted it: nobody is put into a project. A Hub group is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

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
        and_(member.kind == "user", member.name == viewer.name, member.accepted),
        and_(member.kind == "group", member.name.in_(sorted(viewer.groups))),
    )
    return select(member.project_id).where(mine)


def role_of(viewer: Viewer, project: ProjectRow, members: Iterable[MemberRow]) -> Role | None:
    """Return the greatest role that `viewer` has in a project, or None."""
    if viewer.admin or project.owner == viewer.name:
        return Role.ADMIN
    roles = [Role(member.role) for member in members if _is(viewer, member)]
    return max(roles, key=_ROLES.index, default=None)


class Tie(str, Enum):
    """Why somebody sees a project: it is theirs, they accepted it, their Hub group has it, or they see everything."""

    OWNER = "owner"
    MEMBER = "member"
    GROUP = "group"
    NONE = "none"


def tie_of(viewer: Viewer, project: ProjectRow, members: Iterable[MemberRow]) -> Tie:
    """Return the closest tie of a viewer to a project."""
    if project.owner == viewer.name:
        return Tie.OWNER
    kinds = {member.kind for member in members if _is(viewer, member)}
    return Tie.MEMBER if "user" in kinds else Tie.GROUP if "group" in kinds else Tie.NONE


def at_least(role: Role | None, least: Role) -> bool:
    """Return whether `role` includes `least`."""
    return role is not None and _ROLES.index(role) >= _ROLES.index(least)


def _is(viewer: Viewer, member: MemberRow) -> bool:
    if member.kind == "user":
        return member.name == viewer.name and member.accepted
    return member.name in viewer.groups
