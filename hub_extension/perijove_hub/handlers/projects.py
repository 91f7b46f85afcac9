"""Projects and their members."""

from __future__ import annotations

from perijove.model.resources import Invitation, Page, Project
from perijove_hub.call import Call


async def index(call: Call) -> Page[Project]:
    """List the caller's projects."""
    return await call.services.projects.list(call.caller, call.query.cursor, call.query.limit)


async def create(call: Call) -> Project:
    """Make a project that the caller owns."""
    return await call.services.projects.create(call.caller, call.body, call.key)


async def get(call: Call) -> Project:
    """Return a project."""
    return await call.services.projects.get(call.caller, call.path["project"])


async def delete(call: Call) -> None:
    """Delete a project with everything it owns."""
    await call.services.projects.delete(call.caller, call.path["project"])


async def set_member(call: Call) -> Project:
    """Give a user or a Hub group a role."""
    path = call.path
    return await call.services.projects.set_member(
        call.caller, path["project"], path["kind"], path["name"], call.body.role
    )


async def remove_member(call: Call) -> Project:
    """Take a user's or a Hub group's role away."""
    path = call.path
    return await call.services.projects.remove_member(call.caller, path["project"], path["kind"], path["name"])


async def invitations(call: Call) -> Page[Invitation]:
    """List the projects that others ask the caller to join."""
    return await call.services.projects.invitations(call.caller, call.query.cursor, call.query.limit)


async def accept(call: Call) -> Project:
    """Join a project."""
    return await call.services.projects.accept(call.caller, call.path["project"], call.key)


async def decline(call: Call) -> None:
    """Do not join a project, or leave it."""
    await call.services.projects.decline(call.caller, call.path["project"], call.key)
