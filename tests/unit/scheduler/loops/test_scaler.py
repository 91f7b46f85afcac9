"""Machines come when work waits, and go without taking any with them."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from perijove.model.fleet import WorkerState
from perijove_scheduler.loops.scaler import LEAVE_LIMIT

GRACE = 300


async def started(world) -> list:
    """Scale, and enrol an agent on every machine that was started."""
    known = set(world.rack.started)
    await world.scale()
    fresh = [await world.worker(worker) for worker in world.rack.started if worker not in known]
    return [await world.agent(row.group_name, worker=row.id) for row in fresh]


async def test_nothing_is_started_while_nothing_waits(world) -> None:
    await world.scale()
    assert world.rack.started == []


async def test_machines_rise_with_the_waiting_work_up_to_the_maximum(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    await world.scale()
    assert len(world.rack.started) == 1
    await world.submit(count=20)
    await world.dispatcher.turn()
    await world.scale()
    await world.scale()
    assert len(world.rack.started) == 2
    assert world.rack.tokens == [world.keys.machine_token("local", worker) for worker in world.rack.started]


async def test_a_machine_that_is_starting_is_not_started_again(world) -> None:
    await world.submit(count=2)
    await world.dispatcher.turn()
    await world.scale()
    await world.scale()
    assert len(world.rack.started) == 1
    assert await world.workers(WorkerState.STARTING) == world.rack.started


async def test_every_state_of_a_starting_machine_is_saved(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    await world.scale()
    (worker,) = world.rack.started
    assert (await world.worker(worker)).machine == {"worker": worker, "slot": 1, "provider": "process"}


async def test_an_idle_machine_is_drained_after_the_grace_period_leaves_and_is_ended(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    (agent,) = await started(world)
    execution = await agent.claim()
    await agent.finish(execution)
    await world.apply()
    await world.scale()
    await world.pass_time(GRACE - 5, agent)
    await world.scale()
    assert await world.workers(WorkerState.DRAINING) == []
    await world.pass_time(10, agent)
    await world.scale()
    assert await world.workers(WorkerState.DRAINING) == [agent.id]
    assert "drain" in await agent.told()
    assert world.rack.terminated == []
    await agent.wire.leave()
    await world.apply()
    await world.scale()
    assert world.rack.terminated == [agent.id]
    assert (await world.worker(agent.id)).state == WorkerState.GONE


async def test_a_busy_machine_is_never_drained(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    (agent,) = await started(world)
    await agent.claim()
    await world.apply()
    for _ in range(5):
        await world.pass_time(GRACE, agent)
        await world.scale()
    assert await world.workers(WorkerState.DRAINING) == []


async def test_work_that_arrives_as_a_worker_is_drained_is_not_lost(world) -> None:
    await world.group("single", max_workers=1)
    await world.submit(group="single")
    await world.dispatcher.turn()
    (agent,) = await started(world)
    await agent.finish(await agent.claim())
    await world.apply()
    await world.scale()
    await world.pass_time(GRACE + 5, agent)
    await world.scale()
    (execution,) = await world.submit(group="single")
    await world.dispatcher.turn()
    assert await agent.claim() is None
    await agent.wire.leave()
    await world.apply()
    (successor,) = await started(world)
    assert await successor.claim() == execution


async def test_a_worker_that_takes_work_as_it_is_to_be_drained_keeps_it(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    (agent,) = await started(world)
    await agent.finish(await agent.claim())
    await world.apply()
    await world.scale()
    await world.pass_time(GRACE + 5, agent)
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    await world.scale()
    assert await world.workers(WorkerState.DRAINING) == []
    assert "drain" not in await agent.told()
    assert await agent.finish(execution)


async def test_a_drained_worker_that_does_not_leave_is_ended(world) -> None:
    await world.group("single", grace_period=0)
    await world.submit(group="single")
    await world.dispatcher.turn()
    (agent,) = await started(world)
    await agent.finish(await agent.claim())
    await world.apply()
    await world.scale()
    await world.scale()
    assert await world.workers(WorkerState.DRAINING) == [agent.id]
    world.clock.advance(LEAVE_LIMIT)
    await agent.renew()
    await world.scale()
    assert world.rack.terminated == [agent.id]
    assert (await world.worker(agent.id)).state == WorkerState.GONE


async def test_a_machine_that_ended_before_it_enrolled_is_given_up_with_its_last_words(world, caplog) -> None:
    await world.submit()
    await world.dispatcher.turn()
    await world.scale()
    (worker,) = world.rack.started
    world.rack.running.clear()
    await world.scale()
    assert (await world.worker(worker)).state == WorkerState.GONE
    assert f"{worker} says goodbye" in caplog.text


async def test_starts_that_fail_are_repeated_after_a_pause_that_grows(world) -> None:
    world.rack.broken = True
    await world.submit()
    await world.dispatcher.turn()
    pauses = []
    for _ in range(5):
        await world.scale()
        before = world.scaler._starts["local"].not_before
        pauses.append(before - world.clock())
        await world.scale()
        assert world.scaler._starts["local"].not_before == before
        world.clock.advance(pauses[-1])
    assert pauses[-1] > pauses[0]
    assert world.scaler._starts["local"].failures == 5
    assert await world.workers(WorkerState.STARTING) == []


async def test_a_worker_that_comes_ends_the_pause(world) -> None:
    world.rack.broken = True
    await world.submit(count=4)
    await world.dispatcher.turn()
    await world.scale()
    world.rack.broken = False
    world.clock.advance(60)
    (first, *_) = await started(world)
    await world.scale()
    assert world.scaler._starts["local"].failures == 0
    assert first.id in await world.workers(WorkerState.IDLE)


async def test_the_machine_of_a_lost_worker_is_ended(world) -> None:
    await world.submit()
    await world.dispatcher.turn()
    (agent,) = await started(world)
    await agent.claim()
    await world.apply()
    await world.store.lifecycle.lose([agent.id])
    await world.scale()
    assert world.rack.terminated[0] == agent.id
    assert agent.id not in world.rack.running


async def test_a_start_that_a_crash_interrupted_is_found_and_given_up(world) -> None:
    worker = await world.store.workers.start("local")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "process"})
    world.be_born()
    await world.scale()
    assert (await world.worker(worker)).state == WorkerState.GONE
    assert worker in world.rack.terminated


async def test_a_machine_that_cannot_be_ended_is_tried_until_it_is_however_long_ago_its_worker_ended(
    world, caplog
) -> None:
    world.rack.stuck = True
    worker = await world.store.workers.start("local")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "process"})
    await world.store.workers.end([worker])
    month = text("UPDATE workers SET ended_at = '2020-01-01 00:00:00.000000'")
    async with world.store.write() as session:
        await session.execute(month)
    await world.scale()
    pauses = []
    for _ in range(4):
        pauses.append(world.scaler._tasks.next_in())
        world.clock.advance(pauses[-1])
        await world.scale()
    assert pauses[-1] > pauses[0]
    assert f"scaler: ending the machine of worker {worker} failed, 5 times in a row by now" in caplog.text
    assert "The rack does not answer." in caplog.text
    world.rack.stuck = False
    await world.scale()
    assert world.rack.terminated == [], "it was tried again before its pause was over"
    world.clock.advance(world.scaler._tasks.next_in())
    await world.scale()
    assert (world.rack.terminated, (await world.worker(worker)).machine) == ([worker], {})


async def test_a_machine_whose_provider_is_gone_is_not_forgotten(world, caplog) -> None:
    worker = await world.store.workers.start("local")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "clouds"})
    await world.store.workers.end([worker])
    await world.scale()
    assert (await world.worker(worker)).machine == {"worker": worker, "provider": "clouds"}
    assert "There is no provider named clouds any more" in caplog.text


async def test_a_group_is_not_deleted_while_one_of_its_machines_is_left(world) -> None:
    await world.group("small")
    worker = await world.store.workers.start("small")
    await world.store.workers.checkpoint(worker, {"worker": worker, "provider": "process"})
    await world.store.workers.end([worker])
    assert not await world.store.groups.delete("small")
    await world.scale()
    assert await world.store.groups.delete("small")


async def test_a_provider_is_asked_once_for_all_machines_that_are_starting(world) -> None:
    await world.group("large", min_workers=5, max_workers=5)
    await world.scale()
    world.rack.asked = 0
    await world.scale()
    assert (len(await world.workers(WorkerState.STARTING)), world.rack.asked) == (5, 1)


async def test_a_group_that_is_started_by_hand_is_left_alone(world) -> None:
    await world.group("manual", provider="manual")
    await world.submit(group="manual")
    await world.dispatcher.turn()
    await world.scale()
    assert world.rack.started == []


async def test_the_minimum_is_kept_without_any_work(world) -> None:
    await world.group("ready", min_workers=1)
    (agent,) = await started(world)
    await world.pass_time(2 * GRACE, agent)
    await world.scale()
    await world.scale()
    assert await world.workers(WorkerState.IDLE) == [agent.id]


async def test_the_loop_scales_when_its_bell_rings(world) -> None:
    world.scaler.start()
    world.dispatcher.start()
    await world.submit()
    world.bell.ring("dispatcher")
    while not world.rack.started:
        await asyncio.wait_for(world.rack.switched.wait(), 10)
    await world.dispatcher.stop()
    assert len(world.rack.started) == 1
