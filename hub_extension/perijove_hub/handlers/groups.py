"""Worker groups, their enrolment tokens and their workers."""

from __future__ import annotations

from perijove.model.fleet import Group, Worker
from perijove_hub.bodies import CreatedGroup, EnrolmentToken
from perijove_hub.call import Call


async def index(call: Call) -> list[Group]:
    """List the groups the caller may use."""
    return await call.services.groups.list(call.caller)


async def create(call: Call) -> CreatedGroup:
    """Make a group; its enrolment token is shown this once."""
    group, token = await call.services.groups.create(call.caller, call.body.name, call.body.settings)
    return CreatedGroup(group=group, token=token)


async def get(call: Call) -> Group:
    """Return a group."""
    return await call.services.groups.get(call.caller, call.path["group"])


async def update(call: Call) -> Group:
    """Replace a group's settings."""
    return await call.services.groups.update(call.caller, call.path["group"], call.body)


async def delete(call: Call) -> None:
    """Delete a group that nothing waits for."""
    await call.services.groups.delete(call.caller, call.path["group"])


async def new_token(call: Call) -> EnrolmentToken:
    """Replace a group's enrolment token; enrolled workers stay."""
    return EnrolmentToken(token=await call.services.groups.new_token(call.caller, call.path["group"]))


async def workers(call: Call) -> list[Worker]:
    """List a group's workers."""
    return await call.services.groups.workers(call.caller, call.path["group"])


async def drain(call: Call) -> Worker:
    """Let a worker finish what it holds and leave."""
    return await call.services.groups.drain(call.caller, call.path["group"], call.path["worker"])
