from __future__ import annotations

import httpx
import pytest
from masters import TOKEN, URL, told

from perijove._version import __version__
from perijove_server.stored import Credentials


async def test_status_tells_the_version_and_what_the_master_says(ask):
    status = told(await ask("GET", "status"))
    assert (status["version"], status["connected"]) == (__version__, True)
    assert status["info"]["user"] == "ann"


async def test_status_needs_a_signed_in_person(ask):
    reply = await ask("GET", "status", headers={"Authorization": ""})
    assert reply.code == 403


async def test_asking_for_the_status_is_no_sign_of_a_person(ask, jp_serverapp):
    before = jp_serverapp.web_app.last_activity()
    await ask("GET", "status")
    assert jp_serverapp.web_app.last_activity() == before


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (httpx.ConnectError("refused"), "connection_lost", "cannot be reached"),
        (httpx.Response(401, json={"error": {"code": "unauthenticated", "message": "No.", "hint": ""}}),
         "unauthenticated", "refuses the token"),
        (httpx.Response(403, text="<html>Forbidden</html>"), "unauthenticated", "refuses the token"),
        (httpx.Response(404, text="<html>Not here</html>"), "not_perijove", "is not a Perijove service"),
        (httpx.Response(200, text="<html>Welcome</html>"), "not_perijove", "is not a Perijove service"),
        (httpx.Response(200, json={"hello": "world"}), "not_perijove", "is not a Perijove service"),
        (httpx.Response(302, headers={"Location": "/hub/login"}), "not_perijove", "is not a Perijove service"),
        (httpx.Response(503, text="<html>Service unavailable</html>"), "connection_lost", "does not answer at present"),
    ],
)  # fmt: skip
async def test_status_says_what_is_wrong(ask, service, answer, code, words):
    def reply(request):
        if isinstance(answer, Exception):
            answer.request = request
            raise answer
        return answer

    service.on("GET", "info", reply)
    response = await ask("GET", "status")
    status = told(response)
    assert (response.code, status["connected"], status["error"]["code"]) == (200, False, code)
    assert words in status["error"]["message"]
    assert status["error"]["hint"]
    assert TOKEN.encode() not in response.body


async def test_a_server_that_knows_no_master_says_where_to_name_one(ask, connect):
    connect("", "")
    error = told(await ask("GET", "status"))["error"]
    assert error["code"] == "not_configured"
    assert "Settings menu" in error["hint"]


async def test_a_configured_address_without_a_token_is_said_and_not_hidden_by_what_is_stored(ask, connect, credentials):
    credentials.save(Credentials("https://other.example.org/", "t"))
    connect(URL, "")
    assert told(await ask("GET", "status"))["error"]["code"] == "unauthenticated"
