"""What a worker makes of its group's keys, with its own Redis user, prevents nothing of another group."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from perijove.model.control import Wake
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove.wire.keys import GroupKeys
from perijove.wire.limits import RECORDS
from perijove.wire.protocol import Held
from perijove_scheduler.queue.protocol import Gap

from .conftest import GROUP, Wire, held, lines, soon, ticket

KEYS = GroupKeys(GROUP)
MINE = "wk-0123456789abcdefghjkmnpqrs"
OF = "ex-0123456789abcdefghjkmnpqrs"
ONE = Resources(cpus=1)
LARGEST = 2**64 - 1


@pytest.fixture
async def user(redis_wire: Wire) -> AsyncIterator[Redis]:
    """Return a plain client with the rights of the group's only worker."""
    await redis_wire.queue.grant(GROUP, MINE, hashlib.sha256(b"secret").hexdigest())
    await redis_wire.registered(MINE)
    async with Redis.from_url(redis_wire.queue.worker_url(MINE, "secret"), protocol=2) as client:
        yield client
    await redis_wire.queue.revoke(MINE)


DAMAGES = [
    *(
        [("DEL", key), ("ZADD", key, 1, "x") if key.endswith(("events", "queue")) else ("XADD", key, "*", "a", "b")]
        for key in (
            *(KEYS.events, KEYS.queue, KEYS.workers, KEYS.idle, KEYS.ticket(OF)),
            *(KEYS.worker(MINE), KEYS.held(MINE)),
        )
    ),
    [("DEL", KEYS.control(MINE)), ("HSET", KEYS.control(MINE), "a", "b")],
    [("DEL", KEYS.log(OF, 1)), ("HSET", KEYS.log(OF, 1), "a", "b")],
    [("HSET", KEYS.ticket(OF), "attempt", "nope", "state", b"\xff", "worker", b"\xff")],
    [("HSET", KEYS.worker(MINE), "free_cpus", "nope", "cpus", "nan", "memory", "-1", "gpus", "", b"\xff", b"\xff")],
    [("HSET", KEYS.worker(MINE), "state", b"\xff"), ("ZADD", KEYS.idle, "inf", MINE)],
    *([("HSET", KEYS.held(MINE), b"\xff", b"\xff", "ex-1", "9" * digits)] for digits in (40, 5000)),
    [("HSET", KEYS.ticket(OF), "attempt", "9" * 5000, "state", "offered", "worker", "")],
    [("XADD", KEYS.log(OF, 1), f"{LARGEST}-0", "r", "x")],
    *([("ZADD", KEYS.workers, score, MINE, 1, b"\xff")] for score in ("-inf", "inf", -1e300)),
    [("XADD", KEYS.control(MINE), f"{LARGEST}-{LARGEST}", "m", "x")],
    [("XADD", KEYS.log(OF, 1), f"{LARGEST}-{LARGEST}", "r", "x")],
    [("XADD", KEYS.log(OF, 1), f"{LARGEST - 1}-0", "r", b"\n" * 1000)],
    [("XADD", KEYS.log(OF, 1), "*", "other", "x")],
    [("XADD", KEYS.events, f"{LARGEST}-{LARGEST}", "e", "x")],
    [("XADD", KEYS.events, "*", b"\xff", b"\xff")],
]


async def read_all(queue, attempt) -> list[tuple[int, bytes]]:
    try:
        return await queue.records(*attempt, 0, 100)
    except Gap as gap:
        return await queue.records(*attempt, gap.first - 1, 100)


def shown(damage) -> str:
    return " ".join(str(part)[:40] for command in damage for part in command)


@pytest.mark.parametrize("damage", DAMAGES, ids=shown)
async def test_what_a_worker_makes_of_its_groups_keys_prevents_nothing_of_another_group(
    redis_wire: Wire, user: Redis, damage
) -> None:
    queue, neighbour = redis_wire.queue, redis_wire.agent(group="other")
    await neighbour.register(ONE, "1.0", "host")
    assert await neighbour.claim(ONE) is None
    assert await queue.read_events([GROUP, "other"], "test", 0.01, 100) == []
    for command in damage:
        await user.execute_command(*command)

    mine, theirs, attempt = ticket(OF), ticket(group="other"), (GROUP, OF, 1)
    assert (await queue.offer_many([mine, theirs]))[1]
    assert [message.kind for _, message in await neighbour.listen("0", 5)] == ["wake"]
    assert (await queue.depths([GROUP, "other"]))["other"] == 1
    glance = await queue.glance([GROUP, "other"])
    assert next(iter(glance["other"].values())).state == "active"
    assert GROUP in glance
    assert await queue.tickets(GROUP, [OF]) is not None
    assert all(0 <= each.silent_for < 1e10 for each in await queue.workers(GROUP))
    assert await neighbour.claim(ONE) == theirs
    await neighbour.append(held(theirs), 1, lines(1, 3))
    other = ("other", theirs.execution, 1)
    assert 0 <= await queue.last_record(*attempt) <= RECORDS
    assert all(1 <= number <= RECORDS for number, _ in await read_all(queue, attempt))
    assert await queue.last_record(*other) == 3
    await queue.trim_records([(attempt, 2), (other, 2)])
    await queue.tell_many([(GROUP, MINE, Wake()), (GROUP, new_id("wk"), Wake())])
    await neighbour.emit([])
    kinds = []
    for _ in range(3):
        found = await queue.read_events([GROUP, "other"], "test", 0.01, 100)
        kinds += [each.event.kind for each in found if each.group == "other" and each.event]
        await queue.acknowledge(found)
    assert kinds == ["claimed"]
    assert (await queue.withdraw_many([attempt, other]))[1] is False
    await queue.forget_many([attempt, other])
    assert (await neighbour.renew([held(theirs)])).superseded
    await queue.expire_records([attempt, other], 60)
    await queue.remove_worker(GROUP, MINE)


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if KEYS.log(OF, 1) in damage[0]], ids=shown)
async def test_who_follows_another_groups_records_goes_on(redis_wire: Wire, user: Redis, damage) -> None:
    neighbour, theirs = redis_wire.agent(group="other"), Held(new_id("ex"), 1)
    seen: dict[str, asyncio.Queue[int]] = {GROUP: asyncio.Queue(), "other": asyncio.Queue()}

    async def follow(group: str, execution: str) -> None:
        async with aclosing(redis_wire.tail.follow(group, execution, 1, 0)) as batches:
            async for batch in batches:
                for number, _ in batch:
                    seen[group].put_nowait(number)

    async def pass_on(first: int, last: int) -> None:
        for number in range(first, last + 1):
            await neighbour.append(theirs, number, lines(number, number))
            assert await soon(seen["other"].get()) == number

    following = [asyncio.create_task(follow(GROUP, OF)), asyncio.create_task(follow("other", theirs.execution))]
    await user.xadd(KEYS.log(OF, 1), {"r": b"{}"}, id="1-0")
    assert await soon(seen[GROUP].get()) == 1
    await pass_on(1, 5)
    for command in damage:
        await user.execute_command(*command)
    await pass_on(6, 20)
    for each in following:
        each.cancel()
    await asyncio.wait(following)
