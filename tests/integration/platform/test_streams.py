"""Watching an execution: many viewers, late viewers, viewers whose connection broke."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from parts import ON_BOTH
from stories import Story, follow, run, submit

from perijove.client.client import Client

pytestmark = ON_BOTH

_TALK = "import time\nfor n in range(40):\n    print(f'line {n}', flush=True)\n    time.sleep(0.02)"


@dataclass(frozen=True)
class Message:
    """One message of a stream, as it stands on the wire."""

    event: str
    id: str
    data: str


def _messages(client: Client, execution: str, **headers: str) -> Iterator[Message]:
    """Read a stream without the client's own reader."""
    address = f"{client.settings.api}executions/{execution}/events"
    headers["Authorization"] = f"token {client.settings.token}"
    with httpx.stream("GET", address, headers=headers, timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:  # without data it is no message, but a setting such as `retry`
                yield Message(fields.get("event", ""), fields.get("id", ""), fields.get("data", ""))
                fields = {}


@pytest.fixture(scope="module")
def finished(alice: Client) -> Story:
    """An execution that has ended."""
    return run(alice, _TALK)


def test_a_stream_begins_with_the_execution_and_ends_with_end(alice: Client, finished: Story) -> None:
    messages = list(_messages(alice, finished.id))
    assert messages[0].event == "execution"
    assert json.loads(messages[0].data)["status"] == "complete"
    assert messages[-1] == Message("end", messages[-1].id, "{}")
    records = [message for message in messages if message.event == "record"]
    assert [message.id for message in records] == [f"1-{n}" for n in range(1, len(records) + 1)]


@pytest.mark.parametrize("seen", [1, 7, 30])
def test_a_viewer_resumes_after_the_record_it_saw_last(alice: Client, finished: Story, seen: int) -> None:
    records = [m for m in _messages(alice, finished.id, **{"Last-Event-ID": f"1-{seen}"}) if m.event == "record"]
    assert [message.id for message in records] == [f"1-{n}" for n in range(seen + 1, len(finished.places) + 1)]


def test_a_viewer_who_leaves_in_the_middle_misses_nothing(alice: Client) -> None:
    execution = submit(alice, _TALK)
    seen: list[str] = []
    for message in _messages(alice, execution.id):
        if message.event == "record":
            seen.append(message.id)
            if len(seen) == 20:
                break
    seen += [m.id for m in _messages(alice, execution.id, **{"Last-Event-ID": seen[-1]}) if m.event == "record"]
    assert seen == [f"1-{n}" for n in range(1, len(seen) + 1)]
    assert seen == [f"{attempt}-{n}" for attempt, n in follow(alice, execution).places]


def test_every_viewer_sees_the_same(alice: Client) -> None:
    execution = submit(alice, _TALK)
    with ThreadPoolExecutor(8) as viewers:
        stories = list(viewers.map(lambda _: follow(alice, execution), range(8)))
    assert all(story.records == stories[0].records for story in stories)
    assert "line 39" in stories[0].printed()


def test_the_log_is_the_same_live_and_archived(alice: Client, finished: Story) -> None:
    again = follow(alice, alice.executions.get(finished.id))
    assert again.records == finished.records
    assert [line for line in again.log.splitlines() if line.startswith("line ")] == [f"line {n}" for n in range(40)]
