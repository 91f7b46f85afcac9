"""Projects: made, found, shared, deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound
from perijove.model.ids import REFERENCE_PATTERN
from perijove.model.resources import CreateProject, Page, Project, Role
from perijove_scheduler.services import present
from perijove_scheduler.services.access import Access, checked_cursor
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.store.projects import FoundProject, ProjectDetails
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import at_least

_KINDS = ("user", "group")
_NAME = re.compile(REFERENCE_PATTERN)
_MEMBER_NAME_LIMIT = 255


class Projects:
    """What callers may do with projects."""

    def __init__(self, store: Store, access: Access, leftovers: Leftovers) -> None:
        self._store = store
        self._access = access
        self._leftovers = leftovers

    async def list(self, caller: Caller, cursor: str | None = None, limit: int = 50) -> Page[Project]:
        """List the projects the caller sees, the newest first."""
        caller.require("read")
        rows = await self._store.projects.list(caller.viewer, checked_cursor(cursor), limit + 1)
        items = [*await self._shown(rows[:limit])]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

    async def create(self, caller: Caller, request: CreateProject) -> Project:
        """Make a project that the caller owns."""
        caller.require("submit")
        row = await self._store.projects.create(caller.name, request.name)
        if row is None:
            raise Conflict(f"You already have a project named {request.name}.", "Choose another name.")
        return present.project(FoundProject(row, Role.ADMIN), ProjectDetails())

    async def get(self, caller: Caller, ref: str) -> Project:
        """Return a project."""
        caller.require("read")
        return await self.resolve(caller, ref, Role.VIEWER)

    async def delete(self, caller: Caller, ref: str) -> None:
        """Delete a project with its executions and their files; all of them must have ended.

        Objects of code versions stay: they are shared by their content, and another project may be adding one now.
        """
        caller.require("submit")
        found = await self._access.project(caller, ref, Role.ADMIN)
        executions = await self._store.projects.delete(found.row.id)
        if executions is None:
            raise Conflict("Some of its executions have not ended.", "Stop them first, and wait until they have.")
        await self._leftovers.of_executions([*executions])
        for sha256 in sorted({sha256 for sha256 in executions.values() if sha256 is not None}):
            await self._leftovers.of_notebook(sha256)

    async def set_member(self, caller: Caller, ref: str, kind: str, name: str, role: Role) -> Project:
        """Give a Hub user or a Hub group a role in a project."""
        caller.require("submit")
        found = await self._shared(caller, ref, kind, name)
        await self._store.projects.set_member(found.row.id, kind, name, role)
        return await self.resolve(caller, found.row.id, Role.VIEWER)

    async def remove_member(self, caller: Caller, ref: str, kind: str, name: str) -> Project:
        """Take a role away."""
        caller.require("submit")
        found = await self._shared(caller, ref, kind, name)
        if not await self._store.projects.remove_member(found.row.id, kind, name):
            raise NotFound("It has no such member.")
        after = await self._store.projects.find(caller.viewer, found.row.id)
        return await self._one(after or found)  # one who took their own role away sees it this last time

    async def resolve(self, caller: Caller, ref: str | None, least: Role) -> Project:
        """Return the project of that id or name; for None the caller's personal one, made if need be."""
        if ref is not None:
            return await self._one(await self._access.project(caller, ref, least))
        personal = await self._access.personal(caller) or await self._access.make_personal(caller)
        if not at_least(personal.role, least):
            raise Forbidden
        return await self._one(personal)

    async def _one(self, found: FoundProject) -> Project:
        return (await self._shown([found]))[0]

    async def _shown(self, found: Sequence[FoundProject]) -> Sequence[Project]:
        details = await self._store.projects.details([each.row.id for each in found])
        return [present.project(each, details[each.row.id]) for each in found]

    async def _shared(self, caller: Caller, ref: str, kind: str, name: str) -> FoundProject:
        if kind not in _KINDS:
            raise InvalidRequest("A member is a 'user' or a 'group'.")
        if not _NAME.match(name) or len(name) > _MEMBER_NAME_LIMIT:
            raise InvalidRequest("This is not a name of a Hub user or group.")
        return await self._access.project(caller, ref, Role.ADMIN)
