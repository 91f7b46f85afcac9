"""The service while its parts are away: it answers, says so, and asks to be tried again."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from perijove_hub import openapi
from perijove_hub.hub import Hub
from perijove_hub.identity import Identity
from perijove_hub.web import make_application
from perijove_scheduler.platform import Platform

PREFIX = "/services/perijove/"
TOKEN = {"Authorization": "token whatever"}


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that is taken, where nobody answers connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/hub/api"


@pytest.fixture
def service(tmp_path: Path, nowhere: str) -> Hub:
    """A service whose Hub is away and whose platform has not started."""
    auth = HubOAuth(
        api_url=nowhere, api_token="ours", oauth_client_id="service-perijove", base_url=PREFIX,
        access_scopes={"access:services!service=perijove"},
    )  # fmt: skip
    return Hub(Platform(data_dir=str(tmp_path)), Identity(auth), PREFIX, json.dumps(openapi.document()))


@pytest.fixture
async def client(service: Hub) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service."""
    server = HTTPServer(make_application(service, b"x" * 32))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}{PREFIX}", timeout=60) as client:
        yield client
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("path", ["api/v1/info", "health", "metrics"])
async def test_while_it_starts_it_answers_that_it_does(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=TOKEN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer.json()["error"]["message"] == "Perijove is starting."


async def test_the_log_then_has_a_line_for_each_request_and_no_traceback(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        await client.get("api/v1/info", headers=TOKEN)
    (line,) = [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert "GET /services/perijove/api/v1/info: Perijove is starting." in line.getMessage()
    assert line.exc_info is None


async def test_a_hub_that_is_away_is_no_wrong_token(client: httpx.AsyncClient, service: Hub) -> None:
    service.started.set()
    answer = await client.get("api/v1/info", headers=TOKEN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "JupyterHub" in answer.json()["error"]["message"]


async def test_a_page_says_so_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("", headers=TOKEN)
    assert answer.status_code == 503
    assert "JupyterHub cannot be asked" in answer.text


async def test_whoever_is_not_signed_in_is_sent_to_the_hub_even_then(client: httpx.AsyncClient) -> None:
    answer = await client.get("")
    assert answer.status_code == 302
    assert "/hub/api/oauth2/authorize" in answer.headers["location"]
