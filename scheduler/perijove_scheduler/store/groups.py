"""Worker groups: their settings, their enrolment tokens' digests, and what they carry."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import delete, distinct, exists, func, select, update

from perijove.model.fleet import GroupSettings, WorkerState
from perijove.model.status import HELD, Status
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.idempotency import Claim, NotMade, remember
from perijove_scheduler.store.rows import counted, upsert
from perijove_scheduler.store.tables import LIVE, MACHINE_LEFT, WAITING, ExecutionRow, GroupRow, WorkerRow


@dataclass(frozen=True)
class GroupCounts:
    """How many workers a group has and how many of them hold something, and what waits and runs."""

    workers: int = 0
    busy: int = 0
    waiting: int = 0
    running: int = 0


class Groups:
    """The groups' rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def names(self) -> list[str]:
        """Return the names of all groups."""
        async with self._database.read() as session:
            return list(await session.scalars(select(GroupRow.name).order_by(GroupRow.name)))

    async def all(self) -> dict[str, GroupSettings]:
        """Return all groups' settings, by name."""
        async with self._database.read() as session:
            rows = await session.scalars(select(GroupRow).order_by(GroupRow.name))
            return {row.name: GroupSettings.model_validate(row.settings) for row in rows}

    async def settings(self, name: str) -> GroupSettings | None:
        """Return a group's settings, or None if there is no such group."""
        row = await self.get(name)
        return None if row is None else GroupSettings.model_validate(row.settings)

    async def get(self, name: str) -> GroupRow | None:
        """Return a group's row."""
        async with self._database.read() as session:
            return await session.get(GroupRow, name)

    async def create(
        self, name: str, settings: GroupSettings, token_sha256: str, claim: Claim | None = None, made: str = ""
    ) -> bool:
        """Make a group, and note `made` with its key; False when there is one of that name. Raises `KeyUsed`."""
        values = {"name": name, "settings": settings.model_dump(mode="json"), "token_sha256": token_sha256}
        with suppress(NotMade):
            async with self._database.write() as session:
                await remember(session, claim, made)
                insert = upsert(session, GroupRow).values(**values, created_at=db_now()).on_conflict_do_nothing()
                if await session.scalar(insert.returning(GroupRow.name)) is None:
                    raise NotMade
                return True
        return False

    async def update(self, name: str, settings: GroupSettings) -> bool:
        """Replace a group's settings; False when there is no such group."""
        return await self._change(name, settings=settings.model_dump(mode="json"))

    async def set_token(self, name: str, token_sha256: str, claim: Claim | None = None, made: str = "") -> bool:
        """Replace the digest of a group's enrolment token, and note `made` with its key; False without such a group.

        Raises `KeyUsed`.
        """
        with suppress(NotMade):
            async with self._database.write() as session:
                await remember(session, claim, made)
                change = update(GroupRow).where(GroupRow.name == name).values(token_sha256=token_sha256)
                if await session.scalar(change.returning(GroupRow.name)) is None:
                    raise NotMade
                return True
        return False

    async def ensure(self, name: str, settings: GroupSettings, token_sha256: str) -> None:
        """Make a group with this token, or give the one there is these settings."""
        if not await self.create(name, settings, token_sha256):
            await self._change(name, settings=settings.model_dump(mode="json"))

    async def delete(self, name: str) -> bool:
        """Delete a group with its workers' rows; False when it has workers, machines or unfinished executions."""
        waits = exists().where(WAITING, ExecutionRow.group_name == name)
        works = exists().where(LIVE, ExecutionRow.group_name == name)
        alive = exists().where(WorkerRow.group_name == name, WorkerRow.ended_at.is_(None))
        costs = exists().where(MACHINE_LEFT, WorkerRow.group_name == name)
        async with self._database.write() as session:
            # Who makes an execution for the group holds its row: either it is seen here, or there is no group for it.
            await session.execute(select(GroupRow.name).where(GroupRow.name == name).with_for_update())
            gone = (
                delete(GroupRow).where(GroupRow.name == name, ~waits, ~works, ~alive, ~costs).returning(GroupRow.name)
            )
            return await session.scalar(gone) is not None

    async def counts(self, only: str | None = None) -> dict[str, GroupCounts]:
        """Return what every group, or one, has and carries: four statements however many groups there are."""
        row, worker = ExecutionRow, WorkerRow
        these = [] if only is None else [row.group_name == only]
        its = [] if only is None else [worker.group_name == only]
        created = select(row.group_name, func.count()).where(WAITING, *these).group_by(row.group_name)
        live = select(row.group_name, row.status, func.count()).where(LIVE, *these)
        holding = select(row.group_name, func.count(distinct(row.worker))).where(LIVE, *these).group_by(row.group_name)
        enrolled = select(worker.group_name, func.count()).where(worker.ended_at.is_(None), *its)
        enrolled = enrolled.where(worker.state != WorkerState.STARTING.value).group_by(worker.group_name)
        waiting: Counter[str] = Counter()
        running: Counter[str] = Counter()
        async with self._database.read() as session:
            waiting.update(await counted(session, created))
            for group, status, count in await session.execute(live.group_by(row.group_name, row.status)):
                (running if Status(status) in HELD else waiting)[group] += count
            workers = await counted(session, enrolled)
            busy = await counted(session, holding)
        return {
            group: GroupCounts(workers.get(group, 0), busy.get(group, 0), waiting[group], running[group])
            for group in {*waiting, *running, *workers}
        }

    async def _change(self, name: str, **values: object) -> bool:
        change = update(GroupRow).where(GroupRow.name == name).values(**values).returning(GroupRow.name)
        async with self._database.write() as session:
            return await session.scalar(change) is not None
