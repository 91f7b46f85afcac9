"""The loops on a real store (SQLite), the in-memory queue with its own clock, files on disk, and a rack of machines."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from perijove.errors import Unavailable
from perijove.model.control import Signed, SignedObject
from perijove.model.events import Finished, SignRequest
from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources, Spec
from perijove.wire.protocol import RENEW_EVERY, Held
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.loops.archiver import Archiver
from perijove_scheduler.loops.dispatcher import Dispatcher
from perijove_scheduler.loops.events.applier import Applier
from perijove_scheduler.loops.machines import Machines
from perijove_scheduler.loops.reaper import Reaper
from perijove_scheduler.loops.scaler import Scaler
from perijove_scheduler.loops.sweeper import Sweeper
from perijove_scheduler.providers.protocol import Machine, Order
from perijove_scheduler.queue.memory import ManualClock, MemoryAgentWire, MemoryQueue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.services.commits import Commits
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import AttemptRow, ExecutionRow, GroupRow, ProjectRow, WorkerRow

CAPACITY = Resources(cpus=2)
SECRET = hashlib.sha256(b"").hexdigest()


class Rack:
    """A provider whose machines are entries of a set: `running` are switched on.

    `broken` says that none can be, `stuck` that none can be switched off; `asked` counts who asked which still run.
    """

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.started: list[str] = []
        self.terminated: list[str] = []
        self.tokens: list[str] = []
        self.broken = self.stuck = False
        self.asked = 0
        self.switched = asyncio.Event()

    async def start(self, order: Order) -> AsyncIterator[Machine]:
        worker = order.worker
        yield {"worker": worker}
        if self.broken:
            raise Unavailable("The rack has no power.")
        self.running.add(worker)
        self.started.append(worker)
        self.tokens.append(order.token)
        self.switched.set()
        yield {"worker": worker, "slot": len(self.started)}

    async def alive(self, machines: Sequence[Machine]) -> list[bool]:
        self.asked += 1
        return [machine["worker"] in self.running for machine in machines]

    async def terminate(self, machine: Machine) -> None:
        if self.stuck:
            raise Unavailable("The rack does not answer.")
        self.terminated.append(machine["worker"])
        self.running.discard(machine["worker"])

    async def last_words(self, machine: Machine) -> str:
        return f"{machine['worker']} says goodbye"

    async def aclose(self) -> None:
        """Nothing is open."""


class Agent:
    """A worker, as far as the wire goes: enrolled, registered, and doing what a test tells it to."""

    def __init__(self, world: World, group: str, worker: str, capacity: Resources) -> None:
        self.world = world
        self.id = worker
        self.group = group
        self.capacity = capacity
        self.wire: MemoryAgentWire = world.queue.agent(group, worker, world.keys.event_key(worker, SECRET))
        self.held: dict[str, int] = {}

    async def claim(self) -> str | None:
        ticket = await self.wire.claim(self.capacity)
        if ticket is None:
            return None
        self.held[ticket.execution] = ticket.attempt
        return ticket.execution

    async def renew(self) -> None:
        await self.wire.renew([Held(execution, attempt) for execution, attempt in self.held.items()])

    async def finish(self, execution: str, reason: Reason = Reason.OK, **values: Any) -> bool:
        attempt = self.held.pop(execution)
        return await self.wire.close(
            Finished(worker=self.id, execution=execution, attempt=attempt, reason=reason, **values)
        )

    async def log(self, execution: str, *lines: bytes) -> None:
        await self.wire.append(Held(execution, self.held[execution]), 1, lines)

    async def told(self) -> list[str]:
        """Return the kinds of the control messages it was sent."""
        return [message.kind for _, message in await self.wire.listen("0", 0)]


class World:
    """The scheduler without a service around it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.clock = ManualClock()
        self.queue = MemoryQueue(self.clock)
        self.files = LocalFiles(folder / "files", b"0" * 32, "http://testserver/")
        self.bell = Bell()
        self.rack = Rack()
        self.signed: list[str] = []
        self.away = False
        self.keys = WorkerKeys(b"w" * 32)
        self.project = ""
        self.sign = self._sign
        self._numbers = iter(range(1, 1_000_000))
        self.be_born()

    def be_born(self) -> None:
        """Make the loops, as the start of a service does; the ones before are forgotten, as after SIGKILL."""
        machines = Machines({"process": self.rack})
        offers = Offers(self.queue, self.files)
        self.dispatcher = Dispatcher(self.bell, self.store, self.queue, offers)
        commits = Commits(self.store, self.files)
        parts = (self.bell, self.store, self.queue, offers, self.sign, self.keys, commits)
        self.applier = Applier(*parts, "applier")
        self.reaper = Reaper(self.bell, self.store, self.queue, offers, machines)
        self.sweeper = Sweeper(self.bell, self.store, self.queue, offers)
        self.archiver = Archiver(self.bell, self.store, self.queue, self.files)
        self.scaler = Scaler(self.bell, self.store, self.queue, machines, self.keys.machine_token, self.clock)

    async def prepare(self) -> None:
        self.project = new_id("pr")
        async with self.store.write() as session:
            session.add(ProjectRow(id=self.project, name="project", owner="ada", created_at=db_now()))
        await self.group("local")

    async def group(self, name: str, **values: Any) -> None:
        settings = GroupSettings(**{"provider": "process", "capacity": CAPACITY, "max_workers": 2, **values})
        async with self.store.write() as session:
            session.add(
                GroupRow(name=name, settings=settings.model_dump(mode="json"), token_sha256="", created_at=db_now())
            )

    async def submit(self, owner: str = "ada", count: int = 1, **spec: Any) -> list[str]:
        """Write created executions, as the service does."""
        parsed = Spec(**{"command": ["true"], "group": "local", **spec})
        ids = sorted(new_id("ex") for _ in range(count))
        common = {
            "project_id": self.project, "owner": owner, "group_name": parsed.group, "status": "created",
            "retries_left": parsed.retries, "priority": parsed.priority, "spec": parsed.as_json(),
            "notebook": parsed.notebook.sha256 if parsed.notebook else None,
        }  # fmt: skip
        async with self.store.write() as session:
            now = (await session.scalars(select(db_now()))).one()
            rows = [{"id": id_, "number": next(self._numbers), "created_at": now, **common} for id_ in ids]
            await session.execute(insert(ExecutionRow), rows)
        return ids

    async def agent(self, group: str = "local", capacity: Resources = CAPACITY, worker: str | None = None) -> Agent:
        """Enrol and register a worker: one that the scaler started, or one started by hand."""
        id_ = await self.store.workers.enrol(group, worker, "host", "1", capacity, SECRET)
        assert id_ is not None
        agent = Agent(self, group, id_, capacity)
        await agent.wire.register(capacity, "1", "host")
        return agent

    async def apply(self) -> None:
        """Let the applier take what came in."""
        groups = await self.store.groups.names()
        while deliveries := await self.queue.read_events(groups, "applier", 0, 100):
            await self.applier.handle(deliveries)

    async def running(self, agent: Agent, **spec: Any) -> str:
        """Submit one execution and let `agent` claim it."""
        await self.submit(**spec)
        await self.dispatcher.turn()
        execution = await agent.claim()
        assert execution is not None
        await self.apply()
        return execution

    async def running_by_turns(self, agent: Agent) -> str:
        """Submit one execution, let `agent` claim it, and the applier take turns until it is written."""
        (made,) = await self.submit()
        await self.dispatcher.turn()
        assert await agent.claim() == made
        while await self.status(made) != "started":
            await self.applier.turn()
        return made

    async def pass_time(self, seconds: float, *alive: Agent, reap: bool = True) -> None:
        """Let time pass by Redis' clock: the agents of `alive` renew, and the reaper looks, as they do."""
        for _ in range(int(seconds / RENEW_EVERY)):
            self.clock.advance(RENEW_EVERY)
            for agent in alive:
                await agent.renew()
            if reap:
                await self.reaper.turn()

    async def row(self, execution: str) -> ExecutionRow:
        async with self.store.read() as session:
            return await session.get_one(ExecutionRow, execution)

    async def status(self, execution: str) -> str:
        return (await self.row(execution)).status

    async def attempt(self, execution: str, attempt: int) -> AttemptRow:
        async with self.store.read() as session:
            return await session.get_one(AttemptRow, (execution, attempt))

    async def worker(self, worker: str) -> WorkerRow:
        async with self.store.read() as session:
            return await session.get_one(WorkerRow, worker)

    async def workers(self, state: str) -> list[str]:
        return [row.id for row in await self.store.workers.live() if row.state == state]

    async def scale(self) -> None:
        """Let the scaler take a turn, and all that it began end."""
        await self.scaler.turn()
        await self.scaler.settle()

    async def _sign(self, group: str, requests: Sequence[SignRequest]) -> list[Signed | None]:
        if self.away:
            raise Unavailable("The database is away.")
        return [await self._answer(request) for request in requests]

    async def _answer(self, request: SignRequest) -> Signed:
        row = await self.row(request.execution)
        mine = (row.worker, row.attempt) == (request.worker, request.attempt)
        self.signed += [request.request] if mine else []
        error = "" if mine else "not yours"
        objects = [SignedObject(what=wanted.what, name=wanted.name, error=error) for wanted in request.objects]
        return Signed(request=request.request, objects=objects)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database that is copied for every test."""
    path = tmp_path_factory.mktemp("store") / "perijove.db"

    async def migrate() -> None:
        store = await Store.open(f"sqlite:///{path}")
        await store.migrate()
        await store.aclose()

    asyncio.run(migrate())
    return path


@pytest.fixture
async def world(migrated: Path, tmp_path: Path) -> AsyncIterator[World]:
    """Return a scheduler with one group, ``local``, of at most two machines of two CPUs."""
    path = tmp_path / "perijove.db"
    shutil.copy(migrated, path)
    store = await Store.open(f"sqlite:///{path}")
    world = World(store, tmp_path)
    await world.prepare()
    yield world
    await world.scaler.stop()
    await store.aclose()
