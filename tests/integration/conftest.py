"""A real JupyterHub with the Perijove service, started once for all tests that ask for it, and its users' clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redises
from parts import EMBEDDED, PRODUCTION
from perijove_local.home import Home
from perijove_local.hub import Hub
from postgres import Cluster
from sqlalchemy import NullPool, create_engine, text
from waiting import until

from perijove.client.client import Client
from perijove.ports import free_ports
from perijove_scheduler.platform.check_redis import TRIES

_CONFIG = Path(__file__).with_name("hub_config.py")
#: MiB: small enough for a test to exceed.
_SETTINGS = ("--Platform.snapshot_limit=4",)
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", params=os.environ.get("PERIJOVE_TEST_PARTS", EMBEDDED).split(","))
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A JupyterHub of its own port and data directory; stopping it fails if anything has to be killed.

    It runs on SQLite and a private Redis, or on `PRODUCTION` parts: PostgreSQL, and a Redis of its own. Tests say with
    `ON_BOTH` that the difference matters to them; PERIJOVE_TEST_PARTS=embedded,production runs all others on both too.
    """
    assert request.param in {EMBEDDED, PRODUCTION}, f"PERIJOVE_TEST_PARTS names no parts: {request.param}"
    home = Home(tmp_path_factory.mktemp("platform"))
    with ExitStack() as stack:
        settings = {"PERIJOVE_TEST_SETTINGS": " ".join(_SETTINGS)}
        if request.param == PRODUCTION:
            settings |= _production(stack, home, tmp_path_factory.mktemp("authority"))
        hub = Hub(home, free_ports(1)[0], _CONFIG, settings)
        hub.start()
        stack.callback(hub.stop)
        yield hub


def _production(stack: ExitStack, home: Home, folder: Path) -> dict[str, str]:
    """Start PostgreSQL, and a Redis that speaks TLS; return the environment that names them.

    The service has no more rights on either than the documentation says that it needs, and replicas a folder to share.
    """
    cluster = stack.enter_context(Cluster(password=True))
    authority = redises.authority(folder)
    server = stack.enter_context(redises.running_with_tls(authority, "--tls-auth-clients", "optional"))
    stack.callback(_check_rights, server)
    return {
        "PERIJOVE_DATABASE_URL": cluster.database("perijove", "perijove"),
        "PERIJOVE_REDIS_URL": server.restricted(),
        "PERIJOVE_REDIS_CA_FILE": str(authority.ca),
        "PERIJOVE_FILES_DIR": str(home.path / "files"),
    }


#: What every connection begins with, and what the tests ask themselves.
_BEGINNINGS = {"AUTH", "HELLO", "PING", "CLIENT SETNAME", "CLIENT SETINFO", "SUBSCRIBE", "ACL LOG", "ACL SETUSER"}


def _check_rights(server: redises.Server) -> None:
    """Check that the documented rights have sufficed, and that a start tries every command that was used since."""
    assert server.denied() == []
    used = server.used()
    assert {"XACK", "EVALSHA"} < used <= TRIES.keys() | _BEGINNINGS


@pytest.fixture(scope="session")
def alice(hub: Hub) -> Iterator[Client]:
    """The client of one user."""
    with Client(hub.service_url, hub.token("alice")) as client:
        yield client


@pytest.fixture(scope="session")
def bob(hub: Hub) -> Iterator[Client]:
    """The client of another user."""
    with Client(hub.service_url, hub.token("bob")) as client:
        yield client


@pytest.fixture(scope="session")
def admin(hub: Hub) -> Iterator[Client]:
    """The client of an administrator."""
    with Client(hub.service_url, hub.token("admin")) as client:
        yield client


@pytest.fixture(scope="session")
def expired_token(hub: Hub, alice: Client) -> str:
    """A token of alice's that was good and has expired; the service has not seen it before."""
    reply = httpx.post(
        f"{hub.url}hub/api/users/alice/tokens",
        json={"expires_in": 1},
        headers={"Authorization": f"token {alice.settings.token}"},
        timeout=60,
    )
    token = str(reply.raise_for_status().json()["token"])
    until(lambda: not hub.accepts(token))
    return token


@pytest.fixture
def cli(alice: Client, tmp_path: Path) -> Cli:
    """Run the ``perijove`` command as alice, in a project folder of its own, with a temporary folder of its own."""
    program = Path(sys.executable).with_name("perijove")
    temporary, project = tmp_path / "tmp", tmp_path / "project"
    temporary.mkdir()
    project.mkdir()
    environment = {
        **os.environ,
        "PERIJOVE_URL": alice.settings.url,
        "PERIJOVE_TOKEN": alice.settings.token,
        "TMPDIR": str(temporary),
    }

    def call(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *arguments], cwd=project, env={**environment, **changed},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return call


@dataclass(frozen=True)
class Traces:
    """What the platform has kept of what it was sent: executions, notebooks and snapshots.

    Logs and outputs are left out: what ran before the test may still be writing them.
    """

    executions: frozenset[str]
    objects: frozenset[str]


@pytest.fixture
def traces(hub: Hub) -> Callable[[], Traces]:
    """Return a function that looks at the database and the object files themselves, not through REST."""
    engine = create_engine(
        hub.settings.get("PERIJOVE_DATABASE_URL", f"sqlite:///{hub.home.path / 'perijove.db'}"), poolclass=NullPool
    )
    files = hub.home.path / "files"

    def look() -> Traces:
        with engine.connect() as connection:
            ids = list(connection.scalars(text("SELECT id FROM executions")))
        found = [str(path) for kind in ("notebooks", "code") for path in (files / kind).rglob("*") if path.is_file()]
        return Traces(frozenset(ids), frozenset(found))

    return look


@pytest.fixture(scope="session")
def example(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example notebook in a folder of its own."""
    return Path(shutil.copy(root / "examples" / "digits.ipynb", tmp_path_factory.mktemp("example")))
