"""What can't run is looked at again whenever a group's settings or workers change."""

from __future__ import annotations

import asyncio

from perijove.model.fleet import GroupSettings
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove_scheduler.services.bell import CAPACITY

LARGE, SMALL = Resources(cpus=8), Resources(cpus=2)


async def change(world, group: str, **values) -> None:
    """Change a group's settings, as an administrator does."""
    settings = GroupSettings(**{"provider": "manual", "max_workers": 1, "capacity": LARGE, **values})
    assert await world.store.groups.update(group, settings)
    world.bell.ring(CAPACITY)


async def by_hand(world, **values) -> None:
    await world.group("hand", **{"provider": "manual", "max_workers": 1, "capacity": LARGE, **values})


async def test_what_can_never_run_by_new_settings_is_refused_and_holds_nobody_up(world) -> None:
    await by_hand(world)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    assert await world.status(large) == "queued"
    await change(world, "hand", capacity=SMALL)
    (small,) = await world.submit(group="hand", resources={"cpus": 1})
    await world.dispatcher.turn()
    row = await world.row(large)
    assert (row.status, row.reason) == ("crashed", Reason.UNSCHEDULABLE.value)
    assert row.detail == "It asks for 6 CPUs; a worker of group hand has 2 CPUs."
    assert row.finished_at is not None
    agent = await world.agent("hand", SMALL)
    assert [await agent.claim(), await agent.claim()] == [small, None]


async def test_what_waits_behind_many_is_refused_too(world) -> None:
    await by_hand(world, max_workers=0, capacity=SMALL)
    fits = await world.submit(count=60, group="hand")
    large = await world.submit(count=60, group="hand", resources={"cpus": 2})
    await world.dispatcher.turn()
    await change(world, "hand", max_workers=0, capacity=Resources(cpus=1))
    await world.dispatcher.turn()
    assert {await world.status(execution) for execution in fits} == {"created"}
    assert {await world.status(execution) for execution in large} == {"crashed"}


async def test_what_a_worker_has_claimed_is_left_to_it(world) -> None:
    await by_hand(world)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    agent = await world.agent("hand", LARGE)
    assert await agent.claim() == large
    await world.store.workers.end([agent.id])
    await change(world, "hand", capacity=SMALL)
    await world.dispatcher.turn()
    await world.apply()
    assert await world.status(large) == "started"


async def test_what_has_ended_is_left_to_the_events_that_say_so(world) -> None:
    await by_hand(world)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    agent = await world.agent("hand", LARGE)
    assert await agent.claim() == large
    await agent.finish(large)
    await world.store.workers.end([agent.id])
    await change(world, "hand", capacity=SMALL)
    await world.dispatcher.turn()
    await world.apply()
    assert await world.status(large) == "complete"


async def test_what_only_an_absent_worker_could_run_waits_in_its_line_and_holds_nobody_up(world) -> None:
    await by_hand(world)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    agent = await world.agent("hand", SMALL)
    world.bell.ring(CAPACITY)
    small = await world.submit(count=3, group="hand")
    await world.dispatcher.turn()
    assert await world.status(large) == "created"
    assert [await agent.claim() for _ in range(4)] == [*small, None]


async def test_it_runs_when_a_worker_comes_that_is_large_enough(world) -> None:
    await by_hand(world)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    await world.agent("hand", SMALL)
    world.bell.ring(CAPACITY)
    await world.dispatcher.turn()
    larger = await world.agent("hand", LARGE)
    world.bell.ring(CAPACITY)
    await world.dispatcher.turn()
    assert await larger.claim() == large


async def test_a_long_line_of_what_cannot_run_now_does_not_hide_what_can(world) -> None:
    await by_hand(world, max_workers=100)
    agent = await world.agent("hand", SMALL)
    large = await world.submit(count=120, group="hand", resources={"cpus": 6})
    for number in range(210):
        await world.submit(f"owner-{number}", group="hand", resources={"cpus": 6})
    (small,) = await world.submit(group="hand")
    await world.dispatcher.turn()
    assert await agent.claim() == small
    assert {await world.status(execution) for execution in large} == {"created"}


async def test_work_is_refused_when_the_only_worker_that_could_run_it_has_left(world) -> None:
    await by_hand(world, capacity=SMALL)
    agent = await world.agent("hand", LARGE)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    await world.dispatcher.turn()
    assert await world.status(large) == "queued"
    await agent.wire.leave()
    await world.apply()
    await world.dispatcher.turn()
    assert (await world.row(large)).reason == Reason.UNSCHEDULABLE.value


async def test_a_change_of_workers_is_noticed_at_once(world) -> None:
    """The dispatcher's own period is 15 s, so nothing but the bell brings this about in time."""
    await by_hand(world, capacity=SMALL)
    agent = await world.agent("hand", LARGE)
    (large,) = await world.submit(group="hand", resources={"cpus": 6})
    world.dispatcher.period = 3600
    world.dispatcher.start()
    refused = world.queue.changes()
    while await world.status(large) != "queued":
        await asyncio.wait_for(anext(refused), 10)
    await agent.wire.leave()
    await world.apply()
    while await world.status(large) != "crashed":
        await asyncio.wait_for(anext(refused), 10)
    await world.dispatcher.stop()
