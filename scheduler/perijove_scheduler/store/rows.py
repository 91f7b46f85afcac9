"""The statements that write the life cycle's rows, each for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import Insert, Select, Table, Update, bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from perijove.model.events import Archived
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.status import Status
from perijove_scheduler.store.batch import Batch
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.documents import plain_text
from perijove_scheduler.store.standing import Standing
from perijove_scheduler.store.tables import AttemptRow, DatumRow, ExecutionRow

_EXECUTIONS = cast("Table", ExecutionRow.__table__)
_ATTEMPTS = cast("Table", AttemptRow.__table__)
_DATA = cast("Table", DatumRow.__table__)
# What `Standing` may change, by column.
_MUTABLE = (
    "status", "reason", "detail", "attempt", "retries_left", "worker", "phase", "done", "total", "metadata",
    "environment", "queued_at", "started_at", "finished_at",
)  # fmt: skip


def upsert(session: AsyncSession, row: type[DeclarativeBase]) -> Any:
    """Return the dialect's INSERT, which knows ``ON CONFLICT``."""
    module: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return module.insert(row.__table__)


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
    await _many(session, _fenced_update(), [_as_row(s, batch.before[s.id]) for s in batch.changed])
    await _many(session, _new_attempts(session), [
        {"execution_id": ref.execution, "attempt": ref.attempt, "worker": ref.worker, "started_at": batch.now}
        for ref in batch.claims
    ])  # fmt: skip
    await _many(session, _attempt_update("finished_at", "reason", "records"), [
        {"the_execution": end.ref.execution, "the_attempt": end.ref.attempt, "finished_at": batch.now,
         "reason": end.reason.value, "records": end.records}
        for end in batch.endings
    ])  # fmt: skip
    batch.archives = await _of_ended_attempts(session, batch.archives)
    await _many(session, _attempt_update("archived_at", "records"), [
        {"the_execution": event.execution, "the_attempt": event.attempt,
         "archived_at": batch.now, "records": event.records}
        for event in batch.archives
    ])  # fmt: skip
    await _many(session, upsert(session, DatumRow).on_conflict_do_nothing(), list(_data(batch)))


async def _many(session: AsyncSession, statement: Insert | Update, rows: list[dict[str, Any]]) -> None:
    if rows:
        await (await session.connection()).execute(statement, rows)


async def _of_ended_attempts(session: AsyncSession, archives: list[Archived]) -> list[Archived]:
    """Leave out what a worker says of an attempt that is not its own, or that has not ended."""
    if not archives:
        return []
    row = _ATTEMPTS.c
    these = tuple_(row.execution_id, row.attempt).in_([(event.execution, event.attempt) for event in archives])
    ended = await session.execute(
        select(row.execution_id, row.attempt, row.worker).where(these, row.finished_at.is_not(None))
    )
    known = {tuple(found) for found in ended}
    return [event for event in archives if (event.execution, event.attempt, event.worker) in known]


def _fenced_update() -> Update:
    """Update what still stands at the attempt and the status it was read with; anything else is left alone."""
    row = _EXECUTIONS.c
    fence = (
        row.id == bindparam("the_id"),
        row.attempt == bindparam("the_attempt"),
        row.status == bindparam("the_status"),
    )
    return (
        update(_EXECUTIONS)
        .where(*fence)
        .values({row[name]: bindparam(name, type_=row[name].type) for name in _MUTABLE})
    )


def _as_row(standing: Standing, before: Standing) -> dict[str, Any]:
    fence = {"the_id": before.id, "the_attempt": before.attempt, "the_status": before.status.value}
    values = {name: getattr(standing, name) for name in _MUTABLE if name != "metadata"}
    values |= {"status": standing.status.value, "detail": plain_text(standing.detail), "metadata": standing.values}
    values["reason"] = standing.reason and standing.reason.value
    values["phase"] = standing.phase and standing.phase.value
    return {**values, **fence}


def _new_attempts(session: AsyncSession) -> Any:
    return upsert(session, AttemptRow).on_conflict_do_nothing()


def _attempt_update(once: str, *others: str) -> Update:
    """Update an attempt's row where its column `once` is not set yet."""
    row = _ATTEMPTS.c
    this = (row.execution_id == bindparam("the_execution"), row.attempt == bindparam("the_attempt"))
    return (
        update(_ATTEMPTS)
        .where(*this, row[once].is_(None))
        .values({row[name]: bindparam(name, type_=row[name].type) for name in (once, *others)})
    )


def _data(batch: Batch) -> Iterable[dict[str, Any]]:
    for execution, (attempt, files) in batch.outputs.items():
        for file in {file.name: file for file in files}.values():
            fence = {"id": new_id("da"), "execution_id": execution, "attempt": attempt, "created_at": batch.now}
            yield {**file.model_dump(), **fence, "media_type": file.media_type[:255]}
