"""Worker groups, their enrolment tokens and their workers."""

from __future__ import annotations

from perijove.errors import Conflict, InvalidSpec
from perijove.model.fleet import Group, LimitedToken, RejectedEvent, Worker
from perijove.model.resources import Page
from perijove_hub.bodies import CreatedGroup, EnrolmentToken
from perijove_hub.call import Call

#: Names that a sentence lists.
_NAMED = 5


async def index(call: Call) -> list[Group]:
    """List the groups the caller may use."""
    return await call.services.groups.list(call.caller)


async def create(call: Call) -> CreatedGroup:
    """Make a group; its enrolment token is shown this once."""
    note = await _check_owners(call, call.body.settings.owners)
    group, token = await call.services.groups.create(call.caller, call.body.name, call.body.settings, call.key)
    return CreatedGroup(group=_noted(group, note), token=token)


async def get(call: Call) -> Group:
    """Return a group."""
    return await call.services.groups.get(call.caller, call.path["group"])


async def update(call: Call) -> Group:
    """Replace a group's settings by those of a group, of which the rest is not looked at."""
    name, body = call.path["group"], call.body
    if body.name not in {None, name}:
        raise Conflict(f"This is the group {body.name}, and the address is that of {name}.")
    settings = body.settings()
    note = await _check_new_owners(call, name, settings.owners)
    return _noted(await call.services.groups.update(call.caller, name, settings), note)


async def change(call: Call) -> Group:
    """Change some of a group's settings."""
    name, changes = call.path["group"], call.body.model_dump(exclude_unset=True)
    note = await _check_new_owners(call, name, changes.get("owners") or [])
    return _noted(await call.services.groups.change(call.caller, name, changes), note)


async def delete(call: Call) -> None:
    """Delete a group that nothing waits for."""
    await call.services.groups.delete(call.caller, call.path["group"])


async def new_token(call: Call) -> EnrolmentToken:
    """Replace a group's enrolment token; enrolled workers stay."""
    return EnrolmentToken(token=await call.services.groups.new_token(call.caller, call.path["group"], call.key))


async def limited_token(call: Call) -> LimitedToken:
    """Make a token that is good for some agents, for some time."""
    return await call.services.groups.limited_token(call.caller, call.path["group"], call.body, call.key)


async def evict(call: Call) -> None:
    """Put a worker out at once."""
    await call.services.groups.evict(call.caller, call.path["group"], call.path["worker"])


async def rejected(call: Call) -> Page[RejectedEvent]:
    """List events that were set aside."""
    return await call.services.events.rejected(call.caller, call.query.cursor, call.query.limit)


async def workers(call: Call) -> list[Worker]:
    """List a group's workers."""
    return await call.services.groups.workers(call.caller, call.path["group"])


async def drain(call: Call) -> Worker:
    """Let a worker finish what it holds and leave."""
    return await call.services.groups.drain(call.caller, call.path["group"], call.path["worker"])


async def _check_new_owners(call: Call, group: str, owners: list[str]) -> str:
    """Check those owners that the group does not have yet: a Hub group that was removed stands in no other's way."""
    known = (await call.services.groups.get(call.caller, group)).owners
    return await _check_owners(call, [owner for owner in owners if owner not in known])


async def _check_owners(call: Call, owners: list[str]) -> str:
    """Refuse owners that are no Hub groups; where the Hub does not say, return a sentence about it."""
    unknown = await call.hub.identity.people.unknown_groups(owners)
    if unknown is None:
        return f"The Hub could not be asked whether it has the groups {_few(owners)}."
    if unknown:
        raise InvalidSpec(
            f"The Hub has no group {_few(unknown)}, so nobody of it could use this one.",
            "Make it in the Hub first; owners are names of Hub groups, not of users.",
        )
    return ""


def _noted(group: Group, note: str) -> Group:
    return group.model_copy(update={"note": note})


def _few(names: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
