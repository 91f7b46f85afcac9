"""Events that were not applied: kept for whoever wants to know, the latest of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from perijove.model.ids import new_ids
from perijove.safe_json import repaired_text
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.documents import plain_text
from perijove_scheduler.store.tables import RejectedEventRow

#: How many are kept of each group, and how much of each: the rest is counted only.
KEPT = 200
_DOCUMENT = 8 * 1024
_WHY = 500


@dataclass(frozen=True)
class Rejection:
    """An event that was not applied, and why. `worker`, `kind` and `execution` are what it says, true or not."""

    group: str
    worker: str
    kind: str
    execution: str
    attempt: int
    why: str
    document: bytes


class Rejections:
    """The rows of rejected events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, group: str, rejections: Sequence[Rejection]) -> None:
        """Keep the latest of `rejections`, and let go of the oldest of that group."""
        latest = rejections[-KEPT:]
        ids = new_ids("rj", len(latest))
        row = RejectedEventRow
        kept = select(row.id).where(row.group_name == group).order_by(row.id.desc()).limit(KEPT)
        async with self._database.write() as session:
            session.add_all(_row(id_, each) for id_, each in zip(ids, latest, strict=True))
            await session.flush()
            await session.execute(delete(row).where(row.group_name == group, row.id.not_in(kept)))

    async def list(self, before: str | None, limit: int) -> list[RejectedEventRow]:
        """Return the latest, newest first; `before` is the id of the last one seen."""
        row = RejectedEventRow
        query = select(row).order_by(row.id.desc()).limit(limit)
        if before:
            query = query.where(row.id < before)
        async with self._database.read() as session:
            return list(await session.scalars(query))


def _row(id_: str, rejection: Rejection) -> RejectedEventRow:
    return RejectedEventRow(
        id=id_,
        group_name=rejection.group,
        worker=_text(rejection.worker, 64),
        kind=_text(rejection.kind, 32),
        execution_id=_text(rejection.execution, 40),
        attempt=rejection.attempt,
        why=_text(rejection.why, _WHY),
        size=len(rejection.document),
        document=_text(rejection.document[:_DOCUMENT].decode(errors="replace"), _DOCUMENT),
        rejected_at=db_now(),
    )


def _text(text: str, limit: int) -> str:
    return plain_text(repaired_text(text))[:limit]
