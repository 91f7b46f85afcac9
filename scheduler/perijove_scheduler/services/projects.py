"""Projects: made, found, shared, deleted. Who is made a member of one is asked first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound
from perijove.model.ids import REFERENCE_PATTERN
from perijove.model.resources import CreateProject, Invitation, Page, Project, Role
from perijove.patterns import is_id
from perijove_scheduler.services import present
from perijove_scheduler.services.access import MOST_NAMED, Access, checked_cursor, chosen
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.inputs import refusing_inputs
from perijove_scheduler.services.keys import Keys
from perijove_scheduler.services.leftovers import Leftovers
from perijove_scheduler.store.projects import MOST_MEMBERS, FoundProject, ProjectDetails
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import Tie, at_least

_KINDS = ("user", "group")
_NAME = re.compile(REFERENCE_PATTERN)
_MEMBER_NAME_LIMIT = 255
_NOT_INVITED = "You have no invitation to such a project."


class Projects:
    """What callers may do with projects."""

    def __init__(self, store: Store, access: Access, leftovers: Leftovers) -> None:
        self._store = store
        self._keys = Keys(store)
        self._access = access
        self._leftovers = leftovers

    async def list(self, caller: Caller, cursor: str | None = None, limit: int = 50) -> Page[Project]:
        """List the projects the caller sees, the newest first."""
        caller.require("read")
        rows = await self._store.projects.list(caller.viewer, checked_cursor(cursor), limit + 1)
        items = [*await self._shown(rows[:limit])]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

    async def create(self, caller: Caller, request: CreateProject, key: str | None = None) -> Project:
        """Make a project that the caller owns."""
        caller.require("submit")
        if is_id(request.name):
            raise InvalidRequest("A project's name must not look like an id.", "Choose another name.")
        claim = await self._keys.claim(caller, key, "create project", request)

        async def make() -> Project:
            row = await self._store.projects.create(caller.name, request.name, claim)
            if row is None:
                raise Conflict(f"You already have a project named {request.name}.", "Choose another name.")
            return present.project(FoundProject(row, Role.ADMIN), ProjectDetails())

        return await self._keys.once(claim, make, lambda made: self.resolve(caller, made, Role.VIEWER))

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
        with refusing_inputs():
            executions = await self._store.projects.delete(found.row.id)
        if executions is None:
            raise Conflict("Some of its executions have not ended.", "Stop them first, and wait until they have.")
        await self._leftovers.of_executions([*executions])
        for sha256 in sorted({sha256 for sha256 in executions.values() if sha256 is not None}):
            await self._leftovers.of_notebook(sha256)

    async def set_member(self, caller: Caller, ref: str, kind: str, name: str, role: Role) -> Project:
        """Give a Hub group a role in a project, or offer it to a Hub user, for whom it holds when they accept it."""
        caller.require("submit")
        found = await self._shared(caller, ref, kind, name)
        if (kind, name) == ("user", found.row.owner):
            raise InvalidRequest(f"{name} owns the project.", "Its owner is its admin already.")
        if not await self._store.projects.set_member(found.row.id, kind, name, role, caller.name):
            raise Conflict(f"A project has at most {MOST_MEMBERS} members.", "Share it with a Hub group.")
        return await self.resolve(caller, found.row.id, Role.VIEWER)

    async def remove_member(self, caller: Caller, ref: str, kind: str, name: str) -> Project:
        """Take a role or an invitation away; everybody may give up their own."""
        caller.require("submit")
        own = (kind, name) == ("user", caller.name)
        found = await self._shared(caller, ref, kind, name, Role.VIEWER if own else Role.ADMIN)
        if not await self._store.projects.remove_member(found.row.id, kind, name):
            raise NotFound("It has no such member.")
        after = await self._store.projects.find(caller.viewer, found.row.id)
        return await self._one(after[0] if after else found)  # who took their own role away sees it this last time

    async def resolve(self, caller: Caller, ref: str | None, least: Role) -> Project:
        """Return the project of that id or name; for None the caller's personal one, made if need be."""
        if ref is not None:
            return await self._one(await self._access.project(caller, ref, least))
        personal = await self._access.personal(caller) or await self._access.make_personal(caller)
        if not at_least(personal.role, least):
            raise Forbidden
        return await self._one(personal)

    async def invitations(self, caller: Caller, cursor: str | None = None, limit: int = 50) -> Page[Invitation]:
        """List the projects that others would like the caller to join, the newest first."""
        caller.require("read")
        rows = await self._store.projects.invitations(caller.name, checked_cursor(cursor), limit + 1)
        items = [present.invitation(row) for row in rows[:limit]]
        return Page(items=items, next=items[-1].project if len(rows) > limit else None)

    async def accept(self, caller: Caller, ref: str, key: str | None = None) -> Project:
        """Become a member; who is one already stays one."""
        caller.require("submit")
        claim = await self._keys.claim(caller, key, f"accept {ref}")

        async def make() -> Project:
            project = await self._invited(caller, ref)
            if not await self._store.projects.accept(project, caller.name, claim):
                raise NotFound(_NOT_INVITED)
            return await self.resolve(caller, project, Role.VIEWER)

        return await self._keys.once(claim, make, lambda made: self.resolve(caller, made, Role.VIEWER))

    async def decline(self, caller: Caller, ref: str, key: str | None = None) -> None:
        """Do not become a member, or be one no longer."""
        caller.require("submit")
        claim = await self._keys.claim(caller, key, f"decline {ref}")

        async def make() -> None:
            project = await self._invited(caller, ref)
            if not await self._store.projects.remove_member(project, "user", caller.name, claim):
                raise NotFound(_NOT_INVITED)

        async def again(_: str) -> None:
            return None

        await self._keys.once(claim, make, again)

    async def _invited(self, caller: Caller, ref: str) -> str:
        """Return the id of the project that an invitation is to, by its id, ``owner/name``, or name."""
        found = await self._store.projects.invited(caller.name, ref, MOST_NAMED + 1)
        if not found:
            raise NotFound(_NOT_INVITED, "`perijove projects invitations` lists your invitations.")
        ties = [FoundProject(each.project, Role(each.member.role), Tie.MEMBER) for each in found]
        chosen(ref, ties)
        return found[0].project.id

    async def _one(self, found: FoundProject) -> Project:
        return (await self._shown([found]))[0]

    async def _shown(self, found: Sequence[FoundProject]) -> Sequence[Project]:
        details = await self._store.projects.details([each.row.id for each in found])
        return [present.project(each, details[each.row.id]) for each in found]

    async def _shared(self, caller: Caller, ref: str, kind: str, name: str, least: Role = Role.ADMIN) -> FoundProject:
        if kind not in _KINDS:
            raise InvalidRequest("A member is a 'user' or a 'group'.")
        if not _NAME.fullmatch(name) or len(name) > _MEMBER_NAME_LIMIT:
            raise InvalidRequest("This is not a name of a Hub user or group.")
        return await self._access.project(caller, ref, least)
