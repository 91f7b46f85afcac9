"""Workers, from the moment their machine is asked for until they are lost or gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, text, update

from perijove.model.fleet import WorkerState
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove_scheduler.store.clock import db_ago, db_now
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.demand import capacities
from perijove_scheduler.store.rows import changed
from perijove_scheduler.store.tables import ENDED, MACHINE_LEFT, WorkerRow

#: An ended worker's machine is forgotten when it is gone; some never had one that we started.
_NO_MACHINE = text("machine = '{}'")


@dataclass(frozen=True)
class Identity:
    """What a worker that enrolled is known by: its group, and the digest of its password."""

    group: str
    password_sha256: str


class Workers:
    """The workers' rows. Whether a worker is alive is Redis' to know; what we decided about it stands here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, group: str, capacity: Resources | None = None) -> str:
        """Note that a machine is about to be asked for; return the id its worker will have."""
        worker = new_id("wk")
        row = WorkerRow(
            id=worker,
            group_name=group,
            state=WorkerState.STARTING.value,
            capacity={} if capacity is None else capacity.model_dump(mode="json"),
            created_at=db_now(),
        )
        async with self._database.write() as session:
            session.add(row)
        return worker

    async def checkpoint(self, worker: str, machine: dict[str, Any]) -> None:
        """Save what the provider needs to find the machine again."""
        async with self._database.write() as session:
            await session.execute(update(WorkerRow).where(WorkerRow.id == worker).values(machine=machine))

    async def enrol(
        self,
        group: str,
        worker: str | None,
        host: str,
        version: str,
        capacity: Resources,
        password_sha256: str,
        *,
        again: bool = False,
    ) -> str | None:
        """Note an agent that enrolled. One that names a worker must be of its group and still be starting.

        With `again`, that worker may have enrolled already, if it has not begun to leave.

        Returns the worker's id, or None when it may not be that worker.
        """
        values = {
            "state": WorkerState.IDLE.value,
            "host": host,
            "version": version,
            "capacity": capacity.model_dump(mode="json"),
            "password_sha256": password_sha256,
            "enrolled_at": db_now(),
        }
        async with self._database.write() as session:
            if worker is None:
                row = WorkerRow(id=new_id("wk"), group_name=group, created_at=db_now(), **values)
                session.add(row)
                return row.id
            states = [WorkerState.STARTING.value, *([WorkerState.IDLE.value] if again else [])]
            this = (WorkerRow.id == worker, WorkerRow.group_name == group, WorkerRow.state.in_(states))
            change = update(WorkerRow).where(*this, WorkerRow.ended_at.is_(None)).values(**values)
            return await session.scalar(change.returning(WorkerRow.id))

    async def unenrol(self, worker: str, password_sha256: str) -> None:
        """Take an enrolment back that could not be completed, so that the agent may try again."""
        this = (WorkerRow.id == worker, WorkerRow.password_sha256 == password_sha256)
        values = {"state": WorkerState.STARTING.value, "password_sha256": None, "enrolled_at": None}
        async with self._database.write() as session:
            await session.execute(update(WorkerRow).where(*this).values(**values))

    async def get(self, worker: str) -> WorkerRow | None:
        """Return one worker, whatever became of it."""
        async with self._database.read() as session:
            return await session.get(WorkerRow, worker)

    async def identities(self, workers: Collection[str]) -> dict[str, Identity]:
        """Return what the workers of these ids are known by, ended ones included."""
        row = WorkerRow
        query = select(row.id, row.group_name, row.password_sha256).where(row.id.in_(workers))
        async with self._database.read() as session:
            found = await session.execute(query)
            return {id_: Identity(group, secret) for id_, group, secret in found if secret is not None}

    async def live(self, group: str | None = None) -> list[WorkerRow]:
        """Return the workers that have not ended, oldest first; of one group or of all."""
        query = select(WorkerRow).where(WorkerRow.ended_at.is_(None)).order_by(WorkerRow.id)
        if group is not None:
            query = query.where(WorkerRow.group_name == group)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def capacities(self, groups: Collection[str]) -> dict[str, list[tuple[Resources, int]]]:
        """Return what the workers of groups offer that take work, or soon will: like ones are counted together."""
        async with self._database.read() as session:
            return await capacities(session, groups)

    async def late(self, seconds: float) -> list[WorkerRow]:
        """Return the workers that were asked for at least `seconds` ago and have not enrolled."""
        row = WorkerRow
        query = select(row).where(
            row.ended_at.is_(None), row.state == WorkerState.STARTING.value, row.created_at <= db_ago(seconds)
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def ended(self, seconds: float) -> list[WorkerRow]:
        """Return the workers that ended within the last `seconds`, so that Redis forgets them too."""
        query = select(WorkerRow).where(ENDED, WorkerRow.ended_at > db_ago(seconds)).order_by(WorkerRow.id)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def left_machines(self, after: str, limit: int) -> list[WorkerRow]:
        """Return ended workers whose machines are still recorded, after id `after`: each may still be there."""
        query = select(WorkerRow).where(MACHINE_LEFT, WorkerRow.id > after).order_by(WorkerRow.id).limit(limit)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        """Delete up to `limit` of the workers that ended that long ago and left no machine; return how many.

        What ran on them still names them: an attempt's worker is a text of its own.
        """
        row = WorkerRow
        old = select(row.id).where(ENDED, row.ended_at < db_ago(older_than_seconds), _NO_MACHINE)
        gone = delete(row).where(row.id.in_(old.order_by(row.ended_at).limit(limit)))
        async with self._database.write() as session:
            return await changed(session, gone)

    async def reached(self, workers: Collection[str]) -> None:
        """Note that workers were seen on Redis for the first time."""
        row = WorkerRow
        change = update(row).where(row.id.in_(workers), row.reached_at.is_(None)).values(reached_at=db_now())
        async with self._database.write() as session:
            await session.execute(change)

    async def mark(self, worker: str, state: WorkerState) -> bool:
        """Note what was decided about a worker that has not ended; False when it has."""
        change = update(WorkerRow).where(WorkerRow.id == worker, WorkerRow.ended_at.is_(None)).values(state=state.value)
        async with self._database.write() as session:
            return await session.scalar(change.returning(WorkerRow.id)) is not None

    async def end(self, workers: Sequence[str], state: WorkerState = WorkerState.GONE) -> list[str]:
        """Note that workers are gone or lost; return those that had not ended before."""
        change = (
            update(WorkerRow)
            .where(WorkerRow.id.in_(workers), WorkerRow.ended_at.is_(None))
            .values(state=state.value, ended_at=db_now())
            .returning(WorkerRow.id)
        )
        async with self._database.write() as session:
            return list(await session.scalars(change))
