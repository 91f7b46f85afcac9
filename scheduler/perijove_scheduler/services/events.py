"""Events that were not applied, as administrators see them."""

from __future__ import annotations

from perijove.model.fleet import RejectedEvent
from perijove.model.resources import Page
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import RejectedEventRow


class Events:
    """What callers may ask about workers' events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def rejected(self, caller: Caller, cursor: str | None, limit: int) -> Page[RejectedEvent]:
        """List events that were set aside, the latest first; of each group the last 200 are kept."""
        caller.require("admin")
        rows = await self._store.rejections.list(cursor, limit + 1)
        following = rows[limit - 1].id if len(rows) > limit else None
        return Page(items=[_shown(row) for row in rows[:limit]], next=following)


def _shown(row: RejectedEventRow) -> RejectedEvent:
    return RejectedEvent(
        id=row.id,
        group=row.group_name,
        worker=row.worker,
        kind=row.kind,
        execution=row.execution_id,
        attempt=row.attempt,
        why=row.why,
        size=row.size,
        document=row.document,
        rejected_at=row.rejected_at,
    )
