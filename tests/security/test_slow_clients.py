"""Senders that take for ever are hung up on, and nobody else notices them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.netutil import bind_sockets

from perijove.model.events import Verb
from perijove_hub.hub import Hub
from perijove_hub.identity import Identity
from perijove_hub.web import make_application, make_server
from perijove_scheduler.platform import Platform

#: Seconds; much shorter than anybody would set it.
_PATIENCE = 0.3
_LIMIT = 60


@dataclass
class Service:
    """A service that loses patience quickly."""

    platform: Platform
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def upload(self) -> str:
        """Return a path that anybody may put an object to."""
        parts = urlsplit(self.platform.files.sign(Verb.PUT, "outputs/ex/1/out.bin", 600))
        return f"/files/{parts.path.partition('/files/')[2]}?{parts.query}"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    auth = HubOAuth(api_url="http://127.0.0.1:9/hub/api", api_token="ours", oauth_client_id="service-perijove")
    platform = Platform(data_dir=str(tmp_path), local_group="")
    hub = Hub(platform, Identity(auth), "/", "{}", patience=_PATIENCE)
    await platform.start()
    hub.started.set()
    server = make_server(make_application(hub, b"k" * 32), _PATIENCE)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield Service(platform, sockets[0].getsockname()[1])
    server.stop()
    await server.close_all_connections()
    await platform.stop()


async def _ends(reader: asyncio.StreamReader) -> bytes:
    """Return what is still read until the other side hangs up."""
    try:
        return await asyncio.wait_for(reader.read(), _LIMIT)
    except ConnectionError:  # it hung up while we were sending
        return b""


async def _dribble(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, until nobody takes it any more."""
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(_PATIENCE / 10)


async def test_a_head_that_never_ends_is_hung_up_on_and_others_are_served(service: Service) -> None:
    async with service.connection() as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        dribbling = asyncio.create_task(_dribble(writer))
        async with httpx.AsyncClient(timeout=_LIMIT) as http:
            assert (await http.get(f"{service.url}health")).status_code == 200
        assert await _ends(reader) == b""
        dribbling.cancel()


async def test_a_connection_that_says_nothing_is_closed(service: Service) -> None:
    async with service.connection() as (reader, _):
        assert await _ends(reader) == b""


@pytest.mark.parametrize("dribbles", [False, True], ids=["stops", "dribbles"])
async def test_a_body_that_does_not_get_on_is_refused_and_leaves_nothing(
    service: Service, tmp_path: Path, dribbles: bool
) -> None:
    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    async with service.connection() as (reader, writer):
        head = f"PUT {service.upload()} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        writer.write(head.encode() + b"x" * 10)
        dribbling = asyncio.create_task(_dribble(writer)) if dribbles else None
        status = await asyncio.wait_for(reader.readline(), _LIMIT)
        assert status.startswith(b"HTTP/1.1 408 ")
        assert b'"too_slow"' in await _ends(reader)
        if dribbling is not None:
            dribbling.cancel()
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == files


async def test_a_page_takes_no_body_to_speak_of(service: Service) -> None:
    async with service.connection() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), _LIMIT)).startswith(b"HTTP/1.1 4")
