"""A list, and what is said of one thing, costs as many statements however much there is."""

from __future__ import annotations

import pytest
from statements import statements

from perijove.model.resources import CreateProject
from perijove_scheduler.store.listing import ExecutionFilter

CALLS = {
    "executions.list": lambda world, _: world.services.executions.list(world.ada, ExecutionFilter()),
    "executions.get": lambda world, made: world.services.executions.get(world.ada, made),
    "executions.why": lambda world, made: world.services.executions.why(world.ada, made),
    "projects.list": lambda world, _: world.services.projects.list(world.ada),
    "groups.list": lambda world, _: world.services.groups.list(world.ada),
    "groups.get": lambda world, _: world.services.groups.get(world.ada, "local"),
    "groups.workers": lambda world, _: world.services.groups.workers(world.ada, "local"),
}


async def populate(world, first: int, count: int) -> None:
    for number in range(first, first + count):
        await world.group(f"group-{number}")
        await world.services.projects.create(world.ada, CreateProject(name=f"project-{number}"))
        made = await world.submit(project=f"project-{number}")
        await world.store.workers.start("local")
        await world.start(made.id)


@pytest.mark.parametrize("call", CALLS)
async def test_it_costs_as_many_statements_however_much_there_is(local, call: str) -> None:
    waiting = (await local.submit()).id
    await populate(local, 0, 1)
    few = await statements(local.store, lambda: CALLS[call](local, waiting))
    await populate(local, 1, 6)
    assert await statements(local.store, lambda: CALLS[call](local, waiting)) <= few
