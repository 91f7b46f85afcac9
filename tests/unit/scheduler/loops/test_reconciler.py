"""What the database says that workers hold, compared with what Redis says."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from perijove.model.control import Account
from perijove.model.reasons import Reason
from perijove.model.status import Status
from perijove.wire.protocol import LEASE, RENEW_EVERY
from perijove_scheduler.loops.reconciler import Reconciler
from perijove_scheduler.store.tables import ExecutionRow, WorkerRow


@pytest.fixture
def reconciler(world) -> Reconciler:
    return Reconciler(world.bell, world.store, world.queue)


async def later(world, reconciler: Reconciler, seconds: float, *alive) -> None:
    for _ in range(int(seconds / RENEW_EVERY)):
        world.clock.advance(RENEW_EVERY)
        for agent in alive:
            await agent.renew()
        await reconciler.turn()


async def restored(world, agent, **spec) -> str:
    """Return an execution that has ended, of which the database says again that the agent runs it."""
    execution = await world.running(agent, **spec)
    await agent.finish(execution)
    await world.apply()
    async with world.store.write() as session:
        started = {"status": Status.STARTED.value, "reason": None, "finished_at": None, "worker": agent.id}
        await session.execute(update(ExecutionRow).where(ExecutionRow.id == execution).values(**started))
    return execution


async def asked(agent) -> list[Account]:
    return [message for _, message in await agent.wire.listen("0", 0) if isinstance(message, Account)]


async def test_a_worker_is_asked_for_what_it_ended_before_the_database_was_restored(world, reconciler) -> None:
    agent = await world.agent()
    execution = await restored(world, agent)
    await later(world, reconciler, 2 * LEASE, agent)
    assert Account(execution=execution, attempt=1) in await asked(agent)
    agent.held[execution] = 1
    await agent.finish(execution)
    await world.apply()
    assert await world.status(execution) == "complete"


async def test_an_attempt_of_which_its_living_worker_says_nothing_has_failed(world, reconciler) -> None:
    agent = await world.agent()
    execution = await restored(world, agent, retries=0)
    await later(world, reconciler, 4 * LEASE, agent)
    row = await world.row(execution)
    assert (row.status, row.reason) == ("crashed", Reason.AGENT_FAILED.value)


async def test_what_a_worker_holds_is_not_asked_for(world, reconciler) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await later(world, reconciler, 5 * LEASE, agent)
    assert (await asked(agent), await world.status(execution)) == ([], "started")


async def test_what_a_silent_worker_held_is_the_reapers(world, reconciler) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.queue.forget("local", execution, 1)
    await later(world, reconciler, 5 * LEASE)
    assert await world.status(execution) == "started"


async def test_a_worker_that_the_restored_database_does_not_know_has_to_enrol_again(world, reconciler) -> None:
    agent, strange = await world.agent(), await world.agent()
    for each in (agent, strange):
        await world.queue.grant("local", each.id, "0" * 64)
    async with world.store.write() as session:
        await session.execute(update(WorkerRow).where(WorkerRow.id == strange.id).values(ended_at=WorkerRow.created_at))
    await later(world, reconciler, 2 * LEASE, agent)
    assert set(world.queue.granted) == {agent.id}
