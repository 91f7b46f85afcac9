"""A turn asks as many questions however many groups and workers there are."""

from __future__ import annotations

import pytest
from statements import statements


async def populate(world, first: int, count: int) -> None:
    for number in range(first, first + count):
        await world.group(f"group-{number}")
        agent = await world.agent(f"group-{number}")
        await world.store.workers.start(f"group-{number}")
        await world.running(agent, group=f"group-{number}")


@pytest.mark.parametrize("loop", ["scaler", "reaper", "archiver", "dispatcher", "sweeper"])
async def test_a_turn_costs_as_many_statements_however_many_groups_there_are(world, loop: str) -> None:
    turn = getattr(world, loop).turn
    await populate(world, 0, 1)
    await turn()
    few = await statements(world.store, turn)
    await populate(world, 1, 6)
    await turn()
    await world.scaler.settle()
    assert await statements(world.store, turn) <= few
