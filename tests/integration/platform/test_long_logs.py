"""A run that prints more than Redis may hold of it: followed live, it is whole, and Redis stays small."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess

import redis
from perijove_local.hub import Hub

from perijove.client.client import Client
from perijove.client.events import Recorded
from perijove.model.records import LogRecord
from perijove.model.spec import Spec
from perijove.model.status import Status
from perijove_scheduler.embedded import EmbeddedRedis

MIB = 1024 * 1024
#: Numbered lines of 101 bytes: 202 MB.
COMMAND = "seq -f %0100.0f 1 2000000"
BOUND = 50 * MIB


def size_on(server: redis.Redis, execution: str) -> int:
    """Return the bytes of memory that Redis needs for an execution."""
    return sum(server.memory_usage(key) or 0 for key in server.scan_iter(f"pj:*{execution}*", count=1000))


def digest_of_output() -> str:
    """Return the SHA-256 of what is printed."""
    digest = hashlib.sha256()
    with subprocess.Popen(["bash", "-c", COMMAND], stdout=subprocess.PIPE) as process:
        while chunk := process.stdout.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def test_a_run_that_prints_much_is_followed_to_its_last_line_and_redis_stays_small(alice: Client, hub: Hub) -> None:
    execution = alice.executions.create(Spec(command=[COMMAND], group="local"))
    live, whole, sizes, numbers = hashlib.sha256(), hashlib.sha256(), [], []
    with redis.Redis.from_url(asyncio.run(EmbeddedRedis(hub.home.path).start())) as server:
        for event in alice.executions.events(execution.id):
            if isinstance(event, Recorded):
                numbers.append(event.record.n)
                if isinstance(event.record, LogRecord):
                    whole.update(event.record.text.encode())
                    if event.record.stream == "stdout":
                        live.update(event.record.text.encode())
                if event.record.n % 20 == 0:
                    sizes.append(size_on(server, execution.id))
    assert alice.executions.get(execution.id).status is Status.COMPLETE
    assert numbers == list(range(1, len(numbers) + 1))
    assert max(sizes) < BOUND
    assert live.hexdigest() == digest_of_output()
    log = hashlib.sha256()
    for chunk in alice.executions.log(execution.id):
        log.update(chunk)
    assert log.hexdigest() == whole.hexdigest()
