"""What a waiting execution needs is kept, whoever deletes what it comes from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from perijove.model.ids import new_id
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.creation import NewExecution, SourceGone
from perijove_scheduler.store.data import InputInUse
from perijove_scheduler.store.tables import DatumRow, ProjectRow, UseRow


async def output_of(world: Any, execution: str, name: str = "model") -> str:
    datum = new_id("da")
    row = {"id": datum, "execution_id": execution, "attempt": 1, "name": name, "size": 1, "sha256": "0" * 64,
           "media_type": "", "created_at": db_now()}  # fmt: skip
    async with world.store.write() as session:
        await session.execute(insert(DatumRow).values(**row))
    return datum


async def uses(world: Any, reader: str, datum: str) -> None:
    async with world.store.write() as session:
        await session.execute(insert(UseRow).values(execution_id=reader, datum_id=datum))


@pytest.mark.parametrize("status", ["created", "queued", "started", "stopping"])
async def test_an_execution_whose_output_is_awaited_is_not_deleted_and_the_waiter_is_named(world, status) -> None:
    source = await world.execution(status="complete")
    waiter = await world.execution(status=status)
    await uses(world, waiter, await output_of(world, source))
    with pytest.raises(InputInUse) as refused:
        await world.store.executions.delete(source)
    assert [(reader.execution, reader.owner, reader.number) for reader in refused.value.readers] == [(waiter, "ada", 2)]
    assert (await world.row(source)).status == "complete"
    assert len(await world.outputs(source)) == 1


@pytest.mark.parametrize("status", ["complete", "error", "crashed", "stopped"])
async def test_one_whose_readers_have_ended_is_deleted(world, status) -> None:
    source = await world.execution(status="complete")
    reader = await world.execution(status=status)
    await uses(world, reader, await output_of(world, source))
    assert await world.store.executions.delete(source)
    assert (await world.row(reader)).status == status


async def test_a_project_whose_output_another_project_awaits_is_not_deleted(world) -> None:
    source = await world.execution(status="complete")
    other = new_id("pr")
    async with world.store.write() as session:
        session.add(ProjectRow(id=other, name="other", owner="bob", created_at=db_now()))
    waiter = await world.execution(status="queued", project_id=other, owner="bob")
    await uses(world, waiter, await output_of(world, source))
    with pytest.raises(InputInUse) as refused:
        await world.store.projects.delete(world.project)
    assert [(reader.owner, reader.project_name) for reader in refused.value.readers] == [("bob", "other")]
    assert (await world.row(source)).status == "complete"


async def test_who_takes_an_input_while_it_is_deleted_has_it_or_is_refused(world) -> None:
    """Either the deletion sees the new execution, or the new execution is not made: in no order is there neither."""

    async def submit(datum: str) -> bool:
        new = NewExecution(
            project=world.project, owner="ada", group="local", priority=0, retries=0, title="", code=None,
            notebook=None, spec={"command": ["true"], "group": "local"}, inputs=[datum],
        )  # fmt: skip
        try:
            return await world.store.executions.create(new) is not None
        except SourceGone:
            return False

    async def delete(source: str) -> bool:
        try:
            return bool(await world.store.executions.delete(source))
        except InputInUse:
            return False

    for _ in range(10):
        source = await world.execution(status="complete")
        datum = await output_of(world, source)
        made, deleted = await asyncio.gather(submit(datum), delete(source))
        assert made != deleted
        async with world.store.read() as session:
            left = (await session.scalars(select(UseRow.execution_id).where(UseRow.datum_id == datum))).all()
        assert len(left) == int(made)
