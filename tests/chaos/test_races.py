"""Races for work on a real Redis, run by simulated agents that speak the real protocol."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perijove.model.control import Wake
from perijove.model.events import Claimed, Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources, Spec
from perijove.model.tickets import Ticket
from perijove.wire.agent import RedisAgentWire
from perijove_scheduler.embedded import EmbeddedRedis
from perijove_scheduler.queue.redis import RedisQueue

GROUP = "race"
ONE = Resources(cpus=1)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pj-"))
    server = EmbeddedRedis(folder)
    yield await server.start()
    await server.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def queue(url: str) -> AsyncIterator[RedisQueue]:
    queue = RedisQueue(url)
    await queue.prepare()
    yield queue
    await queue.aclose()


def ticket() -> Ticket:
    spec = Spec(group=GROUP, command=["true"], resources=ONE)
    return Ticket(execution=new_id("ex"), attempt=1, project="demo", number=1, owner="ann", spec=spec)


class Idler:
    """A worker that claims when it is woken, and whose machine is ended the moment the scaler has drained it."""

    def __init__(self, url: str) -> None:
        self.id = new_id("wk")
        self.held = False
        self._wire = RedisAgentWire(url, GROUP, self.id)
        self._task = asyncio.create_task(self._run())
        self.registered = asyncio.Event()

    async def _run(self) -> None:
        await self._wire.register(ONE, "1", "host")
        self.registered.set()
        after = "0"
        while True:
            while claimed := await self._wire.claim(ONE):
                done = Finished(worker=self.id, execution=claimed.execution, attempt=1, reason=Reason.OK)
                assert await self._wire.close(done)
            heard = await self._wire.listen(after, 15)
            after = heard[-1][0] if heard else after
            assert all(isinstance(message, Wake) for _, message in heard)

    async def end_machine(self) -> None:
        """Switch the machine off: whatever it was about to do is not done."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._wire.aclose()


async def test_none_of_500_executions_is_lost_when_work_comes_as_idle_workers_are_scaled_down(
    url: str, queue: RedisQueue, seed: int
) -> None:
    chance = random.Random(seed)
    offered = [ticket() for _ in range(500)]
    idlers = [Idler(url) for _ in range(8)]
    ended = Counter[str]()
    finished = Counter[str]()

    async def arrive() -> None:
        for each in offered:
            assert await queue.offer(each)
            await asyncio.sleep(chance.choice([0, 0, 0.002, 0.01]))

    async def scale() -> None:
        while len(finished) < len(offered):
            idler = idlers[chance.randrange(len(idlers))]
            await idler.registered.wait()
            if await queue.drain(GROUP, idler.id, only_idle=True):
                await idler.end_machine()
                await queue.remove_worker(GROUP, idler.id)
                idlers[idlers.index(idler)] = Idler(url)
                ended["idle"] += 1
            else:
                ended["busy"] += 1

    async def listen() -> None:
        while len(finished) < len(offered):
            deliveries = await queue.read_events([GROUP], "master", 0.2, 500)
            finished.update(d.event.execution for d in deliveries if isinstance(d.event, Finished))
            await queue.acknowledge(deliveries)

    try:
        await asyncio.wait_for(asyncio.gather(arrive(), scale(), listen()), 120)
    finally:
        for idler in idlers:
            await idler.end_machine()
    assert finished == Counter(each.execution for each in offered)
    assert ended["idle"] > 0


async def test_an_execution_is_claimed_once_by_50_that_race_for_it(url: str, queue: RedisQueue) -> None:
    wires = [RedisAgentWire(url, GROUP, new_id("wk")) for _ in range(50)]
    await asyncio.gather(*(wire.register(ONE, "1", "host") for wire in wires))
    for _ in range(20):
        await queue.offer(offered := ticket())
        claims = await asyncio.gather(*(wire.claim(ONE) for wire in wires))
        assert [claim for claim in claims if claim] == [offered]
        deliveries = await queue.read_events([GROUP], "master", 1, 500)
        assert [type(d.event) for d in deliveries] == [Claimed]
        await queue.acknowledge(deliveries)
    await asyncio.gather(*(wire.aclose() for wire in wires))
