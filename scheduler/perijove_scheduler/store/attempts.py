"""Attempts as those who ran them may speak of them: who holds one, who ran it, and what it may touch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, tuple_

from perijove.model.status import HELD, Status
from perijove_scheduler.store.database import Database
from perijove_scheduler.store.tables import AttemptRow, ExecutionRow

_STANDING = ("id", "group_name", "project_id", "status", "attempt", "worker", "code", "notebook", "spec")

#: An execution and the number of one of its attempts.
Attempt = tuple[str, int]


@dataclass(frozen=True)
class Standing:
    """An execution as it is asked about for one of its attempts; `ran_by` is the worker that ran that attempt."""

    execution: str
    group: str
    project: str
    status: Status
    attempt: int
    worker: str | None
    code: str | None
    notebook: str | None
    spec: dict[str, Any]
    ran_by: str | None

    def is_held_by(self, worker: str, attempt: int) -> bool:
        """Return whether `worker` holds that attempt now."""
        return self.status in HELD and (self.worker, self.attempt) == (worker, attempt)


class Attempts:
    """What is asked about attempts; the life cycle writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standings(self, attempts: Collection[Attempt]) -> dict[Attempt, Standing]:
        """Return how the executions of `attempts` stand, and who ran these; in one statement."""
        if not attempts:
            return {}
        row, ran = ExecutionRow, AttemptRow
        numbers = sorted({number for _, number in attempts})
        of = and_(ran.execution_id == row.id, ran.attempt.in_(numbers))
        query = select(*(getattr(row, name) for name in _STANDING), ran.attempt, ran.worker).outerjoin(ran, of)
        ids = sorted({execution for execution, _ in attempts})
        async with self._database.read() as session:
            found = (await session.execute(query.where(row.id.in_(ids)))).all()
        rows = {each[0]: each[: len(_STANDING)] for each in found}
        ran_by = {(each[0], each[-2]): each[-1] for each in found}
        return {attempt: _standing(rows[attempt[0]], ran_by.get(attempt)) for attempt in attempts if attempt[0] in rows}

    async def archived(self, attempts: Collection[Attempt]) -> dict[Attempt, tuple[str | None, int | None, bool]]:
        """Return, of each attempt, who ran it, how many records it has, and whether they are archived."""
        row = AttemptRow
        these = tuple_(row.execution_id, row.attempt).in_(sorted(attempts))
        query = select(row.execution_id, row.attempt, row.worker, row.records, row.archived_at).where(these)
        async with self._database.read() as session:
            return {(e, n): (worker, records, at is not None) for e, n, worker, records, at in
                    await session.execute(query)}  # fmt: skip


def _standing(row: Sequence[Any], ran_by: str | None) -> Standing:
    execution, group, project, status, attempt, worker, code, notebook, spec = row
    return Standing(execution, group, project, Status(status), attempt, worker, code, notebook, spec, ran_by)
