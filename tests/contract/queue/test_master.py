"""What the master knows of its Redis: whether it is there, whether it is the same, and what its replicas say."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from perijove.errors import Unavailable
from perijove.model.ids import new_id
from perijove_scheduler.queue.memory import MemoryQueue
from perijove_scheduler.queue.redis import RedisQueue

from .conftest import GROUP, Wire, soon, ticket


async def test_the_generation_stays_while_nothing_is_lost(wire: Wire) -> None:
    before = await wire.queue.generation()
    await wire.queue.prepare()
    await wire.queue.offer(ticket())
    assert await wire.queue.generation() == before


async def test_a_flush_is_another_generation_before_and_after_it_is_prepared(wire: Wire) -> None:
    generations = [await wire.queue.generation()]
    await wire.flush()
    generations.append(await wire.queue.generation())
    assert generations[0] != generations[1]
    await wire.queue.prepare()
    assert await wire.queue.generation() != generations[0]


async def test_the_clock_does_not_run_backwards(wire: Wire) -> None:
    first = await wire.queue.now()
    assert await wire.queue.now() >= first > 0


async def test_the_master_loads_scripts_that_redis_lost(redis_wire: Wire, redis: Redis) -> None:
    await redis.script_flush()
    assert await redis_wire.queue.offer_many([ticket(), ticket()]) == [True, True]
    assert await redis_wire.queue.depths([GROUP]) == {GROUP: 2}


async def test_offering_nothing_is_harmless(wire: Wire) -> None:
    assert await wire.queue.offer_many([]) == []


async def test_changes_reach_every_replica(wire: Wire) -> None:
    changed = [new_id("ex") for _ in range(3)]
    async with aclosing(wire.queue.changes()) as one, aclosing(wire.queue.changes()) as other:
        assert [await soon(anext(one)), await soon(anext(other))] == [[], []]
        await wire.queue.publish_changes(changed)
        assert [await soon(anext(one)), await soon(anext(other))] == [changed, changed]


async def test_publishing_nothing_is_harmless(wire: Wire) -> None:
    async with aclosing(wire.queue.changes()) as changes:
        assert await soon(anext(changes)) == []
        await wire.queue.publish_changes([])
        await wire.queue.publish_changes(["ex-1"])
        assert await soon(anext(changes)) == ["ex-1"]


async def test_after_a_broken_connection_some_changes_may_have_been_missed(redis_wire: Wire, redis: Redis) -> None:
    async with aclosing(redis_wire.queue.changes()) as changes:
        assert await soon(anext(changes)) == []
        following = asyncio.create_task(anext(changes))
        await redis.client_kill_filter(_type="pubsub")
        assert await soon(following) == []
        await redis_wire.queue.publish_changes(["ex-1"])
        assert await soon(anext(changes)) == ["ex-1"]


async def test_an_unreachable_redis_is_unavailable() -> None:
    queue = RedisQueue("unix:///nowhere/redis.sock")
    for call in (queue.prepare(), queue.offer(ticket()), queue.read_events([GROUP], "a", 1, 1), queue.now()):
        with pytest.raises(Unavailable):
            await call
    await queue.aclose()


async def test_the_twin_can_be_unreachable_too() -> None:
    queue = MemoryQueue()
    queue.reachable = False
    agent = queue.agent(GROUP, new_id("wk"))
    for call in (queue.prepare(), queue.offer(ticket()), queue.read_events([GROUP], "a", 1, 1), agent.emit([])):
        with pytest.raises(Unavailable):
            await call
