"""What the service says of itself and of the caller."""

from __future__ import annotations

from perijove._version import __version__
from perijove.model.resources import Info
from perijove_hub.call import Call


async def get(call: Call) -> Info:
    """Return the version, the limits, and what the caller may do."""
    limits, leader = call.services.limits, call.hub.platform.leader
    return Info(
        version=__version__,
        user=call.caller.name,
        admin=call.caller.admin,
        scopes=sorted(call.caller.scopes),
        snapshot_limit=limits.snapshot_limit,
        notebook_limit=limits.notebook_limit,
        replica=leader.replica if call.caller.admin else None,
        leader=leader.known if call.caller.admin else None,
    )
