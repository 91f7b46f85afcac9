"""``python -m perijove_agent`` as a process, on a real Redis."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from waiting import until

from perijove.model.events import Finished
from perijove.model.fleet import Enrol, Enrolment
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove_scheduler.embedded.redis import EmbeddedRedis
from perijove_scheduler.queue.redis import RedisQueue


class _EnrolHandler(RequestHandler):
    def initialize(self, queue: RedisQueue) -> None:
        self.queue = queue

    async def post(self) -> None:
        request = Enrol.model_validate_json(self.request.body)
        if request.token == "docker":
            self.set_status(201)
            self.write({
                "worker": new_id("wk"), "group": request.group, "redis_url": "redis://localhost", "event_key": "",
                "runtime": "docker", "protocol": request.newest_protocol, "warm_kernels": 0, "lease": 3,
                "renew_every": 0.5,
            })  # fmt: skip
            return
        if request.token != "secret":
            self.set_status(403)
            self.write({"error": {"code": "forbidden", "message": "The token is not valid.", "hint": ""}})
            return
        worker, password = request.worker or new_id("wk"), secrets.token_hex()
        await self.queue.grant(request.group, worker, hashlib.sha256(password.encode()).hexdigest())
        enrolment = Enrolment(
            worker=worker, group=request.group, redis_url=self.queue.worker_url(worker, password),
            event_key="", runtime="process", protocol=request.newest_protocol, warm_kernels=0, lease=3, renew_every=0.5,
        )  # fmt: skip
        self.set_status(201)
        self.write(enrolment.model_dump_json())


class _HealthHandler(RequestHandler):
    def get(self) -> None:
        self.write({"status": "ok"})


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisQueue]:
    server = EmbeddedRedis(tmp_path / "redis")
    queue = RedisQueue(await server.start())
    await queue.prepare()
    yield queue
    await queue.aclose()
    await server.stop()


@pytest.fixture
async def url(redis: RedisQueue) -> AsyncIterator[str]:
    socket, port = bind_unused_port()
    server = HTTPServer(Application([("/api/v1/agents", _EnrolHandler, {"queue": redis}), ("/health", _HealthHandler)]))
    server.add_socket(socket)
    yield f"http://127.0.0.1:{port}/"
    server.stop()
    await server.close_all_connections()


@asynccontextmanager
async def program(url: str, folder: Path, token: str = "secret") -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "perijove_agent", "--url", url, "--group", "local", "--data-dir", str(folder),
        "--cpus", "2", env={**os.environ, "PERIJOVE_AGENT_TOKEN": token}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def finished(redis: RedisQueue) -> Finished:
    while True:
        for delivery in await redis.read_events(["local"], "master", 5, 100):
            await redis.acknowledge([delivery])
            if isinstance(delivery.event, Finished):
                return delivery.event


async def printed_pid(redis: RedisQueue, ticket: Any) -> int:
    while True:
        for _, line in await redis.records("local", ticket.execution, 1, 0, 1000):
            record = json.loads(line)
            if record["kind"] == "log" and record["text"].strip().isdigit():
                return int(record["text"])
        await redis.read_events(["local"], "master", 0.05, 100)


def runs(pid: int) -> bool:
    """Return whether a process has not ended; whoever adopts orphans here may not have taken notice of its end yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_the_program_runs_a_command_and_ends_on_sigterm(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data") as process:
        await redis.offer(command("true"))
        await redis.offer(ticket := command("sleep 1000 & echo $!; wait"))
        pid = await asyncio.wait_for(printed_pid(redis, ticket), 60)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        await asyncio.to_thread(until, lambda: not runs(pid))


async def test_a_command_that_sends_its_agent_a_signal_changes_nothing(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data") as process:
        await redis.offer(ticket := command("kill -TERM $PPID; kill -INT $PPID; kill -TERM $PPID; sleep 2"))
        event = await asyncio.wait_for(finished(redis), 60)
        assert (event.execution, event.reason) == (ticket.execution, Reason.OK)
        assert process.returncode is None


async def test_programs_of_an_agent_receive_signals_as_others_do(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data"):
        await redis.offer(command("kill -TERM $$; sleep 1000"))
        event = await asyncio.wait_for(finished(redis), 60)
    assert (event.reason, event.exit_status) == (Reason.NONZERO_EXIT, 128 + signal.SIGTERM)


async def test_a_killed_agent_leaves_no_process_and_no_socket(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data") as process:
        await redis.offer(ticket := command("sleep 1000 & echo $!; wait"))
        pid = await asyncio.wait_for(printed_pid(redis, ticket), 60)
        job = psutil.Process(pid)
        (guard,) = [p for p in psutil.Process(process.pid).children() if "guard" in " ".join(p.cmdline())]
        process.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, [guard, job], 30)
        assert alive == []


async def worker_other_than(redis: RedisQueue, known: str) -> str:
    while True:
        for each in await redis.workers("local"):
            if each.worker != known:
                return each.worker
        await redis.read_events(["local"], "master", 0.05, 100)


async def test_an_agent_that_was_taken_for_lost_enrols_again_as_a_new_worker(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data") as process:
        await redis.offer(ticket := command("sleep 1000 & echo $!; wait"))
        pid = await asyncio.wait_for(printed_pid(redis, ticket), 60)
        lost = await worker_other_than(redis, "")
        await redis.revoke(lost)
        await redis.remove_worker("local", lost)
        assert await asyncio.wait_for(worker_other_than(redis, lost), 60) != lost
        await asyncio.to_thread(until, lambda: not runs(pid))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_a_refused_token_ends_the_program_with_a_sentence(url: str, tmp_path: Path) -> None:
    async with program(url, tmp_path / "data", token="wrong") as process:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"The token is not valid." in said


async def test_an_agent_without_its_groups_runtime_ends_with_a_sentence(url: str, tmp_path: Path) -> None:
    async with program(url, tmp_path / "data", token="docker") as process:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"runtime is 'docker', which this agent" in said


async def test_a_handed_back_attempt_says_so(redis: RedisQueue, url: str, tmp_path: Path, command: Any) -> None:
    async with program(url, tmp_path / "data") as process:
        await redis.offer(ticket := command("sleep 1000 & echo $!; wait"))
        await asyncio.wait_for(printed_pid(redis, ticket), 60)
        process.send_signal(signal.SIGTERM)
        event = await asyncio.wait_for(finished(redis), 60)
    assert (event.execution, event.reason) == (ticket.execution, Reason.WORKER_DRAINED)


async def test_a_second_agent_on_a_folder_is_refused_and_leaves_the_firsts_work_alone(
    redis: RedisQueue, url: str, tmp_path: Path, command: Any
) -> None:
    async with program(url, tmp_path / "data") as first:
        await redis.offer(ticket := command("sleep 1000 & echo $!; wait"))
        pid = await asyncio.wait_for(printed_pid(redis, ticket), 60)
        left = [path.name for path in (tmp_path / "data" / "attempts").iterdir()]
        async with program(url, tmp_path / "data") as second:
            _, said = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 2
        assert f"Another Perijove agent runs on {tmp_path / 'data'} (process {first.pid} on".encode() in said
        assert b"--data-dir" in said
        assert b"Traceback" not in said
        assert runs(pid)
        assert [path.name for path in (tmp_path / "data" / "attempts").iterdir()] == left
        # The kernel keeps the lock, and so it goes with the process that has it, however that ends.
        first.kill()
        await first.communicate()
        async with program(url, tmp_path / "data") as third:
            await redis.offer(again := command("echo $$; sleep 1000"))
            assert await asyncio.wait_for(printed_pid(redis, again), 60)
            assert third.returncode is None


async def test_a_data_folder_that_cannot_be_one_is_said_in_a_sentence(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    async with program(url, tmp_path / "file" / "data") as process:
        _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"can't be used: Not a directory" in said
    assert b"Traceback" not in said
