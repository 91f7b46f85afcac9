"""Idempotency-Keys: what a caller asked with one, and what it made."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import changed
from perijove_scheduler.store.tables import IdempotencyRow


class Idempotency:
    """The keys' rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner: str, key: str) -> IdempotencyRow | None:
        """Return what a key was used for."""
        async with self._database.read() as session:
            return await session.get(IdempotencyRow, (owner, key))

    async def forget(self, older_than_seconds: float) -> int:
        """Forget old keys; return how many."""
        old = delete(IdempotencyRow).where(IdempotencyRow.created_at < db_ago(older_than_seconds))
        async with self._database.write() as session:
            return await changed(session, old)


def remember(session: AsyncSession, owner: str, key: str, request_sha256: str, execution: str) -> None:
    """Note, in the transaction that makes an execution, the key it was asked for with."""
    row = IdempotencyRow(
        owner=owner, key=key, request_sha256=request_sha256, execution_id=execution, created_at=db_now()
    )
    session.add(row)
