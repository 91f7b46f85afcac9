"""Who is lost, and what becomes of their work."""

from __future__ import annotations

import pytest

from perijove.errors import Unavailable
from perijove.model.events import Finished
from perijove.model.fleet import WorkerState
from perijove.model.reasons import Reason
from perijove.wire.protocol import LEASE


async def test_a_lost_worker_costs_one_retry_and_the_work_is_offered_again(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await world.queue.grant("local", agent.id, "0" * 64)
    await world.pass_time(2 * LEASE, other)
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 1)
    assert (await world.attempt(execution, 1)).reason == Reason.WORKER_LOST.value
    assert (await world.worker(agent.id)).state == WorkerState.LOST
    assert world.queue.granted == {}
    assert await other.claim() == execution
    assert other.held == {execution: 2}


async def test_work_without_retries_left_crashes_with_its_worker(world) -> None:
    execution = await world.running(await world.agent(), retries=0)
    await world.pass_time(2 * LEASE)
    row = await world.row(execution)
    assert (row.status, row.reason) == ("crashed", Reason.WORKER_LOST.value)


async def test_work_that_was_asked_to_stop_is_stopped_when_its_worker_is_lost(world) -> None:
    execution = await world.running(await world.agent())
    await world.store.lifecycle.stop(execution)
    await world.pass_time(2 * LEASE)
    assert await world.status(execution) == "stopped"


async def test_a_worker_that_renews_is_never_lost(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.pass_time(10 * LEASE, agent)
    assert await world.status(execution) == "started"


async def test_a_worker_that_is_late_but_renews_within_its_lease_is_not_lost(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    for _ in range(5):
        await world.pass_time(LEASE - 5)
        await agent.renew()
    assert await world.status(execution) == "started"


async def test_a_master_that_was_down_waits_a_full_lease_before_it_judges(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.pass_time(20 * LEASE, reap=False)
    world.be_born()
    await world.pass_time(LEASE - 5)
    assert await world.status(execution) == "started"
    await agent.renew()
    await world.pass_time(10 * LEASE, agent)
    assert await world.status(execution) == "started"


async def test_a_master_that_was_down_does_judge_after_that_lease(world) -> None:
    execution = await world.running(await world.agent())
    await world.pass_time(20 * LEASE, reap=False)
    world.be_born()
    await world.pass_time(LEASE + 10)
    assert await world.status(execution) == "queued"


async def test_a_master_that_was_suspended_begins_to_watch_anew(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.pass_time(2 * LEASE, agent)
    world.clock.advance(3600)
    await world.reaper.turn()
    assert await world.status(execution) == "started"


async def test_redis_that_was_away_is_no_reason_to_lose_anybody(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.pass_time(2 * LEASE, agent)
    world.queue.reachable = False
    world.clock.advance(LEASE)
    with pytest.raises(Unavailable):
        await world.reaper.turn()
    world.queue.reachable = True
    await world.reaper.turn()
    assert await world.status(execution) == "started"


async def test_a_flushed_redis_gives_its_workers_a_lease_to_come_back(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.pass_time(2 * LEASE, agent)
    world.queue.flush()
    await world.pass_time(LEASE - 5)
    await agent.renew()
    await world.apply()
    await world.pass_time(3 * LEASE, agent)
    row = await world.row(execution)
    assert (row.status, row.attempt, row.worker) == ("started", 1, agent.id)


async def test_a_worker_that_does_not_come_back_after_a_flush_is_lost(world) -> None:
    execution = await world.running(await world.agent())
    world.queue.flush()
    await world.pass_time(2 * LEASE)
    row = await world.row(execution)
    assert (row.status, row.attempt) == ("queued", 2)


async def test_a_worker_whose_machine_is_known_to_be_gone_is_lost_sooner(world) -> None:
    worker = await world.store.workers.start("local")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "process"})
    world.rack.running.add(worker)
    agent = await world.agent(worker=worker)
    execution = await world.running(agent)
    await world.pass_time(LEASE / 2)
    assert await world.status(execution) == "started"
    await agent.renew()
    world.rack.running.clear()
    await world.pass_time(LEASE / 2)
    assert await world.status(execution) == "queued"


async def test_what_a_lost_worker_still_says_changes_nothing(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await world.pass_time(2 * LEASE, other)
    late = Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK)
    await agent.wire.emit([late])
    assert not await agent.wire.close(late)
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.attempt) == ("queued", 2)


async def test_work_whose_claim_was_never_heard_of_is_offered_again_when_its_worker_is_lost(world) -> None:
    agent, other = await world.agent(), await world.agent()
    (execution,) = await world.submit()
    await world.dispatcher.turn()
    assert await agent.claim() == execution
    await world.queue.acknowledge(await world.queue.read_events(["local"], "nobody", 0, 10))
    await world.pass_time(2 * LEASE, other)
    await world.sweeper.turn()
    assert await other.claim() == execution
    assert (await world.row(execution)).attempt == 1


async def test_a_worker_that_has_just_enrolled_is_watched_before_it_is_judged(world) -> None:
    agent = await world.agent()
    await world.pass_time(3 * LEASE, agent)
    worker = await world.store.workers.start("local")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "another's"})
    await world.store.workers.enrol("local", worker, "host", "1", agent.capacity, "0" * 64)
    await world.pass_time(LEASE - 5, agent)
    assert (await world.worker(worker)).state == WorkerState.IDLE
    await world.pass_time(LEASE, agent)
    assert (await world.worker(worker)).state == WorkerState.LOST


async def test_reaping_twice_is_harmless(world) -> None:
    execution = await world.running(await world.agent())
    await world.pass_time(4 * LEASE)
    row = await world.row(execution)
    assert (row.attempt, row.retries_left) == (2, 1)


async def test_a_worker_that_never_reached_redis_is_kept_for_whoever_started_it_to_see(world) -> None:
    reached = await world.agent()
    secret = "0" * 64
    unreachable = await world.store.workers.enrol("local", None, "host", "1", reached.capacity, secret)
    await world.pass_time(3 * LEASE, reached)
    assert {row.id for row in await world.store.workers.live()} == {reached.id, unreachable}
    await world.pass_time(3 * LEASE)
    assert [row.id for row in await world.store.workers.live()] == [unreachable]
