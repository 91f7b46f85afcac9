"""The platform under test: real servers, the service, and agents on machines of their own, all in one folder."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
from postgres import Cluster

from perijove.client.client import AsyncClient
from perijove.errors import ConnectionLost, PerijoveError, Unavailable
from perijove.model.fleet import GroupSettings
from perijove.ports import free_ports
from storm import findings
from storm.agents import Machine
from storm.checker import FoundExecution
from storm.doorway import PREFIX, TOKEN, Doorway
from storm.plan import GROUP, Work
from storm.processes import PATIENCE
from storm.servers import RedisServer, Service

log = logging.getLogger("storm")

#: Seconds: short, so that a lost worker is noticed within a test's time.
LEASE = 4.0
_LOOK = 0.25


class World:
    """Everything that runs.

    Attributes
    ----------
    machines : list of Machine
        The workers.
    keep : bool
        Whether its folder stays.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keep = False
        self.cluster = Cluster(crashes=True)
        self.redis = RedisServer(folder)
        service_port, door_port = free_ports(2)
        self.doorway = Doorway(door_port, service_port)
        settings = {"redis_url": self.redis.url, "database_url": self.cluster.url, "lease": LEASE}
        self.service = Service(folder, service_port, self.doorway, settings)
        self.client = AsyncClient(f"http://127.0.0.1:{service_port}{PREFIX}", TOKEN)
        self.machines: list[Machine] = []

    @property
    def database(self) -> str:
        """The database's address, for a driver."""
        return self.cluster.url.replace("+psycopg", "")

    async def start(self, machines: int) -> None:
        """Start the service, make a group, and start its machines."""
        self.doorway.open()
        await self.redis.up()
        await self.service.up()
        made = await self._make_group(machines)
        for number in range(machines):
            machine = Machine(number, self.folder / str(number), self.doorway, self.redis.port, made)
            self.machines.append(machine)
            await machine.proxy.open()
            await machine.start()
        await self.until(self._all_enrolled, "its agents enrol")

    async def _make_group(self, machines: int) -> str:
        url = f"{self.service.url}{PREFIX}api/v1/groups"
        settings = GroupSettings(max_workers=machines, warm_kernels=1).model_dump(mode="json")
        body = {"name": GROUP, "settings": settings}
        answer = await self.doorway.http.post(url, json=body, headers={"Authorization": f"token {TOKEN}"})
        return str(answer.raise_for_status().json()["token"])

    async def _all_enrolled(self) -> list[str]:
        return [each for each in await findings.on_redis(self.redis.url, len(self.machines)) if "lease" in each]

    async def submit(self, work: Work) -> None:
        """Submit one work, however often it has to be said; the same key makes sure that it is one execution."""
        while True:
            try:
                await self.client.executions.create(work.spec, notebook=work.document, key=_key(work))
            except (Unavailable, ConnectionLost) as error:  # noqa: PERF203 - a retry loop
                log.debug("submitting again: %s", error)
                await asyncio.sleep(_LOOK)
            except PerijoveError as error:
                raise AssertionError(f"{work.name} was refused: {error}") from error
            else:
                return

    async def finished(self, plan: Sequence[Work]) -> int:
        """Return how many works of a plan have ended, as far as the database can be asked."""
        try:
            return await asyncio.to_thread(self._count, [work.name for work in plan])
        except psycopg.OperationalError:
            return 0

    def _count(self, titles: list[str]) -> int:
        query = (
            "SELECT count(*) FROM executions WHERE spec->>'title' = ANY(%s)"
            " AND status IN ('complete', 'error', 'crashed', 'stopped')"
        )
        with psycopg.connect(self.database) as connection:
            return int((connection.execute(query, [titles]).fetchone() or (0,))[0])

    async def until(self, look: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        """Wait until `look` finds nothing any more; fail with what it found last."""
        deadline = time.monotonic() + patience
        while True:
            found = await look()
            if not found:
                return
            assert time.monotonic() < deadline, f"after {patience:.0f} s, waiting until {what}: {found}"
            await asyncio.sleep(_LOOK)

    async def settle(self, patience: float) -> None:
        """Wait until everything has ended and is archived, and nothing of it is left on Redis or on a disk."""
        await self.until(self.left, "nothing is left", patience)

    async def told(self, plan: Sequence[Work]) -> list[str]:
        """Return which works of a plan have not ended, or have records that are not archived yet."""
        return await asyncio.to_thread(findings.untold, self.database, [work.name for work in plan])

    async def left(self) -> list[str]:
        """Return what is under way or left behind while the agents run."""
        told = await asyncio.to_thread(findings.unsettled, self.database)
        told += await findings.on_redis(self.redis.url, len(self.machines))
        return told + [f"{path} on machine {m.number}" for m in self.machines for path in m.left()]

    async def look(self, plan: Sequence[Work]) -> list[FoundExecution]:
        """Return what is found of a plan's executions."""
        objects = self.folder / "data" / "files"
        return await asyncio.to_thread(findings.executions, self.database, objects, [work.name for work in plan])

    async def end(self) -> list[str]:
        """Stop the agents and the service as an administrator would; return what they left."""
        await asyncio.gather(*(machine.agent.stop() for machine in self.machines))
        await self.service.stop()
        told = await asyncio.to_thread(findings.processes, self.folder / "data")
        for machine in self.machines:
            told += await asyncio.to_thread(findings.processes, machine.folder)
            told += [f"temporary file {path}" for path in machine.temporary.iterdir()]
        return told

    async def aclose(self) -> None:
        """End whatever still runs."""
        for machine in self.machines:
            await machine.agent.kill()
            await machine.proxy.cut()
            machine.unmount()
        await self.service.kill()
        await self.redis.kill()
        await self.client.aclose()
        await self.doorway.aclose()


def _key(work: Work) -> str:
    return work.name.replace(" ", "-")


@asynccontextmanager
async def world(machines: int = 4) -> AsyncIterator[World]:
    """Run a platform; its folder stays when something went wrong, for whoever wants to know what."""
    folder = Path(tempfile.mkdtemp(prefix="pjs-"))
    made = World(folder)
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(made.cluster)
            stack.push_async_callback(made.aclose)
            await made.start(machines)
            yield made
    except BaseException:
        made.keep = True
        raise
    finally:
        if made.keep:
            log.warning("what the platform said lies in %s", folder)
        else:
            shutil.rmtree(folder)
