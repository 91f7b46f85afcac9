from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest

from perijove.client import AsyncClient
from perijove.model.status import Status
from perijove.widgets import ExecutionView
from perijove.widgets.follower import Follower
from perijove.widgets.picture import Picture

LIMIT = 20


@pytest.fixture
def show(remote, connect):
    made = []

    def view():
        made.append(ExecutionView(remote, connect))
        return made[-1]

    yield view
    for each in made:
        each.close()


def drawn(view):
    (headline, stop), (bar, count) = (row.children for row in view.children[:2])
    return headline.value, stop, bar, count.value, view.children[2].value, view.children[3].value


def test_a_view_shows_the_whole_execution(show, service):
    service.tell("progress", done=2, total=3)
    service.tell("metadata", values={"loss": 0.5})
    service.tell("log", stream="stdout", text="hello\n")
    service.end()
    view = show()
    assert view.wait(LIMIT)
    headline, stop, bar, count, metrics, log = drawn(view)
    assert "ann/12" in headline
    assert "complete" in headline
    assert (bar.value, bar.max, bar.bar_style, count) == (2, 3, "success", "2 of 3")
    assert "loss" in metrics
    assert "hello" in log
    assert (stop.disabled, stop.layout.display) == (True, "none")


@pytest.mark.parametrize(("status", "style"), [(Status.ERROR, "danger"), (Status.STOPPED, "warning")])
def test_an_end_has_its_colour(show, service, status, style):
    service.end(status)
    view = show()
    assert view.wait(LIMIT)
    assert drawn(view)[2].bar_style == style


def test_what_is_there_is_shown_before_anything_is_heard(show, service):
    service.hold = True
    headline, stop, _, count, _, _ = drawn(show())
    assert "created" in headline
    assert (stop.disabled, count) == (False, "…")


def test_stop_asks_once(show, service):
    service.hold = True
    view = show()
    button = drawn(view)[1]
    button.click()
    assert service.stopped == 1
    assert button.disabled


def test_a_stop_that_is_refused_is_said(show, service, monkeypatch):
    service.hold = True
    refusal = {"error": {"code": "conflict", "message": "It is over.", "hint": "Look."}}
    original = service.answer
    view = show()
    monkeypatch.setattr(
        view.execution.client._driver._http._transport,
        "handler",
        lambda request: httpx.Response(409, json=refusal) if "stop" in request.url.path else original(request),
    )
    view.stop()
    assert "It is over. Look." in drawn(view)[0]


def test_closing_ends_the_thread_and_leaves_the_execution_alone(show, service):
    service.hold = True
    before = {*threading.enumerate()}
    view = show()
    assert not view.wait(0)
    view.close()
    assert view.wait(0)
    assert {*threading.enumerate()} == before
    assert service.stopped == 0


def test_closing_twice_is_closing_once(show, service):
    service.end()
    view = show()
    view.close()
    view.close()


def test_a_service_that_refuses_is_said(remote, connect):
    body = {"error": {"code": "forbidden", "message": "Not yours.", "hint": ""}}
    transport = httpx.MockTransport(lambda _request: httpx.Response(403, json=body))
    view = ExecutionView(remote, lambda: AsyncClient("http://h/", "t", transport=transport))
    assert view.wait(LIMIT)
    assert "Not yours." in drawn(view)[0]
    view.close()


def test_many_events_are_drawn_few_times(remote, connect, service):
    for number in range(2000):
        service.tell("metadata", values={"loss": number})
    service.end()
    seen = []
    follower = Follower(connect, Picture(remote.resource), lambda picture: seen.append(picture.latest.get("loss")), 60)
    assert follower.wait(LIMIT)
    assert seen[-1] == 1999
    assert len(seen) <= 3


def test_a_view_that_cannot_be_drawn_does_not_end_the_following(remote, connect, service, caplog):
    service.end()
    picture = Picture(remote.resource)
    follower = Follower(connect, picture, lambda _picture: 1 / 0)
    assert follower.wait(LIMIT)
    assert picture.execution.status is Status.COMPLETE
    assert "could not be drawn" in caplog.text


def test_without_ipywidgets_a_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "import perijove.widgets\n"
        "try: perijove.widgets.ExecutionView\n"
        "except ImportError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "perijove.widgets needs ipywidgets: pip install 'perijove[widgets]'"
