"""The database's clock, and times that come back from every database aware and in UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import DateTime, Float, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

# The layout in which SQLAlchemy stores times in SQLite, so that texts compare as times do. `%f` has milliseconds only.
_SQLITE_FORMAT = "%Y-%m-%d %H:%M:%f000"


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a zone. SQLite keeps none, so it is stored in UTC and given its zone back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; what it means would be a guess."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class _Now(FunctionElement[datetime]):
    """The time at which the statement runs, less its one argument in seconds."""

    name = "db_now"
    type = UtcDateTime()
    inherit_cache = True


def db_now() -> ColumnElement[datetime]:
    """Return the time of the statement by the database's clock, below a second's resolution."""
    return _Now()


def db_ago(seconds: float) -> ColumnElement[datetime]:
    """Return the time `seconds` before `db_now`."""
    return _Now(bindparam(None, float(seconds), Float()))


@compiles(_Now, "sqlite")
def _on_sqlite(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    ago = compiler.process(element.clauses, **options)
    modifier = f", (-{ago}) || ' seconds'" if ago else ""
    return f"strftime('{_SQLITE_FORMAT}', 'now'{modifier})"


@compiles(_Now, "postgresql")
def _on_postgresql(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    ago = compiler.process(element.clauses, **options)
    return f"(statement_timestamp() - make_interval(secs => {ago}))" if ago else "statement_timestamp()"
