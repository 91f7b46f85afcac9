"""The statements that write the life cycle's rows, each for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Select, Table, Update, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from perijove.model.events import Archived
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.status import Status
from perijove_scheduler.store import segments
from perijove_scheduler.store.batch import Batch
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.documents import plain_text
from perijove_scheduler.store.recordset import insert_many, update_many
from perijove_scheduler.store.standing import Standing
from perijove_scheduler.store.tables import AttemptRow, DatumRow, ExecutionRow

_EXECUTIONS = cast("Table", ExecutionRow.__table__)
_ATTEMPTS = cast("Table", AttemptRow.__table__)
_DATA = cast("Table", DatumRow.__table__)
# What `Standing` may change, by column.
_MUTABLE = (
    "status", "reason", "detail", "attempt", "retries_left", "free_retries", "worker", "phase", "waits_for", "done",
    "total", "metadata", "environment", "left_out", "queued_at", "started_at", "finished_at",
)  # fmt: skip

# What an update's rows say of the row they are for. What stands at another attempt or status by now is left alone.
_FENCE = {"the_id": "id", "the_attempt": "attempt", "the_status": "status"}
_ATTEMPT = {"the_execution": "execution_id", "the_attempt": "attempt"}


def upsert(session: AsyncSession, row: type[DeclarativeBase]) -> Any:
    """Return the dialect's INSERT, which knows ``ON CONFLICT``."""
    module: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return module.insert(row.__table__)


async def changed(session: AsyncSession, statement: Delete | Update) -> int:
    """Run a statement; return how many rows it changed."""
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount


async def counted(session: AsyncSession, query: Select[str, int]) -> dict[str, int]:
    """Return what a query of names and counts finds."""
    return {name: int(count) for name, count in await session.execute(query)}


def standings_query() -> Select[Any]:
    """Select what a `Standing` is made of, and the time, locking the rows in the order of their ids."""
    row = _EXECUTIONS.c
    columns = (row.id, row.group_name, *(row[name] for name in _MUTABLE))
    locked = select(*columns, db_now().label("now")).order_by(row.id)
    return locked.with_for_update(key_share=True)


def standing_of(row: Mapping[str, Any]) -> Standing:
    """Read a row of `standings_query`."""
    values = {name: row[name] for name in _MUTABLE if name != "metadata"}
    values |= {"status": Status(row["status"]), "values": row["metadata"]}
    values["reason"] = None if row["reason"] is None else Reason(row["reason"])
    values["phase"] = None if row["phase"] is None else Phase(row["phase"])
    return Standing(id=row["id"], group=row["group_name"], **values)


async def write(session: AsyncSession, batch: Batch) -> None:
    """Write all that a batch changed."""
    changed = [_as_row(standing, batch.before[standing.id]) for standing in batch.changed]
    await update_many(session, _EXECUTIONS, _FENCE, _MUTABLE, changed)
    await insert_many(session, _ATTEMPTS, [
        {"execution_id": ref.execution, "attempt": ref.attempt, "worker": ref.worker, "started_at": batch.now}
        for ref in batch.claims
    ], ignore=True)  # fmt: skip
    await update_many(session, _ATTEMPTS, _ATTEMPT, ("finished_at", "reason", "records", "left_out"), [
        {"the_execution": end.ref.execution, "the_attempt": end.ref.attempt, "finished_at": batch.now,
         "reason": end.reason.value, "records": end.records,
         "left_out": [each.model_dump() for each in end.left_out]}
        for end in batch.endings
    ], once="finished_at")  # fmt: skip
    batch.segments = await segments.add(session, batch.segments)
    batch.archives, longer, batch.archived_before = await _of_ended_attempts(session, batch.archives)
    await update_many(session, _ATTEMPTS, _ATTEMPT, ("archived_at", "records"), [
        {**_fence(event), "archived_at": batch.now, "records": event.records} for event in batch.archives
    ], once="archived_at")  # fmt: skip
    await update_many(session, _ATTEMPTS, _ATTEMPT, ("records",), [
        {**_fence(event), "records": event.records} for event in longer
    ])  # fmt: skip
    await insert_many(session, _DATA, list(_data(batch)), ignore=True)


async def _of_ended_attempts(
    session: AsyncSession, archives: list[Archived]
) -> tuple[list[Archived], list[Archived], list[Archived]]:
    """Leave out what a worker says of an attempt that is not its own, or that has not ended.

    Returns
    -------
    tuple of list of Archived
        Those of attempts that are not archived yet; those that have more than the master archived, when it had
        waited for the worker long enough and only part of the records was left in Redis; and those of all attempts that
        were archived before.
    """
    if not archives:
        return [], [], []
    row = _ATTEMPTS.c
    these = tuple_(row.execution_id, row.attempt).in_([(event.execution, event.attempt) for event in archives])
    columns = (row.execution_id, row.attempt, row.worker, row.archived_at, row.records)
    ended = await session.execute(select(*columns).where(these, row.finished_at.is_not(None)))
    known = {(found[0], found[1], found[2]): (found[3], found[4]) for found in ended}
    mine = {_of(event): event for event in archives if _of(event) in known}
    new = [event for event in mine.values() if known[_of(event)][0] is None]
    before = [event for event in mine.values() if known[_of(event)][0] is not None]
    longer = [event for event in before if event.records > (known[_of(event)][1] or 0)]
    return new, longer, before


def _of(event: Archived) -> tuple[str, int, str]:
    return event.execution, event.attempt, event.runner


def _fence(event: Archived) -> dict[str, Any]:
    return {"the_execution": event.execution, "the_attempt": event.attempt}


def _as_row(standing: Standing, before: Standing) -> dict[str, Any]:
    fence = {"the_id": before.id, "the_attempt": before.attempt, "the_status": before.status.value}
    values = {name: getattr(standing, name) for name in _MUTABLE if name != "metadata"}
    values |= {
        "status": standing.status.value,
        "detail": plain_text(standing.detail),
        "waits_for": plain_text(standing.waits_for),
        "metadata": standing.values,
    }
    values["reason"] = standing.reason and standing.reason.value
    values["phase"] = standing.phase and standing.phase.value
    return {**values, **fence}


def _data(batch: Batch) -> Iterable[dict[str, Any]]:
    for execution, (attempt, files) in batch.outputs.items():
        for file in {file.name: file for file in files}.values():
            fence = {"id": new_id("da"), "execution_id": execution, "attempt": attempt, "created_at": batch.now}
            yield {**file.model_dump(), **fence, "media_type": file.media_type[:255]}
