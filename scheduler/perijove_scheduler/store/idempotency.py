"""Idempotency-Keys: what a caller asked with one, and what it made.

A key is written in the transaction that makes what was asked for. So one of several requests at once makes it, and a
service that is killed in between has made either both or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import changed, upsert
from perijove_scheduler.store.tables import IdempotencyRow


class KeyUsed(Exception):
    """An Idempotency-Key was used meanwhile by another request; nothing was written."""


class NotMade(Exception):
    """What was asked for cannot be made; raised in its transaction, so that its key is not used up."""


@dataclass(frozen=True)
class Claim:
    """A caller's key, and the digest of what they ask with it."""

    owner: str
    key: str
    request_sha256: str


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


async def remember(session: AsyncSession, claim: Claim | None, made: str) -> None:
    """Note, in the transaction that makes something, the key it was asked for with; nothing without a key.

    Who comes second waits for the first one's transaction.

    Raises
    ------
    KeyUsed
        Another request had the key first.
    """
    if claim is None:
        return
    values = {"owner": claim.owner, "key": claim.key, "request_sha256": claim.request_sha256, "made": made}
    insert = upsert(session, IdempotencyRow).values(**values, created_at=db_now()).on_conflict_do_nothing()
    if await session.scalar(insert.returning(IdempotencyRow.key)) is None:
        raise KeyUsed
