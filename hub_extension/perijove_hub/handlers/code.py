"""Code versions: content-addressed snapshots of project folders."""

from __future__ import annotations

from perijove.model.resources import Code
from perijove_hub.call import Call
from perijove_hub.route import Redirect


async def get(call: Call) -> Code:
    """Return a stored code version; a client asks before it sends one again."""
    return await call.services.code.get(call.caller, call.query.project, call.path["code"])


async def put(call: Call) -> Code:
    """Store a snapshot while it arrives."""
    return await call.services.code.put(call.caller, call.query.project, call.path["code"], call.upload, call.length)


async def archive(call: Call) -> Redirect:
    """Redirect to the snapshot's bytes."""
    return Redirect(await call.services.code.url(call.caller, call.query.project, call.path["code"]))
