"""Whose is it, and may the caller? What is unknown and what is forbidden to see answer alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perijove.errors import Forbidden, InvalidRequest, UnknownExecution, UnknownProject
from perijove.model.ids import ID_PATTERN
from perijove.model.resources import Role
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.projects import FoundProject
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import at_least

_NAME_LIMIT = 64
_ID = re.compile(ID_PATTERN)


class Access:
    """Finds what a caller names, if they may do with it what they want."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def project(self, caller: Caller, ref: str, least: Role = Role.VIEWER) -> FoundProject:
        """Return the project of that id or name, in which the caller has at least a role."""
        found = await self._store.projects.find(caller.viewer, ref)
        if found is None:
            raise UnknownProject
        if not at_least(found.role, least):
            raise Forbidden(f"In project {found.row.name} you are a {found.role.value}; this takes a {least.value}.")
        return found

    async def personal(self, caller: Caller) -> FoundProject | None:
        """Return the caller's personal project, which carries their name, if it has been made."""
        found = await self._store.projects.find(caller.viewer, caller.name[:_NAME_LIMIT])
        return found if found is not None and found.row.owner == caller.name else None

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


def checked_cursor(cursor: str | None) -> str | None:
    """Return a cursor that a page before gave out; anything else is refused."""
    if cursor is not None and not _ID.match(cursor):
        raise InvalidRequest("The cursor is not one that a page of this list gave.", "Leave it out to begin anew.")
    return cursor
