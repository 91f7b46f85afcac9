"""For how long what has ended is kept."""

from __future__ import annotations

from perijove.model.retention import RetentionReport, RetentionSettings
from perijove_hub.call import Call


async def report(call: Call) -> RetentionReport:
    """Say what the next sweep would remove if it ran now."""
    return await call.services.retention.report(call.caller)


async def sweep(call: Call) -> RetentionReport:
    """Sweep now."""
    return await call.services.retention.sweep(call.caller, call.body)


async def get(call: Call) -> RetentionSettings:
    """Return what a project says itself."""
    return await call.services.retention.of_project(call.caller, call.path["project"])


async def put(call: Call) -> RetentionSettings:
    """Replace what a project says."""
    return await call.services.retention.replace(call.caller, call.path["project"], call.body)
