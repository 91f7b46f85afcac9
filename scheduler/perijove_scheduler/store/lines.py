"""The first few rows of each of several lines, found by walking an index and never the table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Select, true


def join_first(dialect: str, query: Select[Any], of: FromClause, line: Select[str], row: Any) -> Select[Any]:
    """Join `row` to `of` by the ids that `line` selects: a limited query that refers to columns of `of`."""
    if dialect == "sqlite":  # which has no LATERAL, but looks the list of a correlated IN up by primary key
        return query.select_from(of).join(row, row.id.in_(line.correlate(of)))
    first = line.lateral("first")
    return query.select_from(of).join(first, true()).join(row, row.id == first.c.id)
