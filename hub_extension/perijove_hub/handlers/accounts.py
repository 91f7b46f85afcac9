"""Hub accounts: what belongs to one given to another, and the audit of that."""

from __future__ import annotations

from perijove.model.resources import AuditEntry, Page
from perijove_hub.call import Call


async def hand_over(call: Call) -> AuditEntry:
    """Give all that one user owns to another."""
    return await call.services.accounts.hand_over(call.caller, call.path["user"], call.body.to, call.key)


async def audit(call: Call) -> Page[AuditEntry]:
    """List what was handed over."""
    return await call.services.accounts.audit(call.caller, call.query.cursor, call.query.limit)
