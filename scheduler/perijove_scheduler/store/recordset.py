"""Many rows in one statement: PostgreSQL reads them from one JSON document, SQLite takes them one after the other.

A statement a row costs PostgreSQL and us several times as much, most of it for parameters that are packed one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, String, Table, Update, bindparam, cast, column, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import TableValuedAlias

from perijove_scheduler.store.documents import dumps

Row = Mapping[str, Any]


async def insert_many(session: AsyncSession, table: Table, rows: Sequence[Row], *, ignore: bool = False) -> None:
    """Insert rows, all of which have the same columns; the other columns get their defaults.

    Parameters
    ----------
    ignore : bool
        Whether a row that is there already is left as it is, rather than an error.
    """
    if not rows:
        return
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        into_sqlite = sqlite.insert(table)
        await connection.execute(into_sqlite.on_conflict_do_nothing() if ignore else into_sqlite, list(rows))
        return
    await connection.execute(_insertion(table, tuple(rows[0]), ignore), document(rows))


async def update_many(
    session: AsyncSession,
    table: Table,
    fence: Mapping[str, str],
    names: Sequence[str],
    rows: Sequence[Row],
    once: str | None = None,
) -> None:
    """Update the row that each of `rows` is for; no two of them are for the same one.

    Parameters
    ----------
    fence : mapping of str to str
        Which of the rows' columns must equal which of the table's.
    names : sequence of str
        The columns to set, under which the rows have their values.
    once : str, optional
        A column that must not be set yet.
    """
    if not rows:
        return
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        unset = [table.c[once].is_(None)] if once else []
        bound = {table.c[name]: bindparam(name, type_=table.c[name].type) for name in names}
        this = [table.c[of] == bindparam(name) for name, of in fence.items()]
        await connection.execute(update(table).where(*this, *unset).values(bound), list(rows))
        return
    await connection.execute(_update(table, tuple(fence.items()), tuple(names), once), document(rows))


# Building a statement takes longer than PostgreSQL needs to run it. There are as many as calls of the two above.
@lru_cache(maxsize=64)
def _insertion(table: Table, names: tuple[str, ...], ignore: bool) -> postgresql.Insert:
    given = recordset(table, {name: name for name in names})
    into = postgresql.insert(table).from_select(list(names), select(*(given.c[name] for name in names)))
    return into.on_conflict_do_nothing() if ignore else into


@lru_cache(maxsize=64)
def _update(table: Table, fence: tuple[tuple[str, str], ...], names: tuple[str, ...], once: str | None) -> Update:
    given = recordset(table, {**dict(fence), **{name: name for name in names}})
    this = [table.c[of] == given.c[name] for name, of in fence]
    unset = [table.c[once].is_(None)] if once else []
    return update(table).where(*this, *unset).values({table.c[name]: given.c[name] for name in names})


def recordset(table: Table, columns: Mapping[str, str]) -> TableValuedAlias:
    """Return, for PostgreSQL, the rows of a `document` as something to select from.

    Parameters
    ----------
    columns : mapping of str to str
        The rows' columns, and the columns of `table` whose types they have.
    """
    typed = [column(name, table.c[of].type) for name, of in columns.items()]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=String), JSON))
    return rows.table_valued(*typed).render_derived(name="given", with_types=True)


def document(rows: Sequence[Row]) -> dict[str, str]:
    """Return the parameters of a statement that reads a `recordset`."""
    return {"rows": dumps([dict(row) for row in rows], default=_time)}


def _time(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a row")
