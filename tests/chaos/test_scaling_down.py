"""Work that arrives exactly as idle workers are scaled down: real loops, PostgreSQL and Redis; machines are tasks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import redises
from postgres import Cluster
from sqlalchemy import func, select

from perijove.model.control import Drain
from perijove.model.events import Finished
from perijove.model.fleet import Enrol, GroupSettings
from perijove.model.reasons import Reason
from perijove.model.resources import CreateExecution
from perijove.model.retention import RetentionSettings
from perijove.model.spec import Resources
from perijove.wire import versions
from perijove.wire.agent import RedisAgentWire
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.loops.scaler import Scaler
from perijove_scheduler.platform.loops import Loops, Nights
from perijove_scheduler.providers.protocol import Machine, Order
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.queue.tail_redis import RedisTail
from perijove_scheduler.services import Limits, Services
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import ExecutionRow

#: Seconds, far more than anything here takes, for a machine that is busy.
_PATIENCE = 240
GROUP = "brief"
EXECUTIONS, BURST = 500, 10
CAPACITY = Resources(cpus=4)
ROOT = Caller("root", frozenset(), frozenset({"read", "submit", "admin"}))


class Rack:
    """A provider whose machines are tasks of this process: `draining` is set when one of them was told to leave."""

    def __init__(self) -> None:
        self.draining = asyncio.Event()
        self.refused = 0
        self._machines: dict[str, asyncio.Task[None]] = {}
        self.services: Services | None = None

    async def start(self, order: Order) -> AsyncIterator[Machine]:
        yield {"worker": order.worker}
        self._machines[order.worker] = asyncio.create_task(self._run(order))

    async def alive(self, machines: Sequence[Machine]) -> list[bool]:
        tasks = [self._machines.get(machine["worker"]) for machine in machines]
        return [task is not None and not task.done() for task in tasks]

    async def terminate(self, machine: Machine) -> None:
        """Switch the machine off: whatever it was about to do is not done."""
        task = self._machines.pop(machine["worker"], None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def aclose(self) -> None:
        for worker in list(self._machines):
            await self.terminate({"worker": worker})

    async def _run(self, order: Order) -> None:
        assert self.services is not None
        asked = Enrol(
            group=order.group,
            token=order.token,
            host="h",
            version="1",
            capacity=order.capacity,
            worker=order.worker,
            oldest_protocol=versions.OLDEST,
            newest_protocol=versions.NEWEST,
        )
        enrolment = await self.services.agents.enrol(asked)
        wire = RedisAgentWire(enrolment.redis_url, order.group, order.worker, event_key=enrolment.event_key)
        try:
            await wire.register(order.capacity, "1", "h")
            await self._work(wire, order)
        finally:
            await wire.aclose()

    async def _work(self, wire: RedisAgentWire, order: Order) -> None:
        after = "0"
        while True:
            while claimed := await wire.claim(order.capacity):
                done = Finished(
                    worker=order.worker, execution=claimed.execution, attempt=claimed.attempt, reason=Reason.OK
                )
                assert await wire.close(done)
            heard = await wire.listen(after, 2)
            await wire.renew([])
            after = heard[-1][0] if heard else after
            if any(isinstance(message, Drain) for _, message in heard):
                self.draining.set()
                # It would take what arrives now if it could: the fence is what keeps it from that.
                assert await wire.claim(order.capacity) is None
                self.refused += 1
                await wire.leave()
                return


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    with Cluster() as cluster:
        store = await Store.open(cluster.url)
        await store.migrate()
        yield store
        await store.aclose()


@pytest.mark.timeout(600)
async def test_none_of_500_executions_is_lost_or_tried_twice_when_they_come_as_the_scaler_lets_workers_go(
    store: Store, tmp_path: Path, seed: int
) -> None:
    chance, rack, bell = random.Random(seed), Rack(), Bell()
    async with AsyncExitStack() as stack:
        url = stack.enter_context(redises.running()).url
        queue, tail = RedisQueue(url), RedisTail(url)
        stack.push_async_callback(queue.aclose)
        stack.push_async_callback(tail.aclose)
        await queue.prepare()
        files = LocalFiles(tmp_path / "files", b"k" * 32, "http://127.0.0.1/")
        services = rack.services = Services(store, queue, tail, files, bell, Limits())
        settings = GroupSettings(provider="process", max_workers=3, grace_period=0, capacity=CAPACITY)
        await services.groups.create(ROOT, GROUP, settings)

        nights = Nights(RetentionSettings(), 3, 0.0)
        machines = Machines({"process": rack})
        loops = Loops(bell, store, queue, files, machines, services.outputs.sign, services.worker_keys, nights)
        for loop in loops:
            if isinstance(loop, Scaler):
                loop.pause = 0.0  # it looks as often as it can, to catch workers in every state
        loops.start()
        stack.push_async_callback(loops.stop, end_machines=True)
        waited = 0
        for burst in range(EXECUTIONS // BURST):
            if burst and chance.random() < 0.7:
                # There is always one to come: whoever has ended the work before this is let go at once.
                await asyncio.wait_for(rack.draining.wait(), _PATIENCE)
                waited += 1
            rack.draining.clear()
            for _ in range(BURST):
                spec = {"command": "true", "group": GROUP, "retries": 0}
                await services.executions.create(ROOT, CreateExecution.model_validate({"spec": spec}), None)
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.01]))
        await asyncio.wait_for(ended(store), _PATIENCE)
    assert await outcomes(store) == {("complete", "ok", 1): EXECUTIONS}
    assert rack.refused >= waited - 1 > 0


async def ended(store: Store) -> None:
    """Wait until all of them have; a row tells nobody that it changes."""
    query = select(func.count()).where(ExecutionRow.finished_at.is_not(None))
    count = 0
    while count < EXECUTIONS:
        await asyncio.sleep(0.05)
        async with store.read() as session:
            count = await session.scalar(query) or 0


async def outcomes(store: Store) -> dict[tuple[str, str, int], int]:
    """Return how many executions ended in which way, on which attempt."""
    how = (ExecutionRow.status, ExecutionRow.reason, ExecutionRow.attempt)
    async with store.read() as session:
        return {(s, r, a): count for s, r, a, count in await session.execute(select(*how, func.count()).group_by(*how))}
