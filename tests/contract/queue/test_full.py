"""A Redis that takes nothing more: it stops no claim, no renewal, no stop and no end. Records wait."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from perijove.errors import Unavailable
from perijove.model.control import Stop
from perijove.model.events import Advanced, Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources

from .conftest import GROUP, Wire, held, lines, ticket


@pytest.fixture
async def full(redis_wire: Wire, redis: Redis) -> AsyncIterator[Redis]:
    """A Redis over its limit, by what somebody else keeps in it."""
    await redis_wire.queue.read_events([GROUP], "test", 0.01, 1)  # which makes the group of readers
    await redis.set("somebody:else", b"x" * 10_000_000)
    await redis.config_set("maxmemory", 2_000_000)
    with pytest.raises(ResponseError, match="maxmemory"):
        await redis.set("one", "more")
    yield redis
    await redis.config_set("maxmemory", 0)
    await redis.delete("somebody:else")


async def test_a_full_redis_stops_nobody_s_work_and_nobody_s_stop(redis_wire: Wire, full: Redis) -> None:
    worker, mine = new_id("wk"), ticket()
    agent = await redis_wire.registered(worker)
    assert await redis_wire.queue.offer(mine)
    assert await agent.claim(Resources(cpus=1)) == mine
    assert (await agent.renew([held(mine)])).superseded == []
    stop = Stop(execution=mine.execution, attempt=1)
    await redis_wire.queue.tell(GROUP, worker, stop)
    assert stop in [message for _, message in await agent.listen("0", 5)]
    await agent.emit([Advanced(worker=worker, execution=mine.execution, attempt=1, waits="It waits.")])
    finished = Finished(worker=worker, execution=mine.execution, attempt=1, reason=Reason.STOPPED_BY_USER)
    assert await agent.close(finished)
    assert await redis_wire.kinds() == ["claimed", "advanced", "finished"]
    assert await redis_wire.queue.drain(GROUP, worker)
    await redis_wire.queue.forget(GROUP, mine.execution, 1)
    await redis_wire.queue.prepare()
    await agent.leave()
    await redis_wire.queue.remove_worker(GROUP, worker)


async def test_a_full_redis_refuses_records_which_are_sent_again_later(redis_wire: Wire, full: Redis) -> None:
    agent, mine = await redis_wire.registered(), ticket()
    with pytest.raises(Unavailable):
        await agent.append(held(mine), 1, lines(1, 3))
    await full.config_set("maxmemory", 0)
    assert (await agent.append(held(mine), 1, lines(1, 3))).last == 3
