"""Workers: known while they renew, told what to do, fenced before they are ended."""

from __future__ import annotations

import asyncio

import pytest

from perijove.model.control import Drain, Stop
from perijove.model.events import Stopped
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove_scheduler.queue.protocol import WorkerLiveness

from .conftest import GROUP, Wire, held, soon, ticket

ONE = Resources(cpus=1)


@pytest.fixture
def worker() -> str:
    return new_id("wk")


async def only_worker(wire: Wire) -> WorkerLiveness:
    (found,) = await wire.queue.workers(GROUP)
    return found


async def test_a_registered_worker_is_known(wire: Wire, worker: str) -> None:
    agent = wire.agent(worker)
    capacity = Resources(cpus=3.5, memory=2**40, gpus=2)
    await agent.register(capacity, "1.2.3", "höst")
    found = await only_worker(wire)
    assert (found.worker, found.state, found.capacity, found.host, found.version, found.held) == (
        worker,
        "active",
        capacity,
        "höst",
        "1.2.3",
        {},
    )
    assert found.silent_for < 5


async def test_a_worker_is_silent_since_its_last_renewal(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.age(worker, 100)
    assert 100 <= (await only_worker(wire)).silent_for < 110
    await agent.renew([])
    assert (await only_worker(wire)).silent_for < 10


async def test_a_glance_shows_the_workers_of_several_groups(wire: Wire, worker: str) -> None:
    agent, idle = await wire.registered(worker), new_id("wk")
    await wire.registered(idle)
    offered = ticket()
    await wire.queue.offer(offered)
    await agent.claim(ONE)
    await wire.queue.drain(GROUP, idle, only_idle=True)
    await wire.age(idle, 100)
    await agent.renew([held(offered)])
    seen = await wire.queue.glance([GROUP, "nobody"])
    assert seen["nobody"] == {}
    assert {name: (one.state, one.busy) for name, one in seen[GROUP].items()} == {
        worker: ("active", True), idle: ("fenced", False)
    }  # fmt: skip
    assert seen[GROUP][worker].silent_for < 10
    assert 100 <= seen[GROUP][idle].silent_for < 110
    assert await wire.queue.glance([]) == {}


async def test_what_a_worker_holds_is_known(wire: Wire, worker: str) -> None:
    agent, offered = await wire.registered(worker), ticket(attempt=3)
    await wire.queue.offer(offered)
    await agent.claim(ONE)
    assert (await only_worker(wire)).held == {offered.execution: 3}


async def test_registering_again_keeps_a_draining_state(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.drain(GROUP, worker)
    await agent.register(Resources(cpus=2), "2.0", "host")
    assert ((await only_worker(wire)).state, (await only_worker(wire)).version) == ("draining", "2.0")


async def test_a_drained_worker_claims_nothing_and_is_told(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    assert await wire.queue.drain(GROUP, worker)
    await wire.queue.offer(ticket())
    assert await agent.claim(ONE) is None
    assert [message for _, message in await agent.listen("0", 0.01)] == [Drain()]
    assert (await agent.renew([])).draining


async def test_a_busy_worker_can_be_drained_and_keeps_its_work(wire: Wire, worker: str) -> None:
    agent, mine = await wire.registered(worker), ticket()
    await wire.queue.offer(mine)
    await agent.claim(ONE)
    assert await wire.queue.drain(GROUP, worker)
    renewal = await agent.renew([held(mine)])
    assert (renewal.draining, renewal.superseded) == (True, [])


async def test_an_idle_drain_leaves_a_busy_worker_alone(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.offer(ticket())
    await agent.claim(ONE)
    assert not await wire.queue.drain(GROUP, worker, only_idle=True)
    assert (await only_worker(wire)).state == "active"
    assert await agent.listen("0", 0.01) == []


async def test_racing_claim_and_idle_drain_have_one_winner(wire: Wire) -> None:
    for _ in range(20):
        worker = new_id("wk")
        agent = await wire.registered(worker)
        await wire.queue.offer(ticket())
        claim, drained = await asyncio.gather(agent.claim(ONE), wire.queue.drain(GROUP, worker, only_idle=True))
        assert (claim is None) == drained
        if claim is None:
            await wire.queue.remove_worker(GROUP, worker)
            assert await (await wire.registered()).claim(ONE) is not None


async def test_an_idle_drain_fences(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    assert await wire.queue.drain(GROUP, worker, only_idle=True)
    assert (await only_worker(wire)).state == "fenced"
    await wire.queue.offer(ticket())
    assert await agent.claim(ONE) is None


async def test_an_unknown_worker_cannot_be_drained(wire: Wire) -> None:
    assert not await wire.queue.drain(GROUP, new_id("wk"))
    assert await wire.queue.workers(GROUP) == []


async def test_messages_come_in_order_and_only_once(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    stops = [Stop(execution=new_id("ex"), attempt=n) for n in (1, 2, 3)]
    for stop in stops:
        await wire.queue.tell(GROUP, worker, stop)
    heard = await agent.listen("0", 5)
    assert [message for _, message in heard] == stops
    assert [message for _, message in await agent.listen(heard[1][0], 5)] == stops[2:]
    assert await agent.listen(heard[2][0], 0.01) == []


async def test_a_message_ends_the_wait_for_it(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    listening = asyncio.create_task(agent.listen("0", 60))
    await wire.queue.tell(GROUP, worker, Drain())
    assert [message for _, message in await soon(listening)] == [Drain()]


async def test_a_worker_hears_only_its_own_messages(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.tell(GROUP, new_id("wk"), Drain())
    assert await agent.listen("0", 0.01) == []


async def test_listening_can_be_given_up(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    listening = asyncio.create_task(agent.listen("0", 60))
    await asyncio.sleep(0)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await wire.queue.tell(GROUP, worker, Drain())
    assert len(await soon(agent.listen("0", 60))) == 1


async def test_a_removed_worker_is_gone_and_claims_nothing(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.tell(GROUP, worker, Drain())
    await wire.queue.remove_worker(GROUP, worker)
    await wire.queue.offer(ticket())
    assert await wire.queue.workers(GROUP) == []
    assert await agent.claim(ONE) is None
    assert await agent.listen("0", 0.01) == []


async def test_a_removed_worker_that_was_only_away_is_registered_by_its_renewal(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.remove_worker(GROUP, worker)
    await agent.renew([])
    assert (await only_worker(wire)).worker == worker


async def test_a_worker_that_leaves_says_so_and_is_gone(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await agent.leave()
    assert [d.event for d in await wire.events()] == [Stopped(worker=worker)]
    assert await wire.queue.workers(GROUP) == []
