from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from perijove_scheduler.store.database import Database, migration_config
from perijove_scheduler.store.tables import Table

INDEXES = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name LIKE 'ix_%' ORDER BY name",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'ix_%' ORDER BY indexname",
}


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/folder of its own/100%.db"
        return
    address: str = request.getfixturevalue("postgres_url")
    server = Database.open(address)
    autocommit = server.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as connection:
        await connection.execute(text("DROP DATABASE IF EXISTS fresh WITH (FORCE)"))
        await connection.execute(text("CREATE DATABASE fresh"))
    await server.aclose()
    yield address.replace("/postgres?", "/fresh?")


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    database = Database.open(empty_url)
    yield database
    await database.aclose()


async def indexes(database: Database) -> list[str]:
    async with database.read() as session:
        found = await session.scalars(text(INDEXES[database.dialect]))
        return [" ".join(definition.split()) for definition in found]


def differences(connection: Connection) -> list[Any]:
    # Alembic cannot compare an index over an expression; the next test does.
    def comparable(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "index" and name == "ix_executions_waiting")

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": comparable})
    return list(compare_metadata(context, Table.metadata))


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
async def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    await database.migrate()
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_migrations_make_exactly_the_indexes(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    expected = await indexes(database)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.drop_all)
    await database.migrate()
    assert await indexes(database) == expected
    assert any("priority DESC" in definition and "WHERE" in definition for definition in expected)


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await database.migrate()
    before = await indexes(database)
    await database.migrate()
    assert await indexes(database) == before


async def test_replicas_may_migrate_at_once(database: Database, empty_url: str) -> None:
    replicas = [Database.open(empty_url) for _ in range(4)]
    await asyncio.gather(*(replica.migrate() for replica in replicas))
    for replica in replicas:
        await replica.aclose()
    assert "ix_executions_live" in str(await indexes(database))


async def test_the_schema_can_be_taken_back(database: Database) -> None:
    await database.migrate()
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(migration_config(c), "base"))
    assert await indexes(database) == []
    await database.migrate()
    assert await indexes(database) != []


async def test_a_new_file_that_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    # SQLite's own time-out does not cover the change to a write-ahead log: it fails at once while somebody writes.
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database.open(f"sqlite:///{path}")
        opening = asyncio.create_task(database.ping())
        await asyncio.wait({opening}, timeout=0.2)
        assert not opening.done()
        other.execute("COMMIT")
    await opening
    await database.aclose()
