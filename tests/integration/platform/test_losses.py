"""What survives a SIGKILL: of an agent, of the service, in the middle of a notebook."""

from __future__ import annotations

from pathlib import Path

import psutil
from counting import Counting, counted, numbered
from parts import ON_BOTH
from perijove_local.hub import Hub
from perijove_local.processes import processes_of
from stories import Story, follow, submit

from perijove.client.client import Client
from perijove.model.reasons import Reason
from perijove.model.status import Status

pytestmark = ON_BOTH


def _process(hub: Hub, *words: str) -> psutil.Process:
    """Return the platform's process whose command line holds these words."""
    found = [p for p in processes_of(hub.home.path) if all(any(w in part for part in p.cmdline()) for w in words)]
    assert found, f"no process of the platform is called {' '.join(words)}"
    return found[0]


def test_a_notebook_whose_agent_is_killed_completes_on_a_second_attempt(
    hub: Hub, alice: Client, tmp_path: Path
) -> None:
    counting = Counting(tmp_path)
    execution = submit(alice, counting.source)

    def kill() -> None:
        worker = alice.executions.get(execution.id).worker
        assert worker is not None
        _process(hub, "perijove_agent", worker).kill()

    story = follow(alice, execution, counting.in_the_middle(kill))
    end = story.end
    assert (end.status, end.reason, end.attempt) == (Status.COMPLETE, Reason.OK, 2)
    assert [attempt.reason for attempt in end.attempts] == [Reason.WORKER_LOST, Reason.OK]
    second = [record for record, place in zip(story.records, story.places, strict=True) if place[0] == 2]
    assert counted(Story(alice, story.id, second)) == counting.expected
    assert [place[0] for place in story.places] == sorted(place[0] for place in story.places)


def test_a_killed_service_loses_neither_the_execution_nor_a_line(hub: Hub, alice: Client, tmp_path: Path) -> None:
    counting = Counting(tmp_path)
    execution = submit(alice, counting.source)
    story = follow(alice, execution, counting.in_the_middle(lambda: _process(hub, "perijove_hub").kill()))
    end = story.end
    assert (end.status, end.reason, end.attempt) == (Status.COMPLETE, Reason.OK, 1)
    assert counted(story) == counting.expected
    assert story.places == [(1, n) for n in range(1, len(story.places) + 1)]
    assert numbered(story.log) == counting.expected
