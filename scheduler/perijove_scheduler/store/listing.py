"""Which executions a list holds: those its viewer sees, that meet its conditions, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, select
from sqlalchemy.orm import InstrumentedAttribute, aliased, defer

from perijove.model.status import Status
from perijove_scheduler.store.lines import join_first
from perijove_scheduler.store.search import WINDOW, mentions
from perijove_scheduler.store.tables import ExecutionRow, ProjectRow, TagRow
from perijove_scheduler.store.visibility import Viewer, among_seen, sees


@dataclass(frozen=True)
class ExecutionFilter:
    """Which executions to list; every condition that is set must hold.

    `project` is a project's id; `search` is words, see `perijove_scheduler.store.search`.
    """

    project: str | None = None
    owner: str | None = None
    status: Status | None = None
    group: str | None = None
    tag: str | None = None
    search: str | None = None
    number: int | None = None


def visible(viewer: Viewer) -> Select[ExecutionRow, str]:
    """Select the executions that `viewer` sees, each with its project's name."""
    project = ProjectRow.id == ExecutionRow.project_id
    return select(ExecutionRow, ProjectRow.name).join(ProjectRow, project).where(sees(viewer))


def brief(row: type[ExecutionRow]) -> Any:
    """Return the option that leaves an execution's environment where it is; who reads it all the same gets an error."""
    return defer(row.environment, raiseload=True)


def list_query(dialect: str, viewer: Viewer, wanted: ExecutionFilter, after: str | None, limit: int) -> Any:
    """Return the query of `Executions.list`; on its own so that a test can read its plan.

    It takes the newest of each project the viewer sees, as the whole of a large project is slow to sort. Who sees all,
    and asks for no project, needs no such detour: the newest of all are at the end of an index.
    """
    if viewer.admin and wanted.project is None and wanted.number is None:
        query = (
            visible(viewer)
            .where(*_conditions(ExecutionRow, wanted, after, of_project=False))
            .options(brief(ExecutionRow))
        )
        query = query.where(*_searched(ExecutionRow, wanted, after, None))
        return query.order_by(ExecutionRow.id.desc()).limit(limit)
    seen = select(ProjectRow.id, ProjectRow.name).where(among_seen(viewer), *_of_project(wanted)).cte("seen")
    one, row = aliased(ExecutionRow), aliased(ExecutionRow)
    newest = select(one.id).where(one.project_id == seen.c.id, *_conditions(one, wanted, after, of_project=True))
    newest = newest.where(*_searched(one, wanted, after, seen)).order_by(one.id.desc()).limit(limit)
    query = join_first(dialect, select(row, seen.c.name).options(brief(row)), seen, newest, row)
    return query.order_by(row.id.desc()).limit(limit)


def _searched(
    row: type[ExecutionRow], wanted: ExecutionFilter, after: str | None, seen: FromClause | None
) -> list[ColumnElement[bool]]:
    """Return the conditions of a search, which looks through the newest of those that all else holds for.

    `seen` is the project that is looked through, if it is one at a time.
    """
    if wanted.search is None:
        return []
    other = aliased(ExecutionRow)
    conditions = _conditions(other, wanted, after, of_project=seen is not None)
    window = select(other.id).where(*conditions).order_by(other.id.desc()).limit(WINDOW)
    if seen is not None:
        window = window.where(other.project_id == seen.c.id).correlate(seen)
    name = ProjectRow.name if seen is None else seen.c.name
    return [row.id.in_(window), *mentions(row, name, wanted.search)]


def _of_project(wanted: ExecutionFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.project is None else [ProjectRow.id == wanted.project]


def _conditions(
    row: type[ExecutionRow], wanted: ExecutionFilter, after: str | None, *, of_project: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions of a list; `of_project` says that one project is looked through at a time."""
    equal: list[tuple[InstrumentedAttribute[Any], object]] = [
        (row.owner, wanted.owner),
        (row.status, wanted.status and wanted.status.value),
        (row.group_name, wanted.group),
        (row.number, wanted.number),
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if after is not None:
        conditions.append(row.id < after)
    if wanted.tag is not None:
        tagged = [TagRow.execution_id == row.id, TagRow.tag == wanted.tag]
        if of_project:
            tagged.append(TagRow.project_id == row.project_id)
        if after is not None:  # said of the tags too, whose index is in this order
            tagged.append(TagRow.execution_id < after)
        conditions.append(exists().where(*tagged))
    return conditions
