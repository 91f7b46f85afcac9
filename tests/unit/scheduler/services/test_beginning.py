"""What a worker is free for, and for which nothing waits, is queued and offered as it is made."""

from __future__ import annotations

import asyncio

import pytest

from perijove.errors import UnknownGroup
from perijove.model.fleet import GroupSettings
from perijove.model.resources import CreateExecutions
from perijove.model.spec import Resources

NOTEBOOK = {
    "cells": [{"cell_type": "code", "id": "a", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


async def connect(world, cpus: float = 4):
    capacity = Resources(cpus=cpus)
    worker = await world.store.workers.enrol("local", None, "host", "1", capacity, "0" * 64)
    agent = world.queue.agent("local", worker)
    await agent.register(capacity, "1", "host")
    return agent


async def test_it_is_offered_to_a_free_worker_without_the_dispatcher(local) -> None:
    agent = await connect(local)
    made = await local.submit()
    assert (made.status, made.queued_at is not None) == ("queued", True)
    ticket = await agent.claim(Resources(cpus=4))
    assert (ticket.execution, ticket.project, ticket.number) == (made.id, made.project_name, made.number)


async def test_a_small_document_travels_along(local) -> None:
    agent = await connect(local)
    await local.submit(spec={"notebook": {"path": "a.ipynb"}, "group": "local"}, notebook=NOTEBOOK)
    assert (await agent.claim(Resources(cpus=4))).notebook["cells"][0]["source"] == "1"


async def test_it_waits_for_the_dispatcher_where_no_worker_is_free(local) -> None:
    assert (await local.submit()).status == "created"  # nobody is there
    await local.store.lifecycle.stop((await local.submit()).id)
    await local.store.lifecycle.stop_many([found.row.id for found in await local.all()])
    await connect(local, cpus=2)
    too_large = {"command": "true", "group": "local", "resources": {"cpus": 3}}
    assert (await local.submit(spec=too_large)).status == "created"
    await local.store.lifecycle.stop_many([found.row.id for found in await local.all()])
    assert [(await local.submit()).status for _ in range(3)] == ["queued", "queued", "created"]


async def test_it_does_not_overtake_what_waits(local) -> None:
    await local.submit(local.bob)
    await connect(local)
    assert (await local.submit()).status == "created"


async def test_many_made_at_once_are_left_to_the_dispatcher(local) -> None:
    await connect(local)
    spec = {"command": "true", "group": "local"}
    await local.services.executions.create_many(local.ada, CreateExecutions.model_validate({"specs": [spec, spec]}))
    assert {found.row.status for found in await local.all()} == {"created"}


async def test_requests_at_the_same_moment_do_not_share_one_free_worker(local) -> None:
    await connect(local, cpus=2)
    made = await asyncio.gather(*(local.submit(caller) for caller in (local.ada, local.bob) for _ in range(3)))
    assert sorted(one.status for one in made) == ["created"] * 4 + ["queued"] * 2


async def test_a_group_that_is_deleted_meanwhile_gets_nothing(local) -> None:
    await local.services.groups.create(local.admin, "other", GroupSettings())
    found = local.store.groups.settings

    async def deleted_now(name: str) -> GroupSettings | None:
        settings = await found(name)
        await local.store.groups.delete("other")
        return settings

    local.store.groups.settings = deleted_now
    with pytest.raises(UnknownGroup):
        await local.submit(spec={"command": "true", "group": "other"})
    assert await local.all() == []
