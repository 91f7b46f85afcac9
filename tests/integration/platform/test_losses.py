"""What survives a SIGKILL: of an agent, of the service, in the middle of a notebook."""

from __future__ import annotations

import psutil
from parts import ON_BOTH
from perijove_local.hub import Hub
from perijove_local.processes import processes_of
from stories import Story, follow, submit

from perijove.client.client import Client
from perijove.model.reasons import Reason
from perijove.model.records import OutputRecord, Record
from perijove.model.status import Status

pytestmark = ON_BOTH

#: Prints numbered lines over some seconds; the first run of it waits to be killed in the middle.
_LINES = 200
_COUNTING = f"import time\nfor n in range({_LINES}):\n    print(f'line {{n}}', flush=True)\n    time.sleep(0.02)"
_EXPECTED = [f"line {n}" for n in range(_LINES)]


def _process(hub: Hub, *words: str) -> psutil.Process:
    """Return the platform's process whose command line holds these words."""
    found = [p for p in processes_of(hub.home.path) if all(any(w in part for part in p.cmdline()) for w in words)]
    assert found, f"no process of the platform is called {' '.join(words)}"
    return found[0]


def _in_the_middle(act: object) -> object:
    """Return a watcher that calls `act` once, when the middle line was printed."""
    pending = [act]

    def watch(record: Record) -> None:
        if not (isinstance(record, OutputRecord) and record.content):
            return
        if pending and f"line {_LINES // 2}\n" in record.content.get("text", ""):
            pending.pop()()  # type: ignore[operator]

    return watch


def _numbers(story: Story) -> list[str]:
    return [line for line in story.printed().splitlines() if line.startswith("line ")]


def test_a_notebook_whose_agent_is_killed_completes_on_a_second_attempt(hub: Hub, alice: Client) -> None:
    execution = submit(alice, _COUNTING)

    def kill() -> None:
        worker = alice.executions.get(execution.id).worker
        assert worker is not None
        _process(hub, "perijove_agent", worker).kill()

    story = follow(alice, execution, _in_the_middle(kill))
    end = story.end
    assert (end.status, end.reason, end.attempt) == (Status.COMPLETE, Reason.OK, 2)
    assert [attempt.reason for attempt in end.attempts] == [Reason.WORKER_LOST, Reason.OK]
    second = [record for record, place in zip(story.records, story.places, strict=True) if place[0] == 2]
    assert _numbers(Story(alice, story.id, second)) == _EXPECTED
    assert [place[0] for place in story.places] == sorted(place[0] for place in story.places)


def test_a_killed_service_loses_neither_the_execution_nor_a_line(hub: Hub, alice: Client) -> None:
    execution = submit(alice, _COUNTING)
    story = follow(alice, execution, _in_the_middle(lambda: _process(hub, "perijove_hub").kill()))
    end = story.end
    assert (end.status, end.reason, end.attempt) == (Status.COMPLETE, Reason.OK, 1)
    assert _numbers(story) == _EXPECTED
    assert story.places == [(1, n) for n in range(1, len(story.places) + 1)]
    assert [line for line in story.log.splitlines() if line.startswith("line ")] == _EXPECTED
