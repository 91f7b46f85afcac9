"""What the service asks the Hub about people, and what it makes of a Hub that does not tell."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from jupyterhub.services.auth import HubAuth
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_sockets

from perijove.errors import Forbidden, Unavailable
from perijove_hub.identity import caller_of
from perijove_hub.people import People


@dataclass
class FakeHub:
    """The Hub at the HTTP boundary: answers by path, None by closing the connection; keeps what it was asked."""

    answers: dict[str, tuple[int, Any] | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    port: int = 0

    def __call__(self, request: HTTPServerRequest) -> None:
        self.asked.append(request.path.removeprefix("/hub/api/"))
        self.tokens.add(request.headers["Authorization"])
        answer = self.answers.get(self.asked[-1], (404, {"status": 404}))
        if answer is None:
            request.connection.stream.close()
            return
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = HTTPHeaders({"Content-Length": str(len(content))})
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", status, ""), headers, content)
        request.connection.finish()


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    hub = FakeHub()
    server = HTTPServer(hub)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    hub.port = sockets[0].getsockname()[1]
    yield hub
    server.stop()
    await server.close_all_connections()


@pytest.fixture
def people(hub: FakeHub) -> People:
    return People(HubAuth(api_url=f"http://127.0.0.1:{hub.port}/hub/api", api_token="ours"), 60)


CREATED = "2026-01-02T03:04:05.678901Z"


async def test_the_hub_is_asked_with_the_services_own_token_once_for_many(hub: FakeHub, people: People) -> None:
    hub.answers["users/a%2Fb"] = (200, {"name": "a/b", "created": CREATED})
    told = await asyncio.gather(*(people.created("a/b", "t") for _ in range(5)))
    assert (told, hub.asked, hub.tokens) == ([CREATED] * 5, ["users/a%2Fb"], {"token ours"})


async def test_another_token_is_asked_about_anew(hub: FakeHub, people: People) -> None:
    hub.answers["users/ada"] = (200, {"created": CREATED})
    assert await people.created("ada", "one") == CREATED
    hub.answers["users/ada"] = (200, {"created": "later"})
    assert (await people.created("ada", "one"), await people.created("ada", "two")) == (CREATED, "later")


@pytest.mark.parametrize("answer", [(403, {}), (404, {}), (200, {"name": "ada"})])
async def test_a_hub_that_does_not_tell_is_said_to_once_and_stops_nobody(
    hub: FakeHub, people: People, caplog: pytest.LogCaptureFixture, answer: tuple[int, Any]
) -> None:
    hub.answers["users/ada"] = answer
    with caplog.at_level(logging.WARNING):
        assert [await people.created("ada", token) for token in "abc"] == [None] * 3
    assert caplog.text.count("read:users") == 1


@pytest.mark.parametrize("answer", [(500, {}), (429, {}), (200, b"<html>"), (200, b"[" * 100_000), (200, []), None])
async def test_while_the_hub_does_not_answer_requests_are_refused_and_the_next_one_asks_again(
    hub: FakeHub, people: People, answer: tuple[int, Any] | None
) -> None:
    hub.answers["users/ada"] = answer
    asked = await asyncio.gather(*(people.created("ada", "t") for _ in range(3)), return_exceptions=True)
    assert ([type(each) for each in asked], len(hub.asked)) == ([Unavailable] * 3, 1)
    hub.answers["users/ada"] = (200, {"created": CREATED})
    assert await people.created("ada", "t") == CREATED


async def test_groups_that_the_hub_does_not_have_are_told_from_a_hub_that_cannot_be_asked(
    hub: FakeHub, people: People
) -> None:
    hub.answers["groups/lab"] = (200, {"name": "lab"})
    assert await people.unknown_groups(["lab", "no such"]) == ["no such"]
    assert await people.unknown_groups([]) == []
    for answer in ((403, {}), (500, {}), None):
        hub.answers["groups/lab"] = answer
        assert await people.unknown_groups(["lab", "no such"]) is None
    away = People(HubAuth(api_url="http://127.0.0.1:9/hub/api", api_token="ours"), 60)
    assert await away.unknown_groups(["lab"]) is None


@pytest.mark.parametrize("name", ["service:ci", "former:ada:x"])
def test_a_users_name_is_never_that_of_a_service_or_of_a_former_account(name: str) -> None:
    with pytest.raises(Forbidden, match="begins as"):
        caller_of({"kind": "user", "name": name})
    assert caller_of({"kind": "service", "name": "ci"}).name == "service:ci"
    assert caller_of({"kind": "user", "name": "services"}).name == "services"
