"""Whatever is done, in whatever order: the queue in memory answers as the one on Redis does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis_servers import ALL

from perijove.model.events import Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.wire.protocol import AgentWire, Held

from .conftest import GROUP, Servers, Wire, lines, ticket, wire_in_memory, wire_on_redis

EXECUTIONS = [new_id("ex") for _ in range(3)]
WORKERS = [new_id("wk") for _ in range(2)]
Step = tuple[Any, ...]

execution, worker = st.sampled_from(EXECUTIONS), st.sampled_from(WORKERS)
attempt, cpus = st.integers(1, 3), st.sampled_from([1.0, 2.0, 4.0])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), worker, cpus),
        st.tuples(st.just("offer"), execution, attempt, cpus),
        st.tuples(st.just("claim"), worker, cpus),
        st.tuples(
            st.just("renew"), worker, st.lists(st.tuples(execution, attempt), max_size=3, unique_by=lambda h: h[0])
        ),
        st.tuples(st.just("close"), worker, execution, attempt),
        st.tuples(st.just("append"), execution, attempt, st.integers(1, 6), st.integers(0, 4)),
        st.tuples(st.just("leave"), worker),
        st.tuples(st.just("withdraw"), execution, attempt),
        st.tuples(st.just("forget"), execution, attempt),
        st.tuples(st.just("drain"), worker, st.booleans()),
        st.tuples(st.just("remove"), worker),
        st.tuples(st.just("flush")),
    ),
    max_size=25,
)


class Player:
    """Plays the same steps on one wire, and says what came of them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._agents = {worker: wire.agent(worker) for worker in WORKERS}
        self._registered: set[str] = set()

    async def play(self, step: Step) -> Any:
        """Take one step; return its answer, and everything that can be seen after it."""
        kind, *arguments = step
        answer = await getattr(self, f"_{kind}")(*arguments)
        return step, answer, await self._sight()

    async def told(self) -> Any:
        """Return all events, and what each worker was told. Looked at once, as Redis is slow to say there is none."""
        heard = [await agent.listen("0", 0.001) for agent in self._agents.values()]
        messages = [[message for _, message in messages] for messages in heard]
        return messages, [delivery.event for delivery in await self._wire.events(timeout=0.001)]

    async def _sight(self) -> Any:
        queue = self._wire.queue
        known = await queue.workers(GROUP)
        return (
            await queue.tickets(GROUP, EXECUTIONS),
            await queue.depths([GROUP]),
            sorted((w.worker, w.state, w.capacity.cpus, sorted(w.held.items())) for w in known),
            sorted((worker, one.state, one.busy) for worker, one in (await queue.glance([GROUP]))[GROUP].items()),
            [await queue.last_record(GROUP, one, n) for one in EXECUTIONS for n in (1, 2, 3)],
        )

    async def _register(self, worker: str, cpus: float) -> None:
        self._registered.add(worker)
        await self._agents[worker].register(Resources(cpus=cpus), "1.0", "host")

    async def _offer(self, execution: str, attempt: int, cpus: float) -> bool:
        return await self._wire.queue.offer(ticket(execution, attempt, cpus=cpus))

    async def _claim(self, worker: str, cpus: float) -> Any:
        return await self._agents[worker].claim(Resources(cpus=cpus))

    async def _renew(self, worker: str, named: list[tuple[str, int]]) -> Any:
        if worker in self._registered:
            return await self._agents[worker].renew([Held(*one) for one in named])
        return None

    async def _close(self, worker: str, execution: str, attempt: int) -> bool:
        event = Finished(worker=worker, execution=execution, attempt=attempt, reason=Reason.OK)
        return await self._agents[worker].close(event)

    async def _append(self, execution: str, attempt: int, first: int, count: int) -> Any:
        agent: AgentWire = self._agents[WORKERS[0]]
        return await agent.append(Held(execution, attempt), first, lines(first, first + count - 1))

    async def _leave(self, worker: str) -> None:
        await self._agents[worker].leave()

    async def _withdraw(self, execution: str, attempt: int) -> bool:
        return await self._wire.queue.withdraw(GROUP, execution, attempt)

    async def _forget(self, execution: str, attempt: int) -> None:
        await self._wire.queue.forget(GROUP, execution, attempt)

    async def _drain(self, worker: str, only_idle: bool) -> bool:
        return await self._wire.queue.drain(GROUP, worker, only_idle)

    async def _remove(self, worker: str) -> None:
        await self._wire.queue.remove_worker(GROUP, worker)

    async def _flush(self) -> None:
        await self._wire.flush()
        await self._wire.queue.prepare()


async def play_on_both(url: str, steps: list[Step]) -> None:
    async with Redis.from_url(url, protocol=2) as client:
        await client.flushall()
        async with wire_on_redis(url, client) as real:
            players = Player(real), Player(wire_in_memory())
            for step in steps:
                on_redis, in_memory = [await player.play(step) for player in players]
                assert in_memory == on_redis
            on_redis, in_memory = [await player.told() for player in players]
            assert in_memory == on_redis


@pytest.fixture(scope="module", params=ALL)
def url(request: pytest.FixtureRequest, servers: Servers) -> str:
    return servers.url(request.param)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_memory_and_redis_answer_alike(url: str, steps: list[Step]) -> None:
    asyncio.run(play_on_both(url, steps))
