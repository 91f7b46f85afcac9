"""A document that several executions share stays as long as one of them, whichever replica makes and deletes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from perijove.errors import InvalidNotebook, UnknownCode, UnknownExecution
from perijove.model.fleet import GroupSettings
from perijove.model.resources import CopyExecution, CreateExecution
from perijove.model.spec import Resources
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import Stored, notebook_key
from perijove_scheduler.queue.memory import MemoryQueue, MemoryTail
from perijove_scheduler.services import Limits, Services
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.store import Store

ADA = Caller("ada", frozenset(), frozenset({"read", "submit"}))
ROOT = Caller("root", frozenset(), frozenset({"admin"}))
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}
REQUEST = CreateExecution.model_validate({
    "spec": {"notebook": {"path": "a.ipynb"}, "group": "local"},
    "notebook": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CELL]},
})  # fmt: skip


class Files(LocalFiles):
    """Lets something else happen once, before an object is deleted or after one is stored."""

    before_delete: Callable[[], Awaitable[Any]] | None = None
    after_put: Callable[[], Awaitable[Any]] | None = None

    async def delete(self, key: str) -> None:
        act, self.before_delete = self.before_delete, None
        if act is not None:
            await act()
        await super().delete(key)

    async def put(self, *args: Any, **values: Any) -> Stored:
        act, self.after_put = self.after_put, None
        stored = await super().put(*args, **values)
        if act is not None:
            await act()
        return stored


class Replica:
    """A service on a database and a folder that it shares with another."""

    def __init__(self, store: Store, root: Path) -> None:
        limits = Limits(snapshot_limit=1000, notebook_limit=20_000, public_url="https://hub.example/")
        queue = MemoryQueue()
        self.store = store
        self.files = Files(root, b"k" * 32, limits.public_url)
        self.services = Services(store, queue, MemoryTail(queue), self.files, Bell(), limits)

    async def submit(self) -> str:
        return (await self.services.executions.create(ADA, REQUEST)).id

    async def copy(self, execution: str) -> str:
        return (await self.services.executions.copy(ADA, execution, CopyExecution())).id

    async def delete(self, execution: str) -> None:
        await self.services.executions.stop(ADA, execution)
        await self.services.executions.delete(ADA, execution)

    async def document(self, execution: str) -> str:
        """Return the digest of the document an execution runs."""
        notebook = (await self.services.executions.get(ADA, execution)).spec.notebook
        assert notebook is not None
        assert notebook.sha256 is not None
        return notebook.sha256

    async def has(self, document: str) -> bool:
        return await self.files.stat(notebook_key(document)) is not None


@pytest.fixture
async def replicas(store: Store, url: str, tmp_path: Path) -> AsyncIterator[tuple[Replica, Replica]]:
    other = await Store.open(url)
    one, two = Replica(store, tmp_path / "files"), Replica(other, tmp_path / "files")
    settings = GroupSettings(runtime="process", capacity=Resources(cpus=1))
    await one.services.groups.create(ROOT, "local", settings)
    yield one, two
    await other.aclose()


async def test_a_document_goes_with_the_last_that_runs_it(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    made = await one.submit()
    copy = await two.copy(made)
    document = await one.document(made)
    await one.delete(made)
    assert await one.has(document)
    await two.delete(copy)
    assert not await one.has(document)


async def test_a_document_that_is_submitted_again_while_it_is_deleted_stays(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    made = await one.submit()
    document = await one.document(made)
    one.files.before_delete = two.submit
    await one.delete(made)
    assert one.files.before_delete is None
    assert await one.has(document)


async def test_a_document_that_is_deleted_before_its_row_is_written_is_stored_again(
    replicas: tuple[Replica, Replica],
) -> None:
    one, two = replicas
    made = await one.submit()
    document = await one.document(made)
    two.files.after_put = lambda: one.delete(made)
    await two.submit()
    assert two.files.after_put is None
    assert await one.has(document)


async def test_a_copy_of_what_is_deleted_meanwhile_is_refused(
    replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = replicas
    made = await one.submit()
    write = two.store.executions.create_many

    async def after_the_deletion(*args: Any) -> Any:
        await one.delete(made)
        return await write(*args)

    monkeypatch.setattr(two.store.executions, "create_many", after_the_deletion)
    with pytest.raises(UnknownCode, match="a document"):
        await two.copy(made)
    assert (await two.services.executions.list(ADA, ExecutionFilter())).items == []


async def test_whoever_comes_first_nobody_runs_a_document_that_is_gone(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    last = await one.submit()
    document = await one.document(last)
    for turn in range(12):
        deleter, maker = (one, two) if turn % 2 else (two, one)
        copying = maker.copy(last) if turn % 4 < 2 else maker.submit()
        gone, made = await asyncio.gather(deleter.delete(last), copying, return_exceptions=True)
        assert gone is None
        if isinstance(made, (UnknownCode, UnknownExecution, InvalidNotebook)):  # the copy came too late
            last = await maker.submit()
        else:
            assert isinstance(made, str), made
            last = made
        assert await one.has(document)
