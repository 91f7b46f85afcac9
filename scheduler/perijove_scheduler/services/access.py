"""Whose is it, and may the caller? What is unknown and what is forbidden to see answer alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perijove.errors import AmbiguousProject, Forbidden, InvalidRequest, UnknownExecution, UnknownProject
from perijove.model.resources import Role
from perijove.patterns import is_id
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import Tie, Viewer, at_least

_NAME_LIMIT = 64
#: How many projects of one name an error lists.
MOST_NAMED = 10


class Access:
    """Finds what a caller names, if they may do with it what they want."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def project(self, caller: Caller, ref: str, least: Role = Role.VIEWER) -> FoundProject:
        """Return the project of that id, ``owner/name`` or name, in which the caller has at least a role.

        Raises
        ------
        perijove.errors.AmbiguousProject
            Several have that name. None of them is picked: which comes first is for others to arrange.
        """
        found = await self._meant(caller.viewer, ref)
        if found is None:
            raise UnknownProject
        if not at_least(found.role, least):
            raise Forbidden(f"In project {found.row.name} you are a {found.role.value}; this takes a {least.value}.")
        return found

    async def _meant(self, viewer: Viewer, ref: str) -> FoundProject | None:
        # What an administrator sees because they see everything is not in their way.
        for who in (replace(viewer, admin=False), viewer) if viewer.admin else (viewer,):
            if found := chosen(ref, await self._store.projects.find(who, ref, MOST_NAMED + 1)):
                return replace(found, role=Role.ADMIN) if viewer.admin else found
        return None

    async def personal(self, caller: Caller) -> FoundProject | None:
        """Return the caller's personal project, which carries their name, if it has been made."""
        found = await self._store.projects.find(caller.viewer, f"{caller.name}/{caller.name[:_NAME_LIMIT]}")
        return found[0] if found else None

    async def make_personal(self, caller: Caller) -> FoundProject:
        """Return the caller's personal project, made now if need be; two who make it at once make one."""
        await self._store.projects.create(caller.name, caller.name[:_NAME_LIMIT])
        found = await self.personal(caller)
        if found is None:
            raise UnknownProject
        return found

    async def execution(self, caller: Caller, execution: str, least: Role = Role.VIEWER) -> FoundExecution:
        """Return an execution, in whose project the caller has at least a role."""
        found = await self._store.executions.find(caller.viewer, execution)
        if found is None:
            raise UnknownExecution
        if least is not Role.VIEWER:
            await self.project(caller, found.row.project_id, least)
        return found

    async def whole(self, caller: Caller, execution: str) -> FoundExecution:
        """Return an execution that the caller sees, with its attempts."""
        found = await self._store.executions.find_whole(caller.viewer, execution)
        if found is None:
            raise UnknownExecution
        return found

    async def executions(self, caller: Caller, executions: Sequence[str], least: Role) -> None:
        """Check that the caller has at least a role in the project of every one of these executions."""
        found = await self._store.executions.projects_of(caller.viewer, executions)
        if missing := set(executions) - set(found):
            raise UnknownExecution(f"There is no execution {min(missing)}, or it is not yours to see.")
        for project in set(found.values()):
            await self.project(caller, project, least)


def chosen(ref: str, found: Sequence[FoundProject]) -> FoundProject | None:
    """Return the one project of `found` that a name means; None where there is none.

    A Hub group is given a project without being asked, so such a project never stands in the way of one's own.

    Raises
    ------
    perijove.errors.AmbiguousProject
        There are several.
    """
    own = [each for each in found if each.tie is Tie.OWNER]
    left = [each for each in found if not own or each.tie in {Tie.OWNER, Tie.MEMBER}]
    if len(left) > 1:
        names = [f"{each.row.owner}/{each.row.name}" for each in left[:MOST_NAMED]]
        more = " and others" if len(left) > MOST_NAMED else ""
        raise AmbiguousProject(f"'{ref}' may mean {', '.join(names)}{more}.")
    return left[0] if left else None


def checked_cursor(cursor: str | None) -> str | None:
    """Return a cursor that a page before gave out; anything else is refused."""
    if cursor is not None and not is_id(cursor):
        raise InvalidRequest("The cursor is not one that a page of this list gave.", "Leave it out to begin anew.")
    return cursor
