"""What the one handler makes of operations: of their answers, their errors, and clients that leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, url

from perijove.errors import Unavailable
from perijove.model.resources import CreateProject
from perijove_hub.call import Call
from perijove_hub.handlers.resource import ResourceHandler
from perijove_hub.hub import Hub
from perijove_hub.identity import Identity
from perijove_hub.route import Redirect, Route, Stream, Text
from perijove_scheduler.platform import Platform


@dataclass
class Operations:
    """Operations that do what operations may do, and remember it."""

    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def fail(self, call: Call) -> None:
        raise KeyError(f"a secret of {call.method}")

    async def away(self, call: Call) -> None:
        raise Unavailable(f"{call.method} cannot be done now.")

    async def elsewhere(self, call: Call) -> Redirect:
        return Redirect(f"/{call.path['rest']}")

    async def echo(self, call: Call) -> Text:
        return Text("text/plain", call.body.name)

    async def nothing(self, call: Call) -> None:
        assert call.signer is None

    async def endless(self, _: Call) -> Stream:
        return Stream("text/plain", self._endless())

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def broken(self, _: Call) -> Stream:
        return Stream("text/plain", self._broken())

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"half of it"
        raise ValueError("the other half is gone")


@pytest.fixture
def operations() -> Operations:
    """The operations of one test."""
    return Operations()


@pytest.fixture
async def client(operations: Operations, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that has nothing but these operations, for everybody."""
    auth = HubOAuth(api_url="http://127.0.0.1:9/hub/api", api_token="ours", oauth_client_id="service-perijove")
    platform = Platform(data_dir=str(tmp_path), local_group="")
    hub = Hub(platform, Identity(auth), "/", "")
    await platform.start()
    hub.started.set()
    table = [
        Route("GET", "fail", operations.fail, "", None),
        Route("GET", "away", operations.away, "", None),
        Route("GET", "to/{rest*}", operations.elsewhere, "", None),
        Route("POST", "echo", operations.echo, "", None, body=CreateProject, limit=lambda _: 100),
        Route("DELETE", "nothing", operations.nothing, "", None),
        Route("GET", "endless", operations.endless, "", None),
        Route("GET", "broken", operations.broken, "", None),
    ]
    rules = [
        url(f"/{route.pattern}", ResourceHandler, {"hub": hub, "routes": {route.method: route}}) for route in table
    ]
    server = HTTPServer(Application(rules))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}/", timeout=60) as client:
        yield client
    server.stop()
    await server.close_all_connections()
    await platform.stop()


async def test_an_unforeseen_error_is_told_by_number_and_its_traceback_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await client.get("fail")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["error"]["hint"]
    assert "secret" not in answer.text
    assert "a secret of GET" in caplog.text


async def test_what_is_away_says_when_to_try_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_redirect_goes_where_the_operation_says(client: httpx.AsyncClient) -> None:
    answer = await client.get("to/a/b%20c")
    assert (answer.status_code, answer.headers["location"]) == (302, "/a/b c")


async def test_an_operation_that_returns_nothing_answers_204(client: httpx.AsyncClient) -> None:
    answer = await client.delete("nothing")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(client: httpx.AsyncClient) -> None:
    body = b'{"name": "ab"}'
    assert (await client.post("echo", content=body + b" " * (100 - len(body)))).text == "ab"
    assert (await client.post("echo", content=body + b" " * (101 - len(body)))).status_code == 413


async def test_a_connection_serves_on_after_an_error(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await client.get("fail")).status_code == 500
        assert (await client.post("echo", json={"name": "again"})).text == "again"


async def test_a_client_that_leaves_ends_what_worked_for_it(client: httpx.AsyncClient, operations: Operations) -> None:
    async with client.stream("GET", "endless") as answer:
        assert await anext(answer.aiter_bytes()) == b"begun"
        assert not operations.closed.is_set()
    await asyncio.wait_for(operations.closed.wait(), 10)


async def test_a_stream_that_breaks_does_not_look_complete(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("broken")
