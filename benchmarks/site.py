"""Where the rows are measured: the servers, and a Hub with the service on them, each started when first asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import psycopg
from perijove_local.home import ROOT, Home
from perijove_local.hub import Hub
from perijove_local.processes import processes_of

from benchmarks.servers import postgres, redis_server
from perijove.client.client import Client
from perijove.errors import PerijoveError
from perijove.model.fleet import GroupSettings
from perijove.model.spec import Resources
from perijove.ports import free_ports

_CONFIG = Path(__file__).with_name("hub_config.py")


class Site:
    """The machine's servers for one run.

    Parameters
    ----------
    quick : bool
        Whether rows are only tried, not measured.
    """

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self._stack = ExitStack()
        self._groups = 0

    def size(self, full: int, quick: int) -> int:
        """Return how much of something a row takes."""
        return quick if self.quick else full

    @cached_property
    def folder(self) -> Path:
        """A folder that is gone afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="pj-bench-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def postgres(self) -> str:
        """The database's URL."""
        return self._stack.enter_context(postgres())

    @cached_property
    def redis(self) -> str:
        """The Redis' URL."""
        return self._stack.enter_context(redis_server())

    @cached_property
    def hub(self) -> Hub:
        """A running Hub whose service uses `postgres` and `redis`."""
        settings = [
            f"--Platform.database_url={self.postgres}",
            f"--Platform.redis_url={self.redis}",
            "--Platform.local_min_workers=1",
            "--Platform.local_max_workers=1",
            "--Platform.local_cpus=64",
            "--Platform.local_memory=0",
            "--PerijoveHub.log_level=WARN",
        ]
        hub = Hub(
            Home(self.folder / "platform"), free_ports(1)[0], _CONFIG, {"PERIJOVE_BENCH_SETTINGS": " ".join(settings)}
        )
        hub.start()
        self._stack.callback(hub.stop)
        return hub

    @cached_property
    def client(self) -> Client:
        """An administrator's client."""
        return self._stack.enter_context(Client(self.hub.service_url, self.hub.token("admin"), timeout=120))

    @property
    def service(self) -> psutil.Process:
        """The service's process."""
        found = (p for p in processes_of(self.hub.home.path) if "perijove_hub" in " ".join(p.cmdline()))
        return psutil.Process(next(found).pid)

    @contextmanager
    def agents(self, count: int, cpus: int, behaviour: str) -> Iterator[str]:
        """Run simulated agents of a new group, in a process of their own; return the group's name."""
        self._groups += 1
        group = f"{behaviour}-{self._groups}"
        settings = GroupSettings(provider="manual", max_workers=count, capacity=Resources(cpus=cpus))
        token = self.client.groups.create(group, settings).token
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.simulated", self.hub.service_url, group, str(count), str(cpus),
             behaviour],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PERIJOVE_BENCH_TOKEN": token},
        )  # fmt: skip
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise SystemExit("The simulated agents did not start.")
            yield group
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
            self._clear(group)

    def _clear(self, group: str) -> None:
        """Let what is left of a row weigh on no other."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute("DELETE FROM executions WHERE group_name = %s", (group,))
            connection.execute("UPDATE workers SET ended_at = now(), state = 'gone' WHERE group_name = %s", (group,))
        try:
            self.client.groups.delete(group)
        except PerijoveError as error:
            print(f"  (group {group} stays: {error})", flush=True)

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection of one's own to the database."""
        return psycopg.connect(self.postgres, autocommit=True)

    def close(self) -> None:
        """Stop everything."""
        self._stack.close()
