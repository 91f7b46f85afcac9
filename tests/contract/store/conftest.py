"""One suite, every database: SQLite in a folder, and a private PostgreSQL cluster on a Unix socket."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster
from sqlalchemy import insert, select, text

from perijove.model.ids import new_id
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import (
    AttemptRow,
    DatumRow,
    ExecutionRow,
    GroupRow,
    ProjectRow,
    Table,
)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a cluster for this session; it is gone afterwards."""
    with Cluster() as cluster:
        yield cluster.url


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_url: str) -> str:
    asyncio.run(_migrate(postgres_url))
    return postgres_url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "perijove.db")
        return f"sqlite:///{tmp_path / 'perijove.db'}"
    address: str = request.getfixturevalue("migrated_postgres_url")
    asyncio.run(_empty(address))
    return address


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    yield store
    await store.aclose()


@pytest.fixture
def open_world(url: str) -> Callable[[], Awaitable[World]]:
    """For tests that run a loop of their own."""

    async def opened() -> World:
        world = World(await Store.open(url))
        await world.prepare()
        return world

    return opened


@pytest.fixture
async def world(store: Store) -> World:
    world = World(store)
    await world.prepare()
    return world


_EXECUTION = {
    "owner": "ada",
    "group_name": "local",
    "status": "created",
    "retries_left": 2,
    "spec": {"command": ["true"], "group": "local"},
}


@dataclass
class World:
    """A store with one project and two groups, and the means to put executions into it and look at them."""

    store: Store
    project: str = ""

    async def prepare(self) -> None:
        self.project = new_id("pr")
        async with self.store.write() as session:
            session.add(ProjectRow(id=self.project, name="project", owner="ada", created_at=db_now()))
            for name in ("local", "other"):
                session.add(GroupRow(name=name, settings={}, token_sha256="", created_at=db_now()))

    async def execution(self, **values: Any) -> str:
        return (await self.executions(1, **values))[0]

    async def executions(self, count: int, **values: Any) -> list[str]:
        # Identifiers of one millisecond are in no order; a test that speaks of the older one needs one.
        made = sorted(new_id("ex") for _ in range(count))
        async with self.store.write() as session:
            project = await session.get_one(ProjectRow, self.project)
            numbers = range(project.next_number, project.next_number + count)
            project.next_number += count
            now = (await session.scalars(select(db_now()))).one()
            rows = [{"id": id_, "number": n, **_EXECUTION, "project_id": self.project, "created_at": now, **values}
                    for id_, n in zip(made, numbers, strict=True)]  # fmt: skip
            await session.execute(insert(ExecutionRow), rows)
        return made

    async def row(self, execution: str) -> ExecutionRow:
        async with self.store.read() as session:
            return await session.get_one(ExecutionRow, execution)

    async def attempts(self, execution: str) -> list[AttemptRow]:
        query = select(AttemptRow).where(AttemptRow.execution_id == execution).order_by(AttemptRow.attempt)
        async with self.store.read() as session:
            return list(await session.scalars(query))

    async def outputs(self, execution: str) -> list[DatumRow]:
        async with self.store.read() as session:
            query = select(DatumRow).where(DatumRow.execution_id == execution).order_by(DatumRow.name)
            return list(await session.scalars(query))


async def _migrate(url: str) -> None:
    store = await Store.open(url)
    await store.migrate()
    await store.aclose()


async def _empty(url: str) -> None:
    store = await Store.open(url)
    names = ", ".join(table.name for table in Table.metadata.sorted_tables)
    async with store.write() as session:
        await session.execute(text(f"TRUNCATE {names} CASCADE"))
    await store.aclose()
