"""The engine, its transactions and its migrations."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from copy import copy
from pathlib import Path
from typing import Any

import aiosqlite
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from perijove.errors import Unavailable
from perijove.patience import Backoff
from perijove_scheduler.store import documents
from perijove_scheduler.store.pinging import ping_idle

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
# Seconds a writer waits for another process (a second replica, a backup) that holds SQLite's write lock.
_BUSY_SECONDS = 30
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
)
# Seconds a transaction may stand still: none does, as nothing is waited for inside of one.
_IDLE_SECONDS = 8
_CONNECT_SECONDS = 10
# Any constant will do, as long as every replica takes the same.
_MIGRATION_LOCK = 0x7065_7269_6A6F_7665
# The class of PostgreSQL's errors about what a statement holds, such as a value that no index takes.
_LIMIT_EXCEEDED = "54"
_MIGRATIONS = Path(__file__).parent / "migrations"


#: Called first in every transaction that writes; raises to refuse it.
Fence = Callable[[AsyncSession], Awaitable[None]]


class Database:
    """Transactions on SQLite or PostgreSQL.

    On SQLite one writer at a time holds a lock of this process and begins with ``BEGIN IMMEDIATE``: a transaction that
    read first and then found another writer ahead of it would otherwise fail instead of waiting.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(perijove_write=True)
        # On PostgreSQL each statement of a reader sees its own moment in any case; a transaction around them would
        # only cost two more round trips.
        self._reading = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lock = asyncio.Lock() if self.is_sqlite else None
        self._fence: Fence | None = None

    @classmethod
    def open(cls, url: str) -> Database:
        """Make the engine of `url`, such as ``sqlite:///path`` or ``postgresql://…``; nothing is connected yet."""
        target = _with_driver(make_url(url))
        options: dict[str, Any] = {"json_serializer": documents.dumps}
        if _is_remote(target):
            # The connection that was used last comes first: one that has lain idle is asked whether it lives.
            options |= {"connect_args": _of_postgresql(target), "pool_use_lifo": True}
        engine = create_async_engine(target, **options)
        if _is_remote(target):
            ping_idle(engine.sync_engine)
        else:
            _make_folder(target)
            event.listen(engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return cls(engine)

    @property
    def dialect(self) -> str:
        """The database's kind: ``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.dialect == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; it sees one moment on SQLite, and each statement its own on PostgreSQL."""
        with _reaching_the_database():
            async with AsyncSession(self._reading, expire_on_commit=False, autoflush=False) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session for writing; it commits at the end, or changes nothing when an error leaves the block."""
        session = AsyncSession(self._writing, expire_on_commit=False)
        with _reaching_the_database():
            async with self._lock or nullcontext(), session, session.begin():
                if self._fence is not None:
                    await self._fence(session)
                yield session

    def fenced(self, fence: Fence) -> Database:
        """Return this database, with every transaction that writes begun by `fence`."""
        other = copy(self)
        other._fence = fence  # noqa: SLF001 - of this very class
        return other

    async def migrate(self) -> None:
        """Bring the schema up to date. Safe to repeat, and to run from several replicas at once."""
        async with self._lock or nullcontext(), self._writing.begin() as connection:
            await _lock_out_other_replicas(connection)
            await connection.run_sync(_upgrade)

    async def ping(self) -> None:
        """Return when the database answers; raises `perijove.errors.Unavailable` when it does not."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@contextmanager
def _reaching_the_database() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        if str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith(_LIMIT_EXCEEDED):
            raise  # whoever asks again is refused again
        raise Unavailable("The database cannot be reached, or is busy for too long.") from error


def _of_postgresql(url: URL) -> dict[str, Any]:
    """Return what a connection is opened with, unless the URL says otherwise."""
    # A replica that is paused, or cut off, in the middle of a transaction must not keep its locks from the others.
    # Pages are on flash or in memory, not on a turning disk; no statement of ours is so long that compiling it pays.
    own = f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS * 1000} -c random_page_cost=1.1 -c jit=off"
    options = f"{own} {url.query.get('options', '')}".strip()
    settings: dict[str, Any] = {
        "application_name": "perijove",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    return {"options": options} | {name: value for name, value in settings.items() if name not in url.query}


def _with_driver(url: URL) -> URL:
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _is_remote(url: URL) -> bool:
    return url.get_backend_name() != "sqlite"


def _make_folder(url: URL) -> None:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _set_up_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by its own rules; `_begin_sqlite` does it by ours.
    connection.isolation_level = None
    connection.run_async(_prepare_sqlite)


async def _prepare_sqlite(connection: aiosqlite.Connection) -> None:
    for pragma in _PRAGMAS:
        await connection.execute(pragma)
    # SQLite does not wait for its busy time-out here: two that open a new file at once both read it while each wants it
    # alone, so one of them fails at once. That one has only to come back.
    backoff = Backoff(first=0.02, most=1.0)
    give_up = time.monotonic() + _BUSY_SECONDS
    while not await _keeps_a_write_ahead_log(connection):
        if time.monotonic() > give_up:
            raise sqlite3.OperationalError("database is locked: its journal mode cannot be set")
        await backoff.sleep()


async def _keeps_a_write_ahead_log(connection: aiosqlite.Connection) -> bool:
    try:
        await connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("perijove_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _lock_out_other_replicas(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})


def migration_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, made here so that no ``alembic.ini`` has to lie anywhere."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(migration_config(connection), "head")
