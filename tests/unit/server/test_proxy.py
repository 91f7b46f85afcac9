from __future__ import annotations

import asyncio

import httpx
import pytest
from masters import TOKEN, Live, told
from tornado.httpclient import HTTPClientError
from tornado.simple_httpclient import HTTPStreamClosedError

SIGNED = "https://objects.example.org/bucket/model.bin"
OUTPUT = "executions/ex-00000000000000000000000001/outputs/model.bin"


@pytest.fixture
def output(service):
    """An output that lies in an object store; the test says what the store answers."""
    service.on("GET", OUTPUT, lambda _: httpx.Response(302, headers={"Location": f"{SIGNED}?signature=s"}))
    return lambda answer: service.on("GET", SIGNED, answer)


async def test_a_request_goes_on_with_the_token_and_its_answer_comes_back(ask, service):
    service.json("POST", "executions/ex-00000000000000000000000001/stop", {"status": "stopping"}, 202)
    reply = await ask(
        "POST", "master/executions/ex-00000000000000000000000001/stop", {"why": "x"}, headers={"Idempotency-Key": "k1"}
    )
    assert (reply.code, told(reply)) == (202, {"status": "stopping"})
    (request,) = service.requests
    assert request.headers["Authorization"] == f"token {TOKEN}"
    assert request.headers["Idempotency-Key"] == "k1"
    assert request.content == b'{"why": "x"}'


async def test_the_query_goes_on_as_it_came(ask, service):
    service.json("GET", "executions", {"items": [], "next": None})
    await ask("GET", "master/executions", params={"search": "a&b=c d", "limit": "5"})
    assert dict(service.requests[0].url.params) == {"search": "a&b=c d", "limit": "5"}


async def test_nothing_of_the_token_or_of_a_session_reaches_the_page(ask, service):
    service.on("GET", "info", lambda _: httpx.Response(200, json={}, headers={"Set-Cookie": "s=1", "Server": "x"}))
    reply = await ask("GET", "master/info")
    assert TOKEN not in str(reply.headers)
    assert "s=1" not in str(reply.headers)
    request = service.requests[0]
    assert "cookie" not in request.headers
    assert request.headers["authorization"] == f"token {TOKEN}"


@pytest.mark.parametrize(
    "path",
    [
        "agents",
        "docs",
        "files/x",
        "executions/ex-00000000000000000000000001/events",
        "executions/../agents",
        "executions/%2e%2e/agents",
        "executions/%2E%2E%2Fagents",
        "executions/./ex-00000000000000000000000001",
        "executions//ex-00000000000000000000000001",
        "..%2fagents",
        "%2e%2e/%2e%2e/hub/api/users",
        "/hub.example.com/x",
        "executions/not-an-id",
        "executions/..;/stop",
        "executions/EX-00000000000000000000000001",
        "executions/ex-00000000000000000000000001%0a",
    ],
)
async def test_what_a_page_may_not_reach_is_not_asked_for(http_server_client, jp_auth_header, master, service, path):
    url = f"/a%40b/perijove/api/master/{path}"
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(url, headers=dict(jp_auth_header))
    assert refused.value.code == 404
    assert service.requests == []


@pytest.mark.parametrize(("method", "path"), [("POST", "groups"), ("DELETE", "groups/local"), ("DELETE", "code/x")])
async def test_what_belongs_to_administrators_is_not_passed_on(ask, service, method, path):
    assert (await ask(method, f"master/{path}", {} if method == "POST" else None)).code == 404
    assert service.requests == []


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (
            "executions/ex-00000000000000000000000001/outputs/a%3Fb%23c.txt",
            "executions/ex-00000000000000000000000001/outputs/a%3Fb%23c.txt",
        ),
        (
            "executions/ex-00000000000000000000000001/outputs/%252e%252e",
            "executions/ex-00000000000000000000000001/outputs/%252e%252e",
        ),
        (
            "executions/ex-00000000000000000000000001/outputs/plots%2Fa.png",
            "executions/ex-00000000000000000000000001/outputs/plots/a.png",
        ),
    ],
)
async def test_a_name_cannot_leave_its_place(http_server_client, jp_auth_header, master, service, raw, meant):
    service.on("GET", meant, lambda _: httpx.Response(200, content=b"x"))
    reply = await http_server_client.fetch(f"/a%40b/perijove/api/master/{raw}", headers=dict(jp_auth_header))
    assert reply.body == b"x"


async def test_a_refused_token_does_not_look_like_a_lost_jupyter_session(ask, service):
    service.error("GET", "executions", 401, "unauthenticated", "The token has expired.")
    reply = await ask("GET", "master/executions")
    assert (reply.code, told(reply)["error"]["message"]) == (502, "The token has expired.")


async def test_a_refusal_of_the_master_comes_through_as_it_is(ask, service):
    service.error("DELETE", "executions/ex-00000000000000000000000001", 409, "conflict", "It still runs.")
    reply = await ask("DELETE", "master/executions/ex-00000000000000000000000001")
    assert (reply.code, told(reply)["error"]["message"]) == (409, "It still runs.")
    assert told(reply)["error"]["hint"] == "Yes."


@pytest.mark.parametrize(
    "answer", [httpx.Response(503, text="<html>"), httpx.Response(302, headers={"Location": "/hub/login"})]
)
async def test_an_answer_that_is_not_the_masters_is_a_bad_gateway(ask, service, answer):
    service.on("GET", "executions", answer)
    reply = await ask("GET", "master/executions")
    assert (reply.code, told(reply)["error"]["code"]) == (502, "connection_lost")


async def test_a_master_that_is_away_is_a_bad_gateway(ask, service):
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    service.on("GET", "executions", refuse)
    reply = await ask("GET", "master/executions")
    assert reply.code == 502
    assert "cannot be reached" in told(reply)["error"]["message"]


async def test_a_stored_object_is_fetched_here_without_the_token(ask, service, output):
    headers = {"Content-Type": "image/png", "ETag": '"1"', "Content-Disposition": "inline"}
    output(lambda _: httpx.Response(200, content=b"\x89PNG", headers=headers))
    reply = await ask("GET", f"master/{OUTPUT}")
    assert (reply.code, reply.body) == (200, b"\x89PNG")
    assert {name: reply.headers[name] for name in headers} == headers
    assert reply.headers["Content-Length"] == "4"
    assert "Authorization" not in service.requests[-1].headers


async def test_the_content_of_a_large_record_is_fetched_here_too(ask, service):
    place = "https://objects.example.org/payload"
    service.on(
        "GET",
        "executions/ex-00000000000000000000000001/payloads/0a",
        lambda _: httpx.Response(302, headers={"Location": place}),
    )
    service.on("GET", place, lambda _: httpx.Response(200, json={"data": {}}))
    reply = await ask("GET", "master/executions/ex-00000000000000000000000001/payloads/0a")
    assert told(reply) == {"data": {}}
    assert "Authorization" not in service.requests[-1].headers


async def test_what_an_execution_wrote_cannot_act_in_this_servers_name(ask, output):
    output(lambda _: httpx.Response(200, html="<script>fetch('/api/contents')</script>"))
    reply = await ask("GET", f"master/{OUTPUT}")
    assert reply.headers["Content-Security-Policy"].startswith("sandbox;")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_redirection_is_followed_once_only(ask, service, output):
    output(lambda _: httpx.Response(302, headers={"Location": "https://evil.example.org/"}))
    assert (await ask("GET", f"master/{OUTPUT}")).code == 502
    assert [request.url.host for request in service.requests] == ["hub.example.org", "objects.example.org"]


async def test_a_part_of_an_object_can_be_asked_for(ask, service, output):
    output(lambda _: httpx.Response(206, content=b"cd", headers={"Content-Range": "bytes 2-3/9"}))
    reply = await ask("GET", f"master/{OUTPUT}", headers={"Range": "bytes=2-3"})
    assert (reply.code, reply.body, reply.headers["Content-Range"]) == (206, b"cd", "bytes 2-3/9")
    assert service.requests[-1].headers["Range"] == "bytes=2-3"


async def test_a_range_beyond_the_end_is_answered_as_the_store_does(ask, output):
    output(lambda _: httpx.Response(416, headers={"Content-Range": "bytes */9"}))
    reply = await ask("GET", f"master/{OUTPUT}", headers={"Range": "bytes=20-"})
    assert (reply.code, reply.headers["Content-Range"]) == (416, "bytes */9")


async def test_an_object_that_did_not_change_is_not_sent_again(ask, service, output):
    output(lambda _: httpx.Response(304, headers={"ETag": '"1"'}))
    reply = await ask("GET", f"master/{OUTPUT}", headers={"If-None-Match": '"1"'})
    assert (reply.code, reply.body) == (304, b"")


async def test_an_empty_object_keeps_its_type(ask, output):
    output(lambda _: httpx.Response(200, content=b"", headers={"Content-Type": "text/csv"}))
    reply = await ask("GET", f"master/{OUTPUT}")
    assert (reply.code, reply.headers["Content-Type"], reply.body) == (200, "text/csv", b"")


async def test_an_object_that_is_stored_encoded_stays_so(ask, output):
    stored = b"\x1f\x8b not really gzip"
    output(lambda _: httpx.Response(200, stream=Live().write(stored, None), headers={"Content-Encoding": "gzip"}))
    reply = await ask("GET", f"master/{OUTPUT}", decompress_response=False)
    assert (reply.headers["Content-Encoding"], reply.body) == ("gzip", stored)


async def test_an_answer_is_passed_on_while_it_comes(ask, output):
    body, heard = Live(), asyncio.Queue()
    output(lambda _: httpx.Response(200, stream=body))
    reply = asyncio.ensure_future(ask("GET", f"master/{OUTPUT}", streaming_callback=heard.put_nowait))
    for piece in (b"one", b"two"):
        body.write(piece)
        assert await asyncio.wait_for(heard.get(), 10) == piece
    body.write(None)
    assert (await reply).code == 200


async def test_an_answer_that_breaks_off_does_not_look_whole(ask, output):
    body = Live().write(b"half", httpx.ReadError("gone"))
    output(lambda _: httpx.Response(200, stream=body))
    with pytest.raises(HTTPStreamClosedError):
        await ask("GET", f"master/{OUTPUT}")


async def test_a_page_that_leaves_ends_the_fetching(
    jp_serverapp, jp_auth_header, jp_http_port, http_server, master, output
):
    body = Live()
    output(lambda _: httpx.Response(200, stream=body))
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    lines = [f"GET /a%40b/perijove/api/master/{OUTPUT} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in jp_auth_header.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await asyncio.wait_for(body.opened.wait(), 10)
    writer.close()
    await asyncio.wait_for(body.closed.wait(), 10)
    assert reader.at_eof() or await reader.read() == b""


async def test_a_page_that_reads_slowly_slows_the_fetching(
    jp_serverapp, jp_auth_header, jp_http_port, http_server, master, output
):
    body, size, count = Live(), 1 << 20, 64
    body.write(*[bytes(size)] * count, None)
    output(lambda _: httpx.Response(200, stream=body))
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port, limit=1 << 16)
    lines = [f"GET /a%40b/perijove/api/master/{OUTPUT} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in jp_auth_header.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await reader.readuntil(b"\r\n\r\n")
    held = body.read
    assert held < count // 2
    got = 0
    while chunk := await asyncio.wait_for(reader.read(size), 10):
        got += len(chunk)
        if body.read == count and got >= size * count:
            break
    assert body.read == count
    writer.close()


async def test_a_foreign_page_cannot_use_the_proxy(ask, service, cookie):
    signed_in = {"Authorization": "", "Cookie": cookie}
    assert (await ask("GET", "master/info", headers=dict(signed_in))).code == 200
    service.requests.clear()
    assert (await ask("GET", "master/info", headers={**signed_in, "Origin": "https://evil.example.org"})).code == 404
    assert (
        await ask("POST", "master/executions/ex-00000000000000000000000001/stop", headers=dict(signed_in))
    ).code == 403
    assert service.requests == []


async def test_the_proxy_needs_a_signed_in_person(ask, service):
    assert (await ask("GET", "master/info", headers={"Authorization": ""})).code == 403
    assert service.requests == []
