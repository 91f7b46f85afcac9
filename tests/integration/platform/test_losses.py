"""What survives a SIGKILL: of an agent, of the service, in the middle of a notebook."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from counting import Counting, counted, numbered
from parts import ON_BOTH
from perijove_local.hub import Hub
from perijove_local.processes import processes_of
from stories import Story, follow, submit
from waiting import until

from perijove.client.client import Client
from perijove.model.events import Finished
from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.records import LogRecord
from perijove.model.spec import Resources, Spec
from perijove.model.status import Status
from perijove.wire.agent import RedisAgentWire
from perijove.wire.envelopes import records_key
from perijove.wire.protocol import Held
from perijove_agent.assembly import http_client
from perijove_agent.enrolment import enrol
from perijove_agent.folders import DataFolders
from perijove_agent.records.ended import EndedSpool
from perijove_agent.records.spool import Spool
from perijove_agent.settings import Settings

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


async def _end_without_archive(settings: Settings, *printed: str) -> EndedSpool:
    """Do what an agent does that is killed when an attempt has ended, before Redis has any of its records."""
    async with http_client() as http:
        enrolment = await enrol(http, settings)
    worker = enrolment.worker
    wire = RedisAgentWire(enrolment.redis_url, enrolment.group, worker, event_key=enrolment.event_key)
    try:
        await wire.register(settings.capacity, "1", "host")
        last = "0"
        while (ticket := await wire.claim(settings.capacity)) is None:
            messages = await wire.listen(last, 1)
            last = messages[-1][0] if messages else last
        held = Held(ticket.execution, ticket.attempt)
        spool = Spool(DataFolders(settings.data_dir).spool(held))
        for number, text in enumerate(printed, 1):
            spool.append(LogRecord(n=number, t=0, stream="stdout", text=text).model_dump_json().encode())
        ended = EndedSpool.seal(spool, held, worker, records_key(enrolment.event_key, held.execution, held.attempt))
        identity = {"worker": worker, "execution": held.execution, "attempt": held.attempt}
        assert await wire.close(Finished(**identity, reason=Reason.OK, records=len(printed)))
        return ended
    finally:
        await wire.aclose()


@contextmanager
def _agent(settings: Settings) -> Iterator[None]:
    """Run an agent on this machine."""
    argv = [sys.executable, "-m", "perijove_agent", "--url", settings.url, "--group", settings.group]
    argv += ["--token", settings.token, "--data-dir", str(settings.data_dir), "--cpus", "1", "--memory", "1024"]
    with subprocess.Popen(argv) as agent:
        try:
            yield
        finally:
            agent.terminate()
    assert agent.returncode == 0


def test_the_log_that_only_a_killed_agents_disk_has_is_archived_by_the_next_agent_there(
    hub: Hub, alice: Client, admin: Client, tmp_path: Path
) -> None:
    group = new_id("gr")
    token = admin.groups.create(group, GroupSettings(warm_kernels=0)).token
    settings = Settings(hub.service_url, group, token, tmp_path / "disk", Resources(cpus=1, memory=1 << 30))
    execution = alice.executions.create(Spec(command=["true"], group=group))
    ended = asyncio.run(_end_without_archive(settings, "only this disk\n", "has these lines\n"))
    with _agent(settings):
        until(lambda: any(each.archived for each in alice.executions.get(execution.id).attempts), 60)
        until(lambda: not ended.path.exists())
    assert b"".join(alice.executions.log(execution.id)).decode() == "only this disk\nhas these lines\n"
    assert [each for each in admin.rejected_events() if each.group == group] == []
