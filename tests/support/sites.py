"""A platform to attack: a real Hub, PostgreSQL and Redis with passwords, and a person for every role."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from perijove_local.home import Home
from perijove_local.hub import Hub
from postgres import Cluster
from waiting import until

from perijove.client.client import Client
from perijove.ports import free_ports
from perijove_scheduler.embedded import EmbeddedRedis

_CONFIG = Path(__file__).parents[1] / "security" / "hub_config.py"
#: How many event streams one user may have.
STREAMS = 250
#: Limits a test can reach: MiB, and seconds.
_SETTINGS = (
    "--Platform.snapshot_limit=4",
    "--Platform.notebook_limit=4",
    "--Platform.local_max_workers=1",
    f"--PerijoveHub.max_streams={STREAMS}",
)
PEOPLE = ("other", "viewer", "member", "keeper", "owner", "admin")


@dataclass(frozen=True)
class Site:
    """A running platform and the secrets it was given.

    Attributes
    ----------
    address : str
        Where the service itself listens: the Hub's proxy mends or holds back some of what is odd.
    tokens : dict
        A Hub token of each of `PEOPLE`.
    """

    hub: Hub
    cluster: Cluster
    redis_url: str
    address: str
    tokens: dict[str, str]

    @property
    def api(self) -> str:
        """Where the REST API lies, past the proxy."""
        return f"{self.address}api/v1/"

    def header(self, person: str) -> dict[str, str]:
        """Return what a request of somebody's carries."""
        return {"Authorization": f"token {self.tokens[person]}"}

    def fresh_header(self, person: str) -> dict[str, str]:
        """Return the same with a token that the service has not seen yet, so that it knows nothing old of its owner."""
        return {"Authorization": f"token {self.hub.token(person)}"}

    def hub_api(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask the Hub's own API, as an administrator."""
        return httpx.request(
            method, f"{self.hub.url}hub/api/{path}", json=body, headers=self.header("admin"), timeout=60
        )

    def expired_header(self, person: str) -> dict[str, str]:
        """Return what somebody sends whose token was good and has expired; the service has not seen it before."""
        made = httpx.post(
            f"{self.hub.url}hub/api/users/{person}/tokens", json={"expires_in": 1}, headers=self.header(person)
        )
        token = str(made.raise_for_status().json()["token"])
        until(lambda: not self.hub.accepts(token))
        return {"Authorization": f"token {token}"}

    def http(self, person: str) -> httpx.Client:
        """Return somebody's bare client, based at the API."""
        return httpx.Client(base_url=self.api, headers=self.header(person), timeout=60)

    def client(self, person: str) -> Client:
        """Return somebody's client."""
        return Client(self.hub.service_url, self.tokens[person])


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Start a site whose state lies in `folder`, and stop it."""
    redis = EmbeddedRedis(folder / "redis")
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(password=True))
        redis_url = asyncio.run(redis.start())
        stack.callback(lambda: asyncio.run(redis.stop()))
        settings = {
            "PERIJOVE_DATABASE_URL": cluster.url,
            "PERIJOVE_REDIS_URL": redis_url,
            "PERIJOVE_TEST_SETTINGS": " ".join(_SETTINGS),
        }
        hub = Hub(Home(folder / "platform"), free_ports(1)[0], _CONFIG, settings)
        hub.start()
        stack.callback(hub.stop)
        tokens = {person: hub.token(person) for person in PEOPLE}
        yield Site(hub, cluster, redis_url, _address(hub, tokens["admin"]), tokens)


def _address(hub: Hub, token: str) -> str:
    headers = {"Authorization": f"token {token}"}
    told = httpx.get(f"{hub.url}hub/api/services/perijove", headers=headers).raise_for_status().json()
    return f"{told['url']}/services/perijove/"
