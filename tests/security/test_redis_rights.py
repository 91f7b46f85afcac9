"""What an agent's Redis user may do, looked at command by command: on the system's Redis and on the embedded one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError
from redis_servers import ALL, program

from perijove.model.ids import Name, new_id
from perijove.wire.keys import GroupKeys
from perijove.wire.scripts import SCRIPTS, call
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.queue.redis import RedisQueue

_PASSWORD = "an agent's"
_MINE, _THEIRS = GroupKeys("mine"), GroupKeys("theirs")
#: All it may send. What the scripts call is among it, since a script runs with its caller's rights.
_ALLOWED = {
    *("auth", "hello", "ping", "client|setname", "evalsha", "xadd", "xread", "xrange", "xrevrange", "time"),
    *("hdel", "hget", "hgetall", "hincrby", "hmget", "hset", "hsetnx", "del", "exists", "persist"),
    "pexpire",
    *("lrange", "lrem", "zadd", "zrem"),
}
_FORBIDDEN = (
    "CONFIG GET *", "CONFIG SET maxmemory 1", "KEYS *", "SCAN 0", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SELECT 1",
    "ACL LIST", "ACL SETUSER x on", "ACL GETUSER default", "DEBUG SLEEP 0", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE",
    "BGREWRITEAOF", "REPLICAOF NO ONE", "MIGRATE h 1 k 0 1", "RESTORE k 0 x", "MODULE LOAD /tmp/x.so", "MONITOR",
    "CLIENT LIST", "CLIENT KILL TYPE normal", "CLIENT PAUSE 1000", "INFO", "SLOWLOG GET", "LATENCY RESET", "ROLE",
    "WAIT 1 1",
    "EVAL 'return 1' 0", "EVAL_RO 'return 1' 0", "SCRIPT LOAD x", "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION LOAD x",
    "FUNCTION DELETE x", "FUNCTION LIST", "FCALL x 0", "EVALSHA_RO x 0", "PUBLISH pj:changes x", "SUBSCRIBE x",
    "RENAME {mine}a {mine}b", "COPY {mine}a {mine}b", "SORT {mine}a STORE {mine}b", "OBJECT FREQ {mine}a",
)  # fmt: skip


#: What Redis says, and what Valkey does.
_NO_KEY = r"can't access at least one of the keys|No permissions to access a key"


@pytest.fixture(scope="module", params=ALL)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server's address."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("rights"), server=program(request.param))
    yield asyncio.run(server.start())
    asyncio.run(server.stop())


@pytest.fixture
async def master(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url, protocol=2) as client:
        yield client


@pytest.fixture
async def agent(url: str) -> AsyncIterator[Redis]:
    """A client with the rights of an agent of the group ``mine``."""
    queue, worker = RedisQueue(url), new_id("wk")
    await queue.prepare()
    await queue.grant("mine", worker, hashlib.sha256(_PASSWORD.encode()).hexdigest())
    async with Redis.from_url(queue.worker_url(worker, _PASSWORD), protocol=2) as client:
        client.worker = worker
        yield client
    await queue.revoke(worker)
    await queue.aclose()


async def test_its_rights_are_these_and_no_others(master: Redis, agent: Redis) -> None:
    user = await master.acl_getuser(agent.worker)
    granted = {name for name in user["commands"] if name != "-@all"}
    assert {name.removeprefix("+") for name in granted} == _ALLOWED
    assert all(name.startswith("+") for name in granted)
    keys = [user["keys"]] if isinstance(user["keys"], str) else user["keys"]
    # The two versions write the same differently.
    written = " ".join(key if isinstance(key, str) else f"~{key.decode()}" for key in keys)
    worker = agent.worker
    assert set(written.split(" ")) == {
        f"~{key}"
        for key in (
            *(_MINE.prefix, _MINE.queue, _MINE.workers, _MINE.idle, _MINE.events, _MINE.ticket("*")),
            *(f"{_MINE.prefix}log:*", _MINE.worker(worker), _MINE.held(worker), _MINE.control(worker)),
        )
    }
    assert not user["channels"]
    assert user["passwords"] == [hashlib.sha256(_PASSWORD.encode()).hexdigest()]
    assert "nopass" not in user["flags"]


@pytest.mark.parametrize("line", _FORBIDDEN)
async def test_what_would_reach_beyond_its_group_is_refused(agent: Redis, line: str) -> None:
    with pytest.raises(ResponseError, match=r"(?i)no permissions|unknown command|command not allowed"):
        await agent.execute_command(*line.replace("{mine}", _MINE.prefix).split())


@pytest.mark.parametrize(
    "command",
    ["HGETALL {}worker:w", "HSET {}worker:w state fenced", "XADD {}events * e x", "XREAD STREAMS {}events 0",
     "DEL {}queue", "LRANGE {}queue 0 -1", "ZADD {}workers 1 w", "XREVRANGE {}log:e:1 + -", "EXISTS {}ticket:e"],
)  # fmt: skip
@pytest.mark.parametrize("prefix", [_THEIRS.prefix, "pj:", "pj:{mine}", "pj:{mine", "pj:wake:", "x", ""])
async def test_no_key_of_others_is_read_or_written(agent: Redis, master: Redis, command: str, prefix: str) -> None:
    before = await master.dbsize()
    with pytest.raises(NoPermissionError):
        await agent.execute_command(*command.format(prefix).split())
    assert await master.dbsize() == before


@pytest.mark.parametrize(
    "command",
    ["XREAD STREAMS {}ctl:{} 0", "XADD {}ctl:{} * m x", "DEL {}ctl:{}", "HGETALL {}held:{}", "HSET {}held:{} ex 1",
     "HSET {}worker:{} state fenced", "HGET {}worker:{} state"],
)  # fmt: skip
async def test_what_the_master_tells_a_neighbour_and_what_it_is_are_its_own(agent: Redis, command: str) -> None:
    neighbour = new_id("wk")
    with pytest.raises(NoPermissionError):
        await agent.execute_command(*command.format(_MINE.prefix, neighbour).split())


@pytest.mark.parametrize("script", ["tell", "drain", "remove_worker", "register", "leave"])
async def test_no_script_reaches_a_neighbour(agent: Redis, master: Redis, script: str) -> None:
    neighbour = new_id("wk")
    await master.hset(_MINE.worker(neighbour), "state", "active")
    await master.zadd(_MINE.workers, {neighbour: 1})
    before = await master.hgetall(_MINE.worker(neighbour))
    with pytest.raises(ResponseError, match=_NO_KEY):
        await agent.execute_command(*call(script, _MINE.prefix, neighbour, *(["1"] * 11)))
    assert await master.hgetall(_MINE.worker(neighbour)) == before
    assert not await master.exists(_MINE.control(neighbour))
    await master.delete(_MINE.worker(neighbour), _MINE.workers)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_no_script_reaches_another_group(agent: Redis, master: Redis, script: str) -> None:
    await master.hset(_THEIRS.worker("w"), "state", "active")
    before = await master.dbsize(), await master.hgetall(_THEIRS.worker("w"))
    with pytest.raises(ResponseError, match=r"(?i)permission|acl"):
        await agent.execute_command(*call(script, _THEIRS.prefix, *(["1"] * 12)))
    assert (await master.dbsize(), await master.hgetall(_THEIRS.worker("w"))) == before


async def test_a_script_of_its_own_is_not_run_even_where_the_server_has_it(agent: Redis, master: Redis) -> None:
    """One who could load scripts could call ours for another's keys; the rights of the caller hold all the same."""
    digest = await master.script_load("return redis.call('HGETALL', ARGV[1])")
    with pytest.raises(ResponseError, match=_NO_KEY):
        await agent.execute_command("EVALSHA", digest, 0, _THEIRS.worker("w"))
    for text in (
        "return redis.call('CONFIG', 'GET', '*')",
        "return redis.call('FLUSHALL')",
        "return redis.call('KEYS', '*')",
    ):
        digest = await master.script_load(text)
        with pytest.raises(ResponseError):
            await agent.execute_command("EVALSHA", digest, 0)


@pytest.mark.parametrize("name", ["*", "a*", "a}:b", "{a}", "a b", "a:b", "?", "[a]", "~", "a\n", ""])
def test_no_groups_name_is_a_pattern_or_ends_its_own_tag(name: str) -> None:

    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)
