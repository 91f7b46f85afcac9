"""Agents enrol and leave with their group's enrolment token, in the body: they have no Hub token."""

from __future__ import annotations

from perijove.model.fleet import Enrolment
from perijove_hub.call import Call


async def enrol(call: Call) -> Enrolment:
    """Give an agent its id and its Redis user."""
    return await call.services.agents.enrol(call.body)


async def release(call: Call) -> None:
    """Take back what an agent was given."""
    await call.services.agents.release(call.body.group, call.body.token, call.path["worker"])
