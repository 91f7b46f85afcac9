"""Who leads: one row, held for a time by the database's clock; its epoch fences what its holder writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import ColumnElement

from perijove.errors import Unavailable
from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.rows import upsert
from perijove_scheduler.store.tables import LeaseRow

_LEADER = "leader"


class Deposed(Unavailable):
    """Another replica leads by now."""

    default_hint = "What it leaves undone the new leader does."


@dataclass(frozen=True)
class Term:
    """One time of leading. `epoch` grows with every one, whoever leads: it is the fence."""

    holder: str
    epoch: int


@dataclass(frozen=True)
class Leader:
    """Who leads, as the database says.

    Attributes
    ----------
    holder : str
        The replica's name; empty when nobody ever led.
    remaining : float
        Seconds until its lease ends; not above zero when it has ended.
    """

    holder: str
    epoch: int
    since: datetime | None
    remaining: float


_NOBODY = Leader("", 0, None, 0.0)


class Leadership:
    """The lease on leading.

    Every transaction of a leader reads the row with a lock that a renewal does not wait for, and a successor does
    (`check`). So what a deposed leader has under way is either committed before the next term begins, or refused.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def leader(self) -> Leader:
        """Return who leads."""
        async with self._database.read() as session:
            return await _look(session)

    async def campaign(self, holder: str, seconds: float) -> Term | None:
        """Begin a term when nobody else's lease is running; None when one is.

        A replica that comes back under its own name (a restart) succeeds itself at once: its name is its own.
        """
        before = await self.leader()
        if before.remaining > 0 and before.holder != holder:
            return None
        async with self._database.write() as session:
            empty = {"name": _LEADER, "holder": "", "epoch": 0, "since": db_now(), "expires_at": db_ago(1.0)}
            await session.execute(upsert(session, LeaseRow).values(**empty).on_conflict_do_nothing())
            # The lock that `check` conflicts with. The time is read in a later statement: it may be waited for.
            await session.execute(select(LeaseRow.epoch).where(LeaseRow.name == _LEADER).with_for_update())
            now = await _look(session)
            if now.remaining > 0 and now.holder != holder:
                return None
            values = {"holder": holder, "epoch": now.epoch + 1, "since": db_now(), "expires_at": db_ago(-seconds)}
            await session.execute(update(LeaseRow).where(LeaseRow.name == _LEADER).values(**values))
        return Term(holder, now.epoch + 1)

    async def renew(self, term: Term, seconds: float) -> bool:
        """Hold the lease for `seconds` from now; False when another term has begun."""
        return await self._change(term, expires_at=db_ago(-seconds))

    async def resign(self, term: Term) -> bool:
        """End the lease now, so that another replica need not wait for its end; False when it was not held."""
        return await self._change(term, expires_at=db_ago(1.0))

    async def _change(self, term: Term, **values: ColumnElement[datetime]) -> bool:
        this = (LeaseRow.name == _LEADER, LeaseRow.holder == term.holder, LeaseRow.epoch == term.epoch)
        async with self._database.write() as session:
            change = update(LeaseRow).where(*this).values(**values).returning(LeaseRow.epoch)
            return await session.scalar(change) is not None


async def check(session: AsyncSession, term: Term) -> None:
    """Raise `Deposed` unless `term` is the one that runs, and keep it so until this transaction ends."""
    query = select(LeaseRow.epoch).where(LeaseRow.name == _LEADER).with_for_update(read=True, key_share=True)
    if await session.scalar(query) != term.epoch:
        raise Deposed


async def _look(session: AsyncSession) -> Leader:
    row = LeaseRow
    query = select(row.holder, row.epoch, row.since, row.expires_at, db_now()).where(row.name == _LEADER)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return _NOBODY
    holder, epoch, since, expires_at, now = found
    return Leader(holder, epoch, since, (expires_at - now).total_seconds())
