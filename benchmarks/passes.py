"""Single passes of the master's loops, on a database and a Redis of their own, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import insert, select, text, update

from benchmarks.figures import Figure, Result, median
from benchmarks.servers import postgres, redis_server
from benchmarks.site import Site
from perijove.model.fleet import GroupSettings, WorkerState
from perijove.model.ids import new_id
from perijove.model.spec import Resources, Spec
from perijove.wire.agent import RedisAgentWire
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.loops.dispatcher import Dispatcher
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.loops.scaler import Scaler
from perijove_scheduler.providers.protocol import Machine, Order
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import ExecutionRow, GroupRow, ProjectRow, WorkerRow

_OWNERS = 20


class _Rack:
    """A provider of machines that are always there."""

    async def start(self, order: Order) -> AsyncIterator[Machine]:
        yield {"worker": order.worker}

    async def alive(self, machines: Sequence[Machine]) -> list[bool]:
        return [True for _ in machines]

    async def terminate(self, machine: Machine) -> None:
        """There is nothing to end."""

    async def aclose(self) -> None:
        """Nothing is open."""


class _World:
    """A store and a queue with a project, and the loops on them."""

    def __init__(self, store: Store, queue: RedisQueue, url: str, folder: Path) -> None:
        self.store, self.queue, self.url = store, queue, url
        bell = Bell()
        offers = Offers(queue, LocalFiles(folder, b"k" * 32, "http://127.0.0.1/"))
        machines = Machines({"process": _Rack()})
        self.dispatcher = Dispatcher(bell, store, queue, offers)
        self.scaler = Scaler(bell, store, queue, machines, self._token_of)
        self._project = new_id("pr")
        self._number = 0

    async def prepare(self, groups: list[str], workers: int) -> None:
        """Write groups with so many workers of one CPU each, which have renewed just now."""
        settings = GroupSettings(provider="process", max_workers=workers, capacity=Resources(cpus=1))
        rows = [{"id": new_id("w"), "group_name": group, "state": WorkerState.IDLE.value,
                 "capacity": Resources(cpus=1).model_dump(mode="json"), "machine": {"provider": "process"}}
                for group in groups for _ in range(workers)]  # fmt: skip
        async with self.store.write() as session:
            now = (await session.scalars(select(db_now()))).one()
            session.add(ProjectRow(id=self._project, name="bench", owner="ada", created_at=now))
            document = settings.model_dump(mode="json", by_alias=True)
            kept = {"settings": document, "token_sha256": "", "created_at": now}
            await session.execute(insert(GroupRow), [{"name": group, **kept} for group in groups])
            if rows:
                await session.execute(
                    insert(WorkerRow), [{**row, "created_at": now, "enrolled_at": now} for row in rows]
                )
        for row in rows:
            wire = RedisAgentWire(self.url, row["group_name"], row["id"])
            await wire.register(Resources(cpus=1), "1", "bench")
            await wire.aclose()

    async def submit(self, groups: list[str], count: int, worker_of: dict[str, list[str]] | None = None) -> None:
        """Write so many executions for each group: waiting, or started on the workers that are named."""
        spec = Spec(command=["true"], group=groups[0]).as_json()
        async with self.store.write() as session:
            now = (await session.scalars(select(db_now()))).one()
            rows = []
            for group in groups:
                workers = (worker_of or {}).get(group)
                for place in range(count):
                    self._number += 1
                    held = {"status": "created", "worker": None} if workers is None else \
                           {"status": "started", "worker": workers[place]}  # fmt: skip
                    rows.append(
                        {"id": new_id("ex"), "project_id": self._project, "number": self._number,
                         "owner": f"owner-{place % _OWNERS}", "group_name": group, "retries_left": 2,
                         "spec": {**spec, "group": group}, "created_at": now, **held}
                    )  # fmt: skip
            for start in range(0, len(rows), 5000):
                await session.execute(insert(ExecutionRow), rows[start : start + 5000])
        async with self.store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("ANALYZE"))

    async def finish_queued(self) -> None:
        """Make room again: what was admitted is over."""
        change = update(ExecutionRow).where(ExecutionRow.status == "queued")
        async with self.store.write() as session:
            await session.execute(change.values(status="complete", reason="ok"))

    def _token_of(self, group: str, worker: str) -> str:
        return f"{group} {worker}"


@asynccontextmanager
async def _world(folder: Path) -> AsyncIterator[_World]:
    with postgres() as database, redis_server() as redis:
        store = await Store.open(database)
        await store.migrate()
        queue = RedisQueue(redis)
        await queue.prepare()
        try:
            yield _World(store, queue, redis, folder)
        finally:
            await queue.aclose()
            await store.aclose()


def measure_dispatch(site: Site) -> Result:
    """Take the same turns of the dispatcher with few and with many waiting."""
    few, many = site.size(1_000, 40), site.size(100_000, 400)
    times = asyncio.run(_dispatch(site.folder, few, many, site.size(40, 3)))
    light, heavy = median(times["few"]) * 1000, median(times["many"]) * 1000
    limit = f"{heavy:.1f} ms with {many:,} waiting, {light:.1f} ms with {few:,}; 8 executions admitted each"
    figure = Figure("a dispatch with 100,000 waiting ÷ with 1,000", heavy / light, "", 1.2, limit=limit)
    return Result([figure], {name: [value * 1000 for value in values] for name, values in times.items()})


async def _dispatch(folder: Path, few: int, many: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of single turns before a short and a long line, each on a database of its own, in turn."""
    times: dict[str, list[float]] = {"few": [], "many": []}
    async with _world(folder) as short, _world(folder) as long:
        worlds = (("few", short, few), ("many", long, many))
        for name, world, count in worlds:
            await world.prepare([name], 8)
            await world.submit([name], count + 8 * (rounds + 1))
        for turn in range(rounds + 1):
            for name, world, _ in worlds:
                began = time.perf_counter()
                await world.dispatcher.fill([name])
                if turn:
                    times[name].append(time.perf_counter() - began)
                await world.finish_queued()
    return times


def measure_pass(site: Site) -> Result:
    """Take turns of both loops over many groups, each with workers at work and executions that wait."""
    groups, workers = site.size(200, 4), 10
    times = asyncio.run(_passes(site.folder, groups, workers, site.size(10, 2)))
    dispatcher, scaler = (median(times[name]) * 1000 for name in ("dispatcher", "scaler"))
    limit = f"dispatcher {dispatcher:.0f} ms, scaler {scaler:.0f} ms"
    both = [(d + s) * 1000 for d, s in zip(times["dispatcher"], times["scaler"], strict=True)]
    name = "dispatcher and scaler pass over 200 groups, 2,000 workers"
    return Result([Figure(name, median(both), "ms", 200, limit=limit)], {"both": both})


async def _passes(folder: Path, groups: int, workers: int, rounds: int) -> dict[str, list[float]]:
    names = [f"group-{number}" for number in range(groups)]
    times: dict[str, list[float]] = {"dispatcher": [], "scaler": []}
    async with _world(folder) as world:
        await world.prepare(names, workers)
        of = {name: [row.id for row in await world.store.workers.live(name)] for name in names}
        await world.submit(names, workers, of)
        await world.submit(names, 5)
        for turn in range(rounds + 1):
            for name, loop in (("dispatcher", world.dispatcher), ("scaler", world.scaler)):
                began = time.perf_counter()
                await loop.turn()
                if turn:
                    times[name].append(time.perf_counter() - began)
    return times
