"""Events: delivered until they are acknowledged, in order, whoever dies in between."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from perijove.model.events import Advanced, Stopped
from perijove.model.ids import new_id
from perijove.wire.keys import GroupKeys
from perijove.wire.limits import CONSUMER_IDLE

from .conftest import GROUP, Wire, soon


def advanced(done: int) -> Advanced:
    return Advanced(worker=new_id("wk"), execution=new_id("ex"), attempt=1, done=done, total=9, metadata={"loss": 0.5})


async def test_events_arrive_as_they_were_sent(wire: Wire) -> None:
    sent = [advanced(n) for n in range(5)]
    await wire.agent().emit(sent)
    assert [delivery.event for delivery in await wire.events()] == sent


async def test_an_acknowledged_event_does_not_come_again(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    assert len(await wire.events()) == 1
    assert await wire.events() == []


async def test_an_event_ends_the_wait_for_it(wire: Wire) -> None:
    reading = asyncio.create_task(wire.queue.read_events([GROUP], "a", 60, 10))
    await wire.agent().emit([advanced(1)])
    assert len(await soon(reading)) == 1


async def test_events_of_several_groups_come_together(wire: Wire) -> None:
    for group in ("one", "two"):
        await wire.agent(group=group).emit([advanced(1)])
    found = await soon(wire.queue.read_events(["one", "two", "three"], "a", 5, 10))
    assert sorted(delivery.group for delivery in found) == ["one", "two"]
    await wire.queue.acknowledge(found)
    assert await wire.queue.read_events(["one", "two"], "a", 0.01, 10) == []


async def test_what_one_group_has_left_over_holds_no_others_events_up(wire: Wire) -> None:
    await wire.agent(group="one").emit([advanced(1)])
    assert len(await wire.queue.read_events(["one", "two"], "a", 5, 10)) == 1
    await wire.agent(group="two").emit([advanced(2)])
    found = await wire.queue.read_events(["one", "two"], "a", 5, 10)
    assert sorted(delivery.group for delivery in found) == ["one", "two"]


async def test_a_limit_leaves_the_rest_for_later(wire: Wire) -> None:
    sent = [advanced(n) for n in range(5)]
    await wire.agent().emit(sent)
    first = await wire.queue.read_events([GROUP], "a", 5, 3)
    await wire.queue.acknowledge(first)
    rest = await wire.queue.read_events([GROUP], "a", 5, 3)
    assert [d.event for d in [*first, *rest]] == sent


async def test_a_consumer_that_returns_gets_what_it_did_not_acknowledge_first(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    before = await wire.queue.read_events([GROUP], "a", 5, 10)
    await wire.agent().emit([advanced(2)])
    assert await wire.queue.read_events([GROUP], "a", 5, 10) == before


async def test_what_a_dead_consumer_did_not_acknowledge_goes_to_another(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    before = await wire.queue.read_events([GROUP], "dead", 5, 10)
    await wire.age("events", CONSUMER_IDLE + 1)
    assert await wire.queue.read_events([GROUP], "alive", 5, 10) == before


async def test_what_a_live_consumer_works_on_stays_its(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    assert len(await wire.queue.read_events([GROUP], "a", 5, 10)) == 1
    assert await wire.queue.read_events([GROUP], "b", 0.01, 10) == []


async def test_two_consumers_share_events_without_doubling_them(wire: Wire) -> None:
    sent = [advanced(n) for n in range(40)]
    await wire.agent().emit(sent)
    batches = await asyncio.gather(*(wire.queue.read_events([GROUP], name, 5, 20) for name in ("a", "b")))
    assert sorted(d.event.done for batch in batches for d in batch) == list(range(40))


async def test_reading_can_be_given_up_without_losing_an_event(wire: Wire) -> None:
    reading = asyncio.create_task(wire.queue.read_events([GROUP], "a", 60, 10))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await wire.agent().emit([advanced(1)])
    assert len(await soon(wire.queue.read_events([GROUP], "a", 60, 10))) == 1


async def test_what_was_delivered_to_a_read_that_was_cut_short_comes_next(redis_wire: Wire, redis: Redis) -> None:
    queue = redis_wire.queue
    assert await queue.read_events([GROUP], "a", 0.01, 10) == []
    reading = asyncio.create_task(queue.read_events([GROUP], "a", 60, 10))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await redis_wire.agent().emit([advanced(1)])
    await redis.xreadgroup("master", "a", {GroupKeys(GROUP).events: ">"})
    assert len(await soon(queue.read_events([GROUP], "a", 60, 10))) == 1


async def test_events_are_read_on_after_a_flush(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    await wire.events()
    await wire.flush()
    await wire.agent().emit([Stopped(worker=new_id("wk"))])
    assert await wire.kinds() == ["stopped"]


async def test_acknowledging_after_a_flush_is_harmless(wire: Wire) -> None:
    await wire.agent().emit([advanced(1)])
    found = await wire.queue.read_events([GROUP], "a", 5, 10)
    await wire.flush()
    await wire.queue.acknowledge(found)
    await wire.queue.acknowledge([])
    assert await wire.events() == []


async def test_without_groups_there_are_no_events(wire: Wire) -> None:
    assert await wire.queue.read_events([], "a", 0.01, 10) == []


async def test_emitting_nothing_is_harmless(wire: Wire) -> None:
    await wire.agent().emit([])
    assert await wire.events() == []
