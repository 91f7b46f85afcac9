"""Outputs and the two notebooks of an execution: found here, fetched from signed URLs."""

from __future__ import annotations

from perijove.model.resources import Outputs
from perijove_hub.call import Call
from perijove_hub.route import Redirect


async def index(call: Call) -> Outputs:
    """List an execution's outputs, and what is not among them."""
    query = call.query
    return await call.services.outputs.list(call.caller, call.path["execution"], query.cursor, query.limit)


async def get(call: Call) -> Redirect:
    """Redirect to an output's bytes."""
    return Redirect(await call.services.outputs.url(call.caller, call.path["execution"], call.path["name"]))


async def notebook(call: Call) -> Redirect:
    """Redirect to the executed or the submitted notebook."""
    return Redirect(await call.services.outputs.notebook(call.caller, call.path["execution"], call.query.which))


async def payload(call: Call) -> Redirect:
    """Redirect to the content of a record that was too large for it."""
    execution, sha256 = call.path["execution"], call.path["sha256"]
    return Redirect(await call.services.outputs.payload(call.caller, execution, call.query.attempt, sha256))
