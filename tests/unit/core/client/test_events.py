from __future__ import annotations

import httpx
import pytest

from perijove import errors
from perijove.client import Changed
from perijove.client.events import Recorded

EXECUTION = "ex-" + "0" * 26
END = b"event: end\ndata: {}\n\n"
BROKEN = httpx.ReadError("reset")


def follow(client):
    return client.executions.events(EXECUTION)


def places(events):
    return [(event.attempt, event.record.n) for event in events if isinstance(event, Recorded)]


def test_an_execution_and_its_records_come_in_order(talk, service, execution, message, log_line):
    service.stream(message("execution", execution("started")), log_line(1), log_line(2), END)
    events = talk.collect(follow)
    assert isinstance(events[0], Changed)
    assert [event.record.text for event in events[1:]] == ["line 1\n", "line 2\n"]


@pytest.mark.parametrize("ending", [(), (BROKEN,)], ids=["closed", "broken"])
def test_a_stream_that_ends_early_goes_on_after_its_last_record(talk, service, log_line, ending):
    service.stream(log_line(1), log_line(2), *ending).stream(log_line(3), END)
    assert places(talk.collect(follow)) == [(1, 1), (1, 2), (1, 3)]
    assert "Last-Event-ID" not in service.requests[0].headers
    assert service.requests[1].headers["Last-Event-ID"] == "1-2"


def test_a_record_cut_by_a_break_comes_once(talk, service, log_line):
    service.stream(log_line(1), log_line(2)[:20], BROKEN).stream(log_line(1), log_line(2), END)
    assert places(talk.collect(follow)) == [(1, 1), (1, 2)]


def test_the_next_attempt_starts_at_its_first_record(talk, service, log_line):
    service.stream(log_line(7), BROKEN).stream(log_line(1, attempt=2), log_line(9, attempt=1), END)
    assert places(talk.collect(follow)) == [(1, 7), (2, 1)]


def test_the_service_may_be_away_while_it_restarts(talk, service, log_line):
    away = [httpx.ConnectError("refused")] * 12 + [httpx.Response(503), httpx.Response(404, html="Hub")]
    service.stream(log_line(1), BROKEN).reply(*away).stream(log_line(2), END)
    told = []
    events = talk.collect(lambda c: c.executions.events(EXECUTION, away=told.append))
    assert places(events) == [(1, 1), (1, 2)]
    assert len(talk.slept) == len(told) == 15
    assert max(talk.slept) <= 5


def test_a_follower_without_patience_gives_up(talk, service, log_line):
    service.stream(log_line(1), BROKEN)
    seen = []
    with pytest.raises(errors.ConnectionLost):
        talk.collect(lambda c: c.executions.events(EXECUTION, patience=-1), seen)
    assert places(seen) == [(1, 1)]


def test_an_execution_that_is_not_the_callers_ends_the_following(talk, service):
    service.error(404, "unknown_execution")
    with pytest.raises(errors.UnknownExecution):
        talk.collect(follow)
    assert talk.slept == []


def test_a_follower_can_start_in_the_middle(talk, service, log_line):
    service.stream(log_line(58), END)
    talk.collect(lambda c: c.executions.events(EXECUTION, after=(1, 57)))
    assert service.requests[0].headers["Last-Event-ID"] == "1-57"


def test_a_record_of_an_unknown_kind_is_passed_over(talk, service, message, log_line, caplog):
    service.stream(message("record", {"n": 1, "t": 0, "kind": "smell"}, "1-1"), log_line(2), END)
    assert places(talk.collect(follow)) == [(1, 2)]
    assert "1-1" in caplog.text


def test_a_log_that_breaks_goes_on_where_it_broke(talk, service):
    service.stream(b"one\n", b"two", BROKEN).stream(b"one\ntwo\nth", b"ree\n")
    assert b"".join(talk.collect(lambda c: c.executions.log(EXECUTION))) == b"one\ntwo\nthree\n"


def test_a_consumer_may_leave_in_the_middle(talk, service, log_line):
    service.stream(log_line(1), log_line(2), END)
    if talk.kind == "blocking":
        assert talk.do(lambda c: next(follow(c))).record.n == 1
        return

    async def first(client):
        events = follow(client)
        try:
            return await anext(events)
        finally:
            await events.aclose()

    assert talk.do(first).record.n == 1
