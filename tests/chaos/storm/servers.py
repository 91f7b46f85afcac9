"""The servers below the platform, each of which can be killed: Redis without persistence, and the service itself."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from perijove.ports import free_ports
from perijove_hub.scopes import access_scope
from perijove_scheduler.embedded.server import find_server
from storm.doorway import PREFIX, Doorway
from storm.processes import PATIENCE, Program, environment

_LOOK = 0.05


class RedisServer(Program):
    """A private Redis that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port, self.password = free_ports(1)[0], secrets.token_urlsafe(16)
        options = {"port": self.port, "bind": "127.0.0.1", "requirepass": self.password, "save": "", "dir": folder}
        argv = [find_server(), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
        super().__init__(argv, environment(), folder / "redis.log")

    @property
    def url(self) -> str:
        """Its address, the password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    async def up(self) -> None:
        """Start it, and wait until it answers."""
        await self.start()
        await asyncio.wait_for(self._answers(), PATIENCE)

    async def _answers(self) -> None:
        async with Redis.from_url(self.url) as redis:
            while True:
                try:
                    await redis.ping()
                except RedisError:  # noqa: PERF203 - a retry loop
                    await asyncio.sleep(_LOOK)
                else:
                    return

    async def flush(self) -> None:
        """Lose everything, as FLUSHALL does."""
        async with Redis.from_url(self.url) as redis:
            await redis.flushall()


class Service(Program):
    """The Perijove service as a process."""

    def __init__(self, folder: Path, port: int, doorway: Doorway, settings: dict[str, object]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = doorway.http
        hub = {
            "JUPYTERHUB_API_TOKEN": "service",
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{doorway.port}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "service-perijove",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([access_scope()]),
            "JUPYTERHUB_SERVICE_NAME": "perijove",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_URL": f"{self.url}{PREFIX}",
        }
        given = {"data_dir": folder / "data", "public_url": doorway.url.rstrip("/"), "local_group": "", **settings}
        argv = [sys.executable, "-m", "perijove_hub", *(f"--Platform.{name}={value}" for name, value in given.items())]
        super().__init__(argv, environment(**hub), folder / "service.log")

    async def up(self) -> None:
        """Start it, and wait until it and all it stands on answer."""
        await self.start()
        try:
            await asyncio.wait_for(self._answers(), PATIENCE)
        except asyncio.TimeoutError:
            raise RuntimeError(f"the service does not start: {self.last_words()}") from None

    async def _answers(self) -> None:
        while not await self._healthy():
            if not self.running:
                # It ends, with a sentence, where a server it stands on is away; the Hub starts it again at once.
                await self.start()
            await asyncio.sleep(_LOOK)

    async def _healthy(self) -> bool:
        try:
            return (await self._http.get(f"{self.url}{PREFIX}health")).is_success
        except httpx.TransportError:
            return False
