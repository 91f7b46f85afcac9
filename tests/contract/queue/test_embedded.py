"""The private Redis: started once, adopted, kept over a clean stop, and closed to others."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis_servers import ALL, program

from perijove.errors import Unavailable
from perijove.model.ids import new_id
from perijove.wire.agent import RedisAgentWire
from perijove.wire.protocol import Held
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.embedded.server import bundled_server, find_server
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.queue.tail_redis import RedisTail

from .conftest import GROUP, lines, soon, ticket

T = TypeVar("T")


@pytest.fixture(params=ALL)
def binary(request: pytest.FixtureRequest) -> str | None:
    """Return the redis-server to run."""
    return program(str(request.param))


@pytest.fixture
async def server(tmp_path: Path, binary: str | None) -> AsyncIterator[EmbeddedRedis]:
    """Return a private server that is stopped in the end."""
    server = EmbeddedRedis(tmp_path, server=binary)
    yield server
    await server.stop()


def test_the_machines_server_comes_before_the_wheels_and_the_one_beside_this_python_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, machine = tmp_path / "venv", tmp_path / "usr"
    for place in (beside, machine):
        place.mkdir()
        (place / "redis-server").touch(0o755)
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{machine}")
    assert find_server() == str(machine / "redis-server")
    (machine / "redis-server").rename(machine / "valkey-server")
    assert find_server() == str(machine / "valkey-server")
    monkeypatch.setenv("PATH", str(beside))
    assert find_server() == bundled_server()


async def test_it_starts_and_answers(server: EmbeddedRedis) -> None:
    async with Redis.from_url(await server.start()) as client:
        assert await client.ping()


async def test_it_stops_and_leaves_no_process(server: EmbeddedRedis) -> None:
    await server.start()
    pid = server.pid
    assert pid is not None
    await server.stop()
    assert server.pid is None
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_starting_and_stopping_twice_is_harmless(server: EmbeddedRedis) -> None:
    url, pid = await server.start(), server.pid
    assert (await server.start(), server.pid) == (url, pid)
    await server.stop()
    await server.stop()


async def test_two_starts_at_once_are_one_server(server: EmbeddedRedis, tmp_path: Path, binary: str | None) -> None:
    urls = await asyncio.gather(*(EmbeddedRedis(tmp_path, server=binary).start() for _ in range(4)))
    assert len(set(urls)) == 1
    assert server.pid is not None


async def test_only_its_owner_can_use_it(server: EmbeddedRedis, tmp_path: Path) -> None:
    url = await server.start()
    assert url.startswith("unix://:")
    private = [path for path in (tmp_path / "redis").iterdir() if path.name in {"server.json", "redis.conf"}]
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o600, 0o600]
    assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700
    assert psutil.Process(server.pid).net_connections("inet") == []


async def test_its_password_is_needed_and_not_seen_by_others(server: EmbeddedRedis) -> None:
    password, _, path = (await server.start()).removeprefix("unix://:").partition("@")
    async with Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0)) as client:
        with pytest.raises(RedisConnectionError, match="authenticate"):
            await client.ping()
    assert password not in " ".join(psutil.Process(server.pid).cmdline())


async def test_a_clean_stop_keeps_what_it_holds(server: EmbeddedRedis) -> None:
    async with Redis.from_url(await server.start()) as client:
        await client.set("key", "value")
    await server.stop()
    async with Redis.from_url(await server.start()) as client:
        assert await client.get("key") == b"value"


async def test_a_crash_does_not_bring_an_old_snapshot_back(server: EmbeddedRedis) -> None:
    async with Redis.from_url(await server.start()) as client:
        await client.set("key", "old")
    await server.stop()
    await server.start()
    await crash(server)
    async with Redis.from_url(await server.start()) as client:
        assert await client.get("key") is None


async def crash(server: EmbeddedRedis) -> None:
    assert server.pid is not None
    process = os.pidfd_open(server.pid)
    signal.pidfd_send_signal(process, signal.SIGKILL)
    await asyncio.to_thread(select.select, [process], [], [], 20)
    os.close(process)


async def test_it_survives_the_kill_of_who_started_it(server: EmbeddedRedis, tmp_path: Path) -> None:
    program = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from perijove_scheduler.embedded import EmbeddedRedis\n"
        "print(asyncio.run(EmbeddedRedis(pathlib.Path(sys.argv[1])).start()), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    killed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    pid = server.pid
    assert pid is not None
    assert await server.start() == killed.stdout.strip()
    assert server.pid == pid


async def test_a_pid_that_another_program_got_is_not_taken_for_it(server: EmbeddedRedis, tmp_path: Path) -> None:
    await server.start()
    await server.stop()
    (tmp_path / "redis" / "redis.pid").write_text(str(os.getpid()))
    assert server.pid is None
    await server.start()
    assert server.pid != os.getpid()


async def test_a_long_path_falls_back_to_loopback(tmp_path: Path, binary: str | None) -> None:
    server = EmbeddedRedis(tmp_path / ("long" * 30), server=binary)
    try:
        url = await server.start()
        assert url.startswith("redis://:")
        async with Redis.from_url(url) as client:
            assert await client.ping()
        (address,) = {connection.laddr.ip for connection in psutil.Process(server.pid).net_connections("inet")}
        assert address == "127.0.0.1"
    finally:
        await server.stop()


@pytest.mark.parametrize("name", ["with space", 'with "quotes"', "mit-ü", "#hash"])
async def test_any_folder_name_will_do(tmp_path: Path, name: str, binary: str | None) -> None:
    server = EmbeddedRedis(tmp_path / name, server=binary)
    try:
        async with Redis.from_url(await server.start()) as client:
            assert await client.ping()
    finally:
        await server.stop()


async def test_no_server_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not start"):
        await EmbeddedRedis(tmp_path, server="/nowhere/redis-server").start()


async def test_a_server_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not start"):
        await EmbeddedRedis(tmp_path, timeout=0.2, server="/bin/true").start()


async def persisting(call: Callable[[], Awaitable[T]]) -> T:
    """Call as a loop or an agent does: again while a connection turns out to be to a server that has ended."""
    while True:
        try:
            return await soon(call())
        except Unavailable:  # noqa: PERF203 - a retry loop
            await asyncio.sleep(0)


async def test_a_restart_is_another_generation_that_keeps_live_records(server: EmbeddedRedis) -> None:
    url = await server.start()
    queue, tail, agent = RedisQueue(url), RedisTail(url), RedisAgentWire(url, GROUP, new_id("wk"))
    await queue.prepare()
    before, attempt = await queue.generation(), Held(new_id("ex"), 1)
    await queue.offer(ticket(attempt.execution))
    async with aclosing(tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        await agent.append(attempt, 1, lines(1, 2))
        assert [n for n, _ in await soon(anext(batches))] == [1, 2]
        waiting = asyncio.create_task(anext(batches))
        await server.stop()
        assert await server.start() == url
        await persisting(queue.prepare)
        assert await persisting(queue.generation) != before
        assert await persisting(lambda: queue.depths([GROUP])) == {GROUP: 1}
        assert (await persisting(lambda: agent.append(attempt, 3, lines(3, 4)))).last == 4
        assert [n for n, _ in await soon(waiting)] == [3, 4]
    for open_one in (tail, queue, agent):
        await open_one.aclose()
