"""Two services on one PostgreSQL and one Redis: who leads, and what becomes of one that was killed, frozen, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redises
from postgres import Cluster
from waiting import until

from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.ports import free_ports
from perijove_scheduler.queue.redis import RedisQueue
from perijove_scheduler.store.creation import NewExecution
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import Viewer

#: Seconds, far more than anything here takes, for a machine that is busy.
_PATIENCE = 120
_ANYBODY = Viewer("ada", frozenset(), admin=True)


@dataclass
class Replica:
    """A service as a process of its own, without a Hub: only its health is asked for."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def leads(self) -> bool:
        """Whether it answers and says that it leads."""
        health = self.health()
        return health is not None and bool(health["leading"])

    def health(self) -> dict[str, object] | None:
        try:
            reply = httpx.get(f"{self.url}health", timeout=5)
        except httpx.TransportError:
            return None
        return reply.json() if reply.status_code == 200 else None

    def stop(self) -> None:
        """Stop it as the Hub does; it ends by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        assert self.process.wait(_PATIENCE) in {0, -signal.SIGKILL}


@dataclass
class Site:
    """The parts that replicas share."""

    folder: Path
    variables: dict[str, str]

    def start(self, name: str) -> Replica:
        """Start a replica and wait until it answers."""
        port = free_ports(1)[0]
        url = f"http://127.0.0.1:{port}/services/perijove/"
        variables = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PERIJOVE_", "JUPYTERHUB_"))},
            **self.variables,
            "PERIJOVE_DATA_DIR": str(self.folder / name),
            "PERIJOVE_REPLICA": name,
            "JUPYTERHUB_SERVICE_URL": url,
            "JUPYTERHUB_SERVICE_PREFIX": "/services/perijove/",
            "JUPYTERHUB_API_TOKEN": "nobody's",
        }
        command = [sys.executable, "-m", "perijove_hub", "--Platform.local_group="]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=variables, stdout=log, stderr=subprocess.STDOUT)
        replica = Replica(url, process)
        until(lambda: process.poll() is not None or replica.health() is not None, _PATIENCE)
        assert process.poll() is None, (self.folder / f"{name}.log").read_text()
        return replica

    def admits(self) -> bool:
        """Submit an execution that a worker could take; return whether the dispatcher makes of it what it should."""
        return asyncio.run(self._admits())

    async def _admits(self) -> bool:
        store = await Store.open(self.variables["PERIJOVE_DATABASE_URL"])
        queue = RedisQueue(self.variables["PERIJOVE_REDIS_URL"])
        try:
            group = new_id("gr")
            await store.groups.create(group, GroupSettings(), "0" * 64)
            project = await store.projects.create("ada", new_id("pr"))
            assert project is not None
            made = await store.executions.create(_execution(project.id, group))
            await queue.ring(["dispatcher"])  # as a replica does that does not lead
            chosen = ExecutionFilter(group=group)
            for _ in range(_PATIENCE * 10):
                (found,) = await store.executions.list(_ANYBODY, chosen, None, 2)
                if found.row.status == "queued":
                    return found.row.id == made
                await asyncio.sleep(0.1)  # the dispatcher is another process, and tells Redis only
            return False
        finally:
            await store.aclose()
            await queue.aclose()


def _execution(project: str, group: str) -> NewExecution:
    return NewExecution(
        project=project, owner="ada", group=group, priority=0, retries=0, title="", code=None, notebook=None,
        spec={"command": ["true"], "group": group},
    )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Cluster(password=True) as cluster, redises.running() as server:
        files = str(tmp_path / "files")
        yield Site(
            tmp_path,
            {"PERIJOVE_DATABASE_URL": cluster.url, "PERIJOVE_REDIS_URL": server.url, "PERIJOVE_FILES_DIR": files},
        )


@pytest.mark.timeout(900)  # it starts four services, one after the other
def test_one_leads_and_the_other_takes_over_when_it_is_frozen_stopped_or_killed(site: Site) -> None:
    first = site.start("first")
    until(lambda: first.leads, _PATIENCE)
    second = site.start("second")
    try:
        assert first.leads
        assert not second.leads
        assert site.admits()

        first.process.send_signal(signal.SIGSTOP)
        until(lambda: second.leads, _PATIENCE)
        assert site.admits()
        first.process.send_signal(signal.SIGCONT)
        until(lambda: first.health() is not None and not first.leads, _PATIENCE)
        assert second.leads

        second.stop()
        until(lambda: first.leads, _PATIENCE)
        assert site.admits()

        second = site.start("second")
        assert not second.leads
        first.process.kill()
        until(lambda: second.leads, _PATIENCE)
        assert site.admits()
    finally:
        first.stop()
        second.stop()
    assert "Traceback" not in _later((site.folder / "second.log").read_text())


def _later(log: str) -> str:
    """Return a service's log after its start, while which it refuses whoever asks."""
    return log.partition("has started")[2]
