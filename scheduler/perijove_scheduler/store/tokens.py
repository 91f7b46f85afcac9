"""Enrolment tokens that are good for so many agents, and for so long."""

from __future__ import annotations

from sqlalchemy import delete, or_, select, update

from perijove.model.ids import new_id
from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.idempotency import Claim, remember
from perijove_scheduler.store.tables import TokenRow


class Tokens:
    """The tokens' rows; of a token only the SHA-256 is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, group: str, token_sha256: str, uses: int, seconds: float, claim: Claim | None = None, made: str = ""
    ) -> TokenRow:
        """Note a token that is good for `uses` agents within `seconds`, and `made` with its key.

        Those that are good no more are forgotten. Raises `KeyUsed`.
        """
        row = TokenRow(
            id=new_id("tk"), group_name=group, token_sha256=token_sha256, uses_left=uses, expires_at=db_ago(-seconds)
        )
        spent = delete(TokenRow).where(or_(TokenRow.uses_left <= 0, TokenRow.expires_at < db_now()))
        async with self._database.write() as session:
            await remember(session, claim, made)
            await session.execute(spent)
            session.add(row)
            await session.flush()
            await session.refresh(row)
        return row

    async def find(self, group: str, token_sha256: str) -> TokenRow | None:
        """Return a token that is kept, good or not."""
        query = select(TokenRow).where(TokenRow.group_name == group, TokenRow.token_sha256 == token_sha256)
        async with self._database.read() as session:
            return (await session.scalars(query)).one_or_none()

    async def spend(self, group: str, token_sha256: str) -> bool:
        """Use a token once; False where there is none, or it is used up or too old."""
        row = TokenRow
        this = (row.group_name == group, row.token_sha256 == token_sha256, row.uses_left > 0, row.expires_at > db_now())
        change = update(row).where(*this).values(uses_left=row.uses_left - 1).returning(row.id)
        async with self._database.write() as session:
            return (await session.scalars(change)).first() is not None

    async def give_back(self, group: str, token_sha256: str) -> None:
        """Take back one use, with which nobody enrolled after all."""
        row = TokenRow
        change = update(row).where(row.group_name == group, row.token_sha256 == token_sha256)
        async with self._database.write() as session:
            await session.execute(change.values(uses_left=row.uses_left + 1))
