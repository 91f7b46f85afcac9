from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from masters import Live, Visitor
from tornado.httpclient import HTTPClientError

from perijove_server import feed

EVENTS = "executions/ex-00000000000000000000000001/events"


@pytest.fixture
def story(service):
    """The event stream of one execution, which the test writes."""
    live = Live()
    service.on("GET", EVENTS, lambda _: httpx.Response(200, stream=live))
    return live


def id_of(name: str) -> str:
    return f"ex-{name:0>26}"


WATCH = {"watch": "0", "execution": "ex-00000000000000000000000001", "after": None}


async def test_a_page_is_told_the_row_the_records_and_the_end(page, story, execution, message, line):
    story.write(message("execution", execution("started")), line(1), line(2), message("end", {}), None)
    await page.say(WATCH)
    row = await page.hear()
    assert (row["watch"], row["type"], row["execution"]["status"]) == ("0", "execution", "started")
    assert row["execution"]["spec"]["group"] == "local"
    records = []
    while (heard := await page.hear())["type"] == "records":
        assert heard["attempt"] == 1
        records += [record["n"] for record in heard["records"]]
    assert records == [1, 2]
    assert heard == {"watch": "0", "type": "end"}


async def test_a_page_with_nothing_to_hear_is_given_signs_of_life(master, jp_ws_fetch, monkeypatch):
    monkeypatch.setattr("perijove_server.handlers.feed._BEAT", 0.01)
    socket = await jp_ws_fetch("perijove", "api", "feed")
    page = Visitor(socket)
    assert [await page.hear(), await page.hear()] == [{"type": "beat"}] * 2
    socket.close()


async def test_a_burst_comes_in_few_messages(page, story, message, line):
    story.write(b"".join(line(n) for n in range(1, 1001)), message("end", {}), None)
    await page.say(WATCH)
    messages = [await page.hear()]
    while messages[-1]["type"] != "end":
        messages.append(await page.hear())
    assert [record["n"] for heard in messages[:-1] for record in heard["records"]] == [*range(1, 1001)]
    assert len(messages) < 20


async def test_the_records_of_two_attempts_stay_apart(page, story, message, line):
    story.write(line(1) + line(1, attempt=2), message("end", {}), None)
    await page.say(WATCH)
    heard = [await page.hear(), await page.hear()]
    assert [(one["attempt"], len(one["records"])) for one in heard] == [(1, 1), (2, 1)]


async def test_a_watch_goes_on_after_the_last_record_known(page, service, story, message):
    story.write(message("end", {}), None)
    await page.say({**WATCH, "after": "2-57"})
    assert (await page.hear())["type"] == "end"
    assert service.requests[-1].headers["Last-Event-ID"] == "2-57"


@pytest.mark.parametrize("after", ["garbage", "1-", "-1", "1-2-3", "1-²", "9" * 30 + "-1", 7, [], {}, True])
async def test_a_place_that_is_none_is_answered_with_an_error(page, service, after):
    await page.say({**WATCH, "after": after})
    heard = await page.hear()
    assert (heard["watch"], heard["type"], heard["code"]) == ("0", "error", "invalid_request")
    assert "is not a place" in heard["message"]
    assert service.requests == []


@pytest.mark.parametrize(
    "nonsense",
    ["", "{", "[]", "7", "null", "{}", '{"watch": 1, "execution": "x"}', '{"watch": "1"}', '{"unwatch": []}'],
)
async def test_what_is_not_understood_is_answered_and_the_socket_stays_open(page, story, message, nonsense):
    await page.say(nonsense)
    heard = await page.hear()
    assert (heard["watch"], heard["code"]) == (None, "invalid_request")
    story.write(message("end", {}), None)
    await page.say(WATCH)
    assert (await page.hear())["type"] == "end"


async def test_an_unknown_execution_is_an_error_of_its_watch_only(page, service, story, message):
    service.error(
        "GET",
        "executions/ex-00000000000000000000000002/events",
        404,
        "unknown_execution",
        "There is no such execution.",
    )
    await page.say({"watch": "1", "execution": "ex-00000000000000000000000002"})
    heard = await page.hear()
    assert heard == {"watch": "1", "type": "error", "code": "unknown_execution",
                     "message": "There is no such execution.", "hint": "Yes."}  # fmt: skip
    story.write(message("end", {}), None)
    await page.say(WATCH)
    assert (await page.hear())["type"] == "end"


@pytest.mark.parametrize("named", ["../groups", "..", "ex-1", "ex-00000000000000000000000001\n", ""])
async def test_an_execution_cannot_name_another_address(page, service, named):
    await page.say({"watch": "0", "execution": named})
    assert (await page.hear())["type"] == "error"
    assert service.requests == []


async def test_many_watches_share_a_socket_and_do_not_mix(page, service, message, line):
    lives = {}
    for name in ("a", "b", "c"):
        lives[name] = Live()
        events = f"executions/{id_of(name)}/events"
        service.on("GET", events, lambda _, name=name: httpx.Response(200, stream=lives[name]))
        await page.say({"watch": name, "execution": id_of(name)})
    for name in "cab":
        lives[name].write(line(1, name))
        heard = await page.hear()
        assert (heard["watch"], heard["records"][0]["text"]) == (name, name)


async def test_the_culler_is_told_of_what_is_watched(page, story, message, line, server_extension, jp_serverapp):
    assert server_extension.current_activity() is None
    before = jp_serverapp.web_app.last_activity()
    await page.say(WATCH)
    story.write(line(1))
    await page.hear()
    assert server_extension.current_activity() == {"event_streams": 1}
    assert jp_serverapp.web_app.last_activity() > before
    await page.say({"unwatch": "0"})
    await asyncio.wait_for(story.closed.wait(), 10)
    await page.say("?")
    await page.hear()
    assert server_extension.current_activity() is None


async def test_an_unwatched_stream_is_closed(page, story, line):
    await page.say(WATCH)
    await asyncio.wait_for(story.opened.wait(), 10)
    await page.say({"unwatch": "0"})
    await asyncio.wait_for(story.closed.wait(), 10)


async def test_a_page_that_leaves_ends_its_watches(page, story, server_extension):
    await page.say(WATCH)
    await asyncio.wait_for(story.opened.wait(), 10)
    page.socket.close()
    await asyncio.wait_for(story.closed.wait(), 10)


async def test_a_key_used_again_replaces_its_watch(page, service, story, message):
    other = Live().write(message("end", {}), None)
    service.on("GET", "executions/ex-00000000000000000000000002/events", lambda _: httpx.Response(200, stream=other))
    await page.say(WATCH)
    await asyncio.wait_for(story.opened.wait(), 10)
    await page.say({"watch": "0", "execution": "ex-00000000000000000000000002"})
    assert (await page.hear())["type"] == "end"
    await asyncio.wait_for(story.closed.wait(), 10)


async def test_a_master_that_restarts_costs_nothing_but_a_notice(page, service, message, line):
    after = Live().write(line(2), message("end", {}), None)
    replies = [
        httpx.Response(200, stream=Live().write(line(1), httpx.ReadError("gone"))),
        httpx.Response(200, stream=after),
    ]
    service.on("GET", EVENTS, lambda _: replies.pop(0))
    await page.say(WATCH)
    heard = [await page.hear()]
    while heard[-1]["type"] != "end":
        heard.append(await page.hear())
    assert [one["type"] for one in heard] == ["records", "away", "records", "end"]
    assert [one["records"][0]["n"] for one in heard if one["type"] == "records"] == [1, 2]
    assert service.requests[-1].headers["Last-Event-ID"] == "1-1"


async def test_an_absence_is_told_once_however_long_it_is(page, service, message, connect):
    tries = [httpx.Response(503) for _ in range(3)]
    final = httpx.Response(200, stream=Live().write(message("end", {}), None))
    service.on("GET", EVENTS, lambda _: tries.pop() if tries else final)
    await page.say(WATCH)
    assert [(await page.hear())["type"], (await page.hear())["type"]] == ["away", "end"]


async def test_without_a_token_a_watch_says_so(jp_ws_fetch, connect):
    connect("", "")
    page = Visitor(await jp_ws_fetch("perijove", "api", "feed"))
    await page.say(WATCH)
    heard = await page.hear()
    assert (heard["type"], heard["code"]) == ("error", "not_configured")
    assert "Settings menu" in heard["hint"]
    page.socket.close()


async def test_what_nobody_foresaw_is_logged_and_told(page, story, message, caplog):
    story.write(message("execution", {"not": "an execution"}))
    await page.say(WATCH)
    heard = await page.hear()
    assert heard["type"] == "error"
    assert any(
        "The watch of execution ex-00000000000000000000000001 failed." in record.message for record in caplog.records
    )


async def test_a_page_has_a_limited_number_of_watches(page, service, monkeypatch, message):
    monkeypatch.setattr(feed, "MOST", 2)
    for name in ("a", "b", "c"):
        service.on("GET", f"executions/{id_of(name)}/events", lambda _: httpx.Response(200, stream=Live()))
        await page.say({"watch": name, "execution": id_of(name)})
    heard = await page.hear()
    assert (heard["watch"], heard["code"]) == ("c", "too_large")


async def test_the_feed_needs_a_signed_in_person(jp_ws_fetch, master):
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("perijove", "api", "feed", headers={"Authorization": ""})
    assert refused.value.code == 403


async def test_a_foreign_page_cannot_open_the_feed(jp_ws_fetch, cookie, jp_http_port):
    host = f"127.0.0.1:{jp_http_port}"
    signed_in = {"Authorization": "", "Cookie": cookie, "Host": host}
    own = await jp_ws_fetch("perijove", "api", "feed", headers={**signed_in, "Origin": f"http://{host}"})
    own.close()
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("perijove", "api", "feed", headers={**signed_in, "Origin": "https://evil.example.org"})
    assert refused.value.code == 403


async def test_a_page_that_reads_slowly_holds_up_its_own_stream_only(service, master, line):
    big, count = "x" * (1 << 18), 200
    live = Live().write(*[line(n, big) for n in range(1, count + 1)])
    service.on("GET", EVENTS, lambda _: httpx.Response(200, stream=live))
    sent, go = [], asyncio.Event()

    async def send(text):
        sent.append(json.loads(text))
        await go.wait()

    feeding = feed.Feed(master, send)
    feeding.take(json.dumps(WATCH))
    await asyncio.wait_for(live.opened.wait(), 10)
    quiet = live.read
    while (settled := live.read) != quiet or not sent:
        quiet = settled
        for _ in range(20):
            await asyncio.sleep(0)
    assert live.read < count / 4
    go.set()
    await feeding.aclose()
    assert live.closed.is_set()
