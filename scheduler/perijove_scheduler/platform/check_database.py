"""Looks at the database before the platform starts on it, and names what is wrong."""

from __future__ import annotations

import sqlite3

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from perijove_scheduler.platform.addresses import shown
from perijove_scheduler.platform.findings import Finding, Refused
from perijove_scheduler.store.database import Database, migration_config
from perijove_scheduler.store.tables import Table

OLDEST_POSTGRESQL = 13
_OLDEST_SQLITE = (3, 35)
_HINT = "Check Platform.database_url."
_MIGRATE = "Run `perijove-hub --migrate` with a role that owns the tables."
# Rights to name; where one is missing, most often all are.
_FEW = 4
#: What a driver or a server says, and what it means; the first that fits.
_MEANINGS = (
    ("password authentication failed", "refuses the password, or the user's name", _HINT),
    ("no password supplied", "wants a password", "Write postgresql://user:password@host/name."),
    ("no pg_hba.conf entry", "does not let this machine or user in", "Add a line for them to its pg_hba.conf."),
    ("role ", "does not know that user", "Make it there: CREATE ROLE … LOGIN."),
    ("does not exist", "has no database of that name", "Make it there: CREATE DATABASE … ENCODING 'UTF8'."),
    ("permission denied for database", "lets that user not use that database", "GRANT CONNECT ON DATABASE … TO …."),
    ("too many connections", "has no connection left", "Raise its max_connections, or the user's CONNECTION LIMIT."),
    ("too many clients", "has no connection left", "Raise its max_connections."),
    ("starting up", "is still starting", "Try again in a moment."),
    ("SSL", "and this service do not agree on TLS", "Say `?sslmode=require`, or `verify-full` with `sslrootcert=…`."),
    ("could not translate host name", "has a name that is not known", _HINT),
    ("Name or service not known", "has a name that is not known", _HINT),
    ("failed to resolve", "has a name that is not known", _HINT),
)  # fmt: skip


async def check_database(url: str, *, migrates: bool = True) -> list[Finding]:
    """Return what is wrong with the database at `url`, the worst first; nothing where all is well.

    Parameters
    ----------
    migrates : bool
        Whether the schema will be brought up to date before it is used.
    """
    try:
        return await _checked(url, migrates)
    except Refused as refused:
        return [refused.finding]


async def _checked(url: str, migrates: bool) -> list[Finding]:
    database = _opened(url)
    try:
        async with database.engine.connect() as connection:
            found = _sqlite() if database.is_sqlite else await _postgresql(connection)
            found += await _schema(connection, url, migrates)
            return found
    except (SQLAlchemyError, OSError) as error:
        raise _unreachable(url, error) from error
    finally:
        await database.aclose()


def _opened(url: str) -> Database:
    try:
        return Database.open(url)
    except ModuleNotFoundError as error:
        sentence = f"The database {shown(url)} needs the package {error.name}."
        raise Refused(sentence, "pip install 'perijove[postgres]'") from error
    except ValueError as error:
        # The library's own words may quote a password that is not encoded.
        sentence = f"{shown(url)} is not the address of a database."
        raise Refused(sentence, f"{_HINT} A password's '/', '?', '#', '@' and ':' are percent-encoded.") from error
    except (SQLAlchemyError, OSError) as error:
        raise Refused(f"The database {shown(url)} cannot be opened: {error}", _HINT) from error


def _unreachable(url: str, error: Exception) -> Refused:
    said = str(getattr(error, "orig", None) or error).strip()
    for sign, meaning, hint in _MEANINGS:
        if sign in said:
            return Refused(f"The database {shown(url)} {meaning}. It says: {_line(said)}", hint)
    return Refused(f"The database {shown(url)} cannot be used: {_line(said)}", f"{_HINT} Is the server running?")


def _line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0] if lines else "(nothing)"


def _sqlite() -> list[Finding]:
    if sqlite3.sqlite_version_info >= _OLDEST_SQLITE:
        return []
    return [
        Finding(f"SQLite {sqlite3.sqlite_version} is too old: it takes 3.35.", "Use a newer Python, or PostgreSQL.")
    ]


async def _postgresql(connection: AsyncConnection) -> list[Finding]:
    query = """SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_version')
        AS name, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
        current_setting('default_transaction_read_only') = 'on' AS read_only, current_schema() AS schema"""
    server = (await connection.execute(text(query))).one()
    found = []
    if server.version < OLDEST_POSTGRESQL:
        sentence = f"PostgreSQL {server.name} is too old: Perijove takes {OLDEST_POSTGRESQL} or later."
        found.append(Finding(sentence, "Upgrade the server."))
    if server.standby or server.read_only:
        found.append(
            Finding("The database can only be read.", "Name the primary in Platform.database_url, not a standby.")
        )
    if server.encoding != "UTF8":
        sentence = f"The database's encoding is {server.encoding}, which cannot hold every text."
        found.append(Finding(sentence, "Make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."))
    if server.schema is None:
        sentence = "The database has no schema that its user's search_path names."
        found.append(Finding(sentence, "CREATE SCHEMA, or ALTER ROLE … SET search_path."))
    return found


async def _schema(connection: AsyncConnection, url: str, migrates: bool) -> list[Finding]:
    is_there = await connection.run_sync(lambda c: inspect(c).has_table("alembic_version"))
    postgresql = connection.dialect.name == "postgresql"
    if is_there and postgresql:
        allowed = await connection.scalar(text("SELECT has_table_privilege('alembic_version', 'SELECT')"))
        if not allowed:
            return [await _missing(connection, ["SELECT on alembic_version"])]
    known, newest = _revisions()
    now = await connection.run_sync(_revision) if is_there else None
    if now is not None and now not in known:
        sentence = (
            f"The database {shown(url)} was written by a newer Perijove: its schema is {now}, this one knows {newest}."
        )
        return [Finding(sentence, "Upgrade Perijove here, or go back to a backup of the database.")]
    if now != newest:
        if not migrates:
            stands = f"has schema {now}" if now else "has no schema yet"
            return [Finding(f"The database {shown(url)} {stands}; this Perijove needs {newest}.", _MIGRATE)]
        return await _may_migrate(connection) if postgresql else []
    return await _may_use(connection) if postgresql else []


def _revisions() -> tuple[set[str], str]:
    scripts = ScriptDirectory.from_config(migration_config())
    return {script.revision for script in scripts.walk_revisions()}, scripts.get_current_head() or ""


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def _may_migrate(connection: AsyncConnection) -> list[Finding]:
    lacks = []
    if not await connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")):
        lacks.append("CREATE on its schema")
    foreign = """SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(:names)
        AND NOT pg_has_role(tableowner, 'MEMBER') ORDER BY tablename"""
    names = {"names": [table.name for table in Table.metadata.sorted_tables]}
    lacks += [f"to own {name}" for name in await connection.scalars(text(foreign), names)]
    return [await _missing(connection, lacks)] if lacks else []


async def _may_use(connection: AsyncConnection) -> list[Finding]:
    query = """SELECT right_.name || ' on ' || tablename FROM pg_tables,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_(name)
        WHERE schemaname = current_schema() AND tablename = ANY(:names)
        AND NOT has_table_privilege(quote_ident(tablename), right_.name) ORDER BY tablename, right_.name"""
    names = {"names": [table.name for table in Table.metadata.sorted_tables]}
    lacks = list(await connection.scalars(text(query), names))
    return [await _missing(connection, lacks)] if lacks else []


async def _missing(connection: AsyncConnection, lacks: list[str]) -> Finding:
    role = await connection.scalar(text("SELECT current_user"))
    few, more = ", ".join(lacks[:_FEW]), len(lacks) - _FEW
    shown_few = f"{few} and {more} more" if more > 0 else few
    return Finding(
        f"The database's role {role} lacks rights: {shown_few}.", f"Let an administrator GRANT them to {role}."
    )
