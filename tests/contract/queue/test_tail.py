"""Following records: everything, once and in order, however many follow and however slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from perijove.model.ids import new_id
from perijove.wire.protocol import AgentWire, Held
from perijove_scheduler.queue.protocol import Gap

from .conftest import GROUP, Wire, lines, soon

Records = list[tuple[int, bytes]]


@pytest.fixture
def attempt() -> Held:
    return Held(new_id("ex"), 1)


def numbered(first: int, last: int, size: int = 0) -> Records:
    return list(zip(range(first, last + 1), lines(first, last, size), strict=True))


async def followed(wire: Wire, attempt: Held, until: int, after: int = 0) -> Records:
    """Return what a viewer gets until record `until`."""
    found: Records = []
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, attempt.attempt, after)) as batches:
        async for batch in batches:
            found += batch
            if found[-1][0] >= until:
                break
    return found


async def next_batch(batches: AsyncIterator[Records]) -> Records:
    return await soon(anext(batches))


async def append_slowly(agent: AgentWire, attempt: Held, last: int) -> None:
    for n in range(1, last + 1):
        await agent.append(attempt, n, lines(n, n))


async def until_somebody_waits(redis: Redis) -> None:
    while (await redis.info("clients"))["blocked_clients"] == 0:
        pass


async def test_what_is_there_comes_first(wire: Wire, attempt: Held) -> None:
    await wire.agent().append(attempt, 1, lines(1, 5))
    assert await soon(followed(wire, attempt, 5)) == numbered(1, 5)


async def test_what_comes_later_is_waited_for(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        first = asyncio.create_task(anext(batches))
        await agent.append(attempt, 1, lines(1, 2))
        assert await soon(first) == numbered(1, 2)
        await agent.append(attempt, 3, lines(3, 4))
        assert await next_batch(batches) == numbered(3, 4)


async def test_a_viewer_resumes_within_an_entry(wire: Wire, attempt: Held) -> None:
    await wire.agent().append(attempt, 1, lines(1, 9))
    assert await soon(followed(wire, attempt, 9, after=4)) == numbered(5, 9)


async def test_many_viewers_get_everything_while_it_is_written(wire: Wire, attempt: Held) -> None:
    viewers = [asyncio.create_task(followed(wire, attempt, 300)) for _ in range(50)]
    await append_slowly(wire.agent(), attempt, 300)
    assert await soon(asyncio.gather(*viewers)) == [numbered(1, 300)] * 50


async def test_viewers_that_join_while_it_is_written_miss_nothing(wire: Wire, attempt: Held) -> None:
    agent, viewers = wire.agent(), []
    for n in range(1, 201):
        await agent.append(attempt, n, lines(n, n))
        if n % 10 == 0:
            viewers.append(asyncio.create_task(followed(wire, attempt, 200, after=n // 2)))
    found = await soon(asyncio.gather(*viewers))
    assert found == [numbered(n // 2 + 1, 200) for n in range(10, 201, 10)]


async def test_many_streams_are_followed_at_once(wire: Wire) -> None:
    agent, attempts = wire.agent(), [Held(new_id("ex"), 1) for _ in range(20)]
    viewers = [asyncio.create_task(followed(wire, one, 20)) for one in attempts]
    await asyncio.gather(*(append_slowly(agent, one, 20) for one in attempts))
    assert await soon(asyncio.gather(*viewers)) == [numbered(1, 20)] * 20


async def test_a_slow_viewer_holds_nobody_up_and_misses_nothing(wire: Wire, attempt: Held) -> None:
    agent, size = wire.agent(), 100_000
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, 1, 0)) as slow:
        await agent.append(attempt, 1, lines(1, 1, size))
        found = await next_batch(slow)
        fast = asyncio.create_task(followed(wire, attempt, 101, after=1))
        for n in range(2, 102):
            await agent.append(attempt, n, lines(n, n, size))
        assert await soon(fast) == numbered(2, 101, size)
        while found[-1][0] < 101:
            found += await next_batch(slow)
    assert found == numbered(1, 101, size)


async def test_a_viewer_that_stops_leaves_the_others_alone(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    staying = asyncio.create_task(followed(wire, attempt, 20))
    await agent.append(attempt, 1, lines(1, 10))
    assert await soon(followed(wire, attempt, 10)) == numbered(1, 10)
    await agent.append(attempt, 11, lines(11, 20))
    assert await soon(staying) == numbered(1, 20)


async def test_a_stream_can_be_followed_again(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 3))
    assert await soon(followed(wire, attempt, 3)) == numbered(1, 3)
    again = asyncio.create_task(followed(wire, attempt, 5))
    await agent.append(attempt, 4, lines(4, 5))
    assert await soon(again) == numbered(1, 5)


async def test_a_viewer_goes_on_after_a_flush_and_a_resend(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        await agent.append(attempt, 1, lines(1, 5))
        assert await next_batch(batches) == numbered(1, 5)
        waiting = asyncio.create_task(anext(batches))
        await wire.flush()
        await wire.queue.prepare()
        await agent.append(attempt, 1, lines(1, 8))
        assert await soon(waiting) == numbered(6, 8)


async def test_a_waiting_viewer_can_be_cancelled(wire: Wire, attempt: Held) -> None:
    agent, viewer = wire.agent(), asyncio.create_task(followed(wire, attempt, 5))
    await agent.append(attempt, 1, lines(1, 2))
    viewer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await viewer


async def test_fifty_viewers_share_one_blocked_connection(redis_wire: Wire, redis: Redis, attempt: Held) -> None:
    agent = redis_wire.agent()
    viewers = [redis_wire.tail.follow(GROUP, attempt.execution, 1, 0) for _ in range(50)]
    await agent.append(attempt, 1, lines(1, 1))
    await soon(asyncio.gather(*(anext(viewer) for viewer in viewers)))
    waiting = [asyncio.create_task(anext(viewer)) for viewer in viewers]
    await soon(until_somebody_waits(redis))
    clients = await redis.client_list()
    assert sum(client["name"] == "perijove-master-blocking" for client in clients) == 1
    await agent.append(attempt, 2, lines(2, 2))
    assert await soon(asyncio.gather(*waiting)) == [numbered(2, 2)] * 50
    for viewer in viewers:
        await viewer.aclose()


async def test_an_entry_that_is_not_ours_stops_nobody(redis_wire: Wire, redis: Redis, attempt: Held) -> None:
    key = f"pj:{{{GROUP}}}:log:{attempt.execution}:1"
    viewer = asyncio.create_task(followed(redis_wire, attempt, 5))
    agent = redis_wire.agent()
    await agent.append(attempt, 1, lines(1, 2))
    await redis.xadd(key, {"x": "not a record"}, id="2-7")
    await agent.append(attempt, 3, lines(3, 5))
    assert await soon(viewer) == numbered(1, 5)


async def test_a_reader_that_died_is_replaced_and_nobody_misses_anything(redis_wire: Wire, attempt: Held) -> None:
    agent = redis_wire.agent()
    await agent.append(attempt, 1, lines(1, 2))
    async with aclosing(redis_wire.tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        assert await next_batch(batches) == numbered(1, 2)
        waiting = asyncio.create_task(anext(batches))
        reader = await soon(the_reader())
        reader.cancel()
        await asyncio.wait({reader})
        await agent.append(attempt, 3, lines(3, 4))
        assert await soon(waiting) == numbered(3, 4)
        again = asyncio.create_task(anext(batches))
        assert await soon(the_reader()) is not reader
        await agent.append(attempt, 5, lines(5, 5))
        assert await soon(again) == numbered(5, 5)


async def the_reader() -> asyncio.Task[None]:
    while True:
        for task in asyncio.all_tasks():
            if task.get_name() == "perijove-tail":
                return task
        await asyncio.sleep(0)


async def test_large_records_of_many_streams_are_followed_at_once(redis_wire: Wire) -> None:
    agent, attempts = redis_wire.agent(), [Held(new_id("ex"), 1) for _ in range(40)]
    viewers = [asyncio.create_task(followed(redis_wire, one, 4)) for one in attempts]
    for n in range(1, 5):
        await asyncio.gather(*(agent.append(one, n, lines(n, n, 300_000)) for one in attempts))
    assert await soon(asyncio.gather(*viewers)) == [numbered(1, 4, 300_000)] * 40


async def test_a_viewer_that_fell_behind_what_was_trimmed_is_told_of_the_gap(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 1))
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        assert await next_batch(batches) == numbered(1, 1)
        for n in range(2, 32):
            await agent.append(attempt, n, lines(n, n, 300_000))
        await wire.queue.trim_records([((GROUP, attempt.execution, 1), 25)])
        with pytest.raises(Gap) as gap:
            await next_batch(batches)
    assert gap.value.first <= 26
