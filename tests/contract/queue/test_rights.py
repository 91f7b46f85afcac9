"""What a worker's Redis user may do: everything its wire needs, for its own group, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from perijove.errors import Unavailable
from perijove.model.events import Advanced
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove.wire.agent import RedisAgentWire
from perijove.wire.protocol import Held
from perijove.wire.scripts import SCRIPTS, call

from .conftest import GROUP, Wire, held, lines, ticket

PASSWORD = "p@ss/wörd:?#"
ONE = Resources(cpus=1)


@pytest.fixture
def worker() -> str:
    return new_id("wk")


@pytest.fixture
async def url(redis_wire: Wire, worker: str) -> AsyncIterator[str]:
    """Return the address under which a worker of the group reaches Redis."""
    await redis_wire.queue.grant(GROUP, worker, hashlib.sha256(PASSWORD.encode()).hexdigest())
    yield redis_wire.queue.worker_url(worker, PASSWORD)
    await redis_wire.queue.revoke(worker)


@pytest.fixture
async def agent(url: str, worker: str) -> AsyncIterator[RedisAgentWire]:
    """Return the wire of a worker that has a worker's rights only."""
    wire = RedisAgentWire(url, GROUP, worker)
    await wire.register(ONE, "1.0", "host")
    yield wire
    await wire.aclose()


@pytest.fixture
async def user(url: str) -> AsyncIterator[Redis]:
    """Return a plain client with a worker's rights."""
    async with Redis.from_url(url, protocol=2) as client:
        yield client


async def test_the_rights_suffice_for_the_whole_wire(redis_wire: Wire, agent: RedisAgentWire, worker: str) -> None:
    mine, other = ticket(), ticket()
    await redis_wire.queue.offer_many([mine, other])
    assert await agent.claim(ONE) == mine
    await agent.emit([Advanced(worker=worker, execution=mine.execution, attempt=1)])
    assert (await agent.append(held(mine), 1, lines(1, 3))).last == 3
    assert (await agent.append(held(mine), 2, lines(2, 4))).last == 4
    assert await agent.hand_back(held(mine))
    assert await agent.claim(ONE) == other
    assert await agent.claim(ONE) is None
    await redis_wire.queue.offer(ticket(cpus=1))
    assert len(await agent.listen("0", 5)) == 1
    assert (await agent.renew([held(other), Held(new_id("ex"), 1)])).forgotten
    await redis_wire.queue.forget(GROUP, other.execution, 1)
    assert (await agent.renew([held(other)])).superseded
    await agent.leave()


async def test_a_large_ticket_can_be_passed_over_with_a_workers_rights(redis_wire: Wire, agent: RedisAgentWire) -> None:
    await agent.register(Resources(cpus=8), "1.0", "host")
    large, small = ticket(cpus=8), ticket()
    await redis_wire.queue.offer_many([large, small])
    assert await agent.claim(ONE) == small


@pytest.mark.parametrize(
    "command",
    [
        "GET pj:{other}:queue",
        "XADD pj:{other}:events * e {}",
        "XREAD STREAMS pj:{other}:events 0",
        "XADD pj:{localhost}:events * e {}",
        "DEL pj:generation",
        "HGETALL pj:{other}:held:wk",
    ],
)
async def test_keys_of_others_are_refused(user: Redis, command: str) -> None:
    with pytest.raises(NoPermissionError):
        await user.execute_command(*command.split(" "))


@pytest.mark.parametrize(
    "command",
    [
        "CONFIG GET *",
        "KEYS *",
        "SCAN 0",
        "RANDOMKEY",
        "FLUSHALL",
        "FLUSHDB",
        "EVAL return 0",
        "SCRIPT LOAD return",
        "SCRIPT FLUSH",
        "ACL LIST",
        "ACL WHOAMI",
        "CLIENT LIST",
        "CLIENT KILL TYPE normal",
        "INFO",
        "MONITOR",
        "DEBUG SLEEP 0",
        "SHUTDOWN",
        "SAVE",
        "REPLICAOF NO ONE",
        "SUBSCRIBE pj:changes",
        "PUBLISH pj:changes x",
        "SELECT 1",
        "DBSIZE",
        "MODULE LIST",
        "RPUSH pj:{local}:queue x",
        "FUNCTION LIST",
    ],
)
async def test_commands_beyond_the_wire_are_refused(user: Redis, command: str) -> None:
    # 6.2 does not know FUNCTION; 7 refuses DEBUG to everybody.
    with pytest.raises(ResponseError, match=r"(?i)no permissions|unknown command|DEBUG command not allowed"):
        await user.execute_command(*command.split(" "))


async def test_a_script_reaches_no_further_than_its_caller(user: Redis) -> None:
    with pytest.raises(ResponseError, match=r"(?i)permission|can't run|acl"):
        await user.execute_command(*call("leave", "pj:{other}:", "wk", "{}"))


async def test_no_script_beyond_the_masters_can_be_called(user: Redis) -> None:
    with pytest.raises(ResponseError, match=r"(?i)noscript|no matching script"):
        await user.execute_command("EVALSHA", "0" * 40, 0)


async def test_a_wrong_password_opens_nothing(redis_wire: Wire, url: str, worker: str) -> None:
    async with Redis.from_url(redis_wire.queue.worker_url(worker, "wrong"), retry=Retry(NoBackoff(), 0)) as client:
        with pytest.raises(RedisConnectionError, match="invalid username-password"):
            await client.ping()


async def test_granting_again_changes_nothing(redis_wire: Wire, agent: RedisAgentWire, worker: str) -> None:
    await redis_wire.queue.grant(GROUP, worker, hashlib.sha256(PASSWORD.encode()).hexdigest())
    assert await agent.claim(ONE) is None


async def test_a_revoked_worker_is_out_at_once(redis_wire: Wire, agent: RedisAgentWire, worker: str) -> None:
    await redis_wire.queue.revoke(worker)
    with pytest.raises(Unavailable):
        await agent.claim(ONE)


async def test_revoking_twice_is_harmless(redis_wire: Wire, worker: str, redis: Redis) -> None:
    await redis_wire.queue.revoke(worker)
    await redis_wire.queue.revoke(worker)
    assert worker not in await redis.acl_users()


async def test_a_worker_waits_for_the_master_to_load_the_scripts(
    redis_wire: Wire, agent: RedisAgentWire, redis: Redis
) -> None:
    await redis.script_flush()
    with pytest.raises(Unavailable, match="scripts"):
        await agent.claim(ONE)
    await redis_wire.queue.prepare()
    assert await agent.claim(ONE) is None


async def test_every_script_is_loaded_under_the_digest_it_is_called_by(redis_wire: Wire, redis: Redis) -> None:
    assert all(await redis.script_exists(*(script.digest for script in SCRIPTS.values())))
