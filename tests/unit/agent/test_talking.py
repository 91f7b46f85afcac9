"""How the agent speaks to others: enrolment, signed URLs, transfers, reports, and the guard it talks to."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import select
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from perijove import errors, trees
from perijove.model.control import Signed, SignedObject, ahead
from perijove.model.events import Advanced, Event, ObjectRequest, SignRequest
from perijove.model.records import Phase
from perijove.model.spec import Resources
from perijove.patience import Backoff
from perijove.trees import remove
from perijove.wire import versions
from perijove.wire.protocol import Held
from perijove_agent import signer
from perijove_agent.enrolment import EnrolmentRefused, enrol
from perijove_agent.orphanhood import Orphanhood
from perijove_agent.records.recorder import Recorder
from perijove_agent.records.sender import Sender
from perijove_agent.records.spool import Spool
from perijove_agent.report import Report
from perijove_agent.runtime import Launch, guard
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.settings import Settings
from perijove_agent.signer import Signer
from perijove_agent.staging.download import DownloadError, download
from perijove_agent.upload import Uploader, UploadError
from perijove_scheduler.queue.memory import MemoryQueue

WORKER = "wk-00000000000000000000000001"
HELD = Held("ex-00000000000000000000000001", 1)
ENROLMENT = {
    "worker": WORKER, "group": "g", "redis_url": "redis://x", "event_key": "k", "protocol": versions.NEWEST,
    "runtime": "process", "warm_kernels": 1, "lease": 30, "renew_every": 5,
}  # fmt: skip


class Server(httpx.AsyncBaseTransport):
    """Answers requests with the given answers in turn, the last one for ever; an exception is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[str, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((str(request.url), await request.aread()))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def settings(folder: Path) -> Settings:
    return Settings(url="http://hub/p/", group="g", token="secret", data_dir=folder, capacity=Resources(cpus=1))


async def test_enrolment_waits_for_a_master_that_is_away(tmp_path: Path) -> None:
    server = Server(httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(201, json=ENROLMENT))
    async with httpx.AsyncClient(transport=server) as http:
        assert (await enrol(http, settings(tmp_path))).worker == WORKER
    assert [url for url, _ in server.requests] == ["http://hub/p/api/v1/agents"] * 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(403, json={"error": {"code": "forbidden", "message": "No.", "hint": "Ask."}}), "No. Ask."),
        (httpx.Response(404, text="nothing"), "answered 404 Not Found, which is not what a Perijove service says"),
        (httpx.Response(200, text="<html>"), "answered 200 OK"),
        (httpx.Response(302, headers={"location": "/login"}), "answered 302"),
    ],
)
async def test_a_refusal_ends_enrolment_with_a_sentence(tmp_path: Path, answer: httpx.Response, said: str) -> None:
    async with httpx.AsyncClient(transport=Server(answer)) as http:
        with pytest.raises(EnrolmentRefused) as refusal:
            await enrol(http, settings(tmp_path), tries=2)
    assert said in str(refusal.value)


async def test_an_idle_agent_leaves_a_platform_that_is_gone_but_not_one_that_answers() -> None:
    async with httpx.AsyncClient(transport=Server(httpx.ConnectError("gone"))) as http:
        await asyncio.wait_for(Orphanhood(http, "http://hub/", 0.05).run(lambda: False), 30)
    async with httpx.AsyncClient(transport=Server(httpx.Response(302))) as http:
        waiting = asyncio.create_task(Orphanhood(http, "http://hub/", 0.05).run(lambda: False))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        waiting.cancel()
    assert done == set()


class Post:
    """Takes events, and answers requests for URLs as the master does; away for as many calls as asked."""

    def __init__(self, away: int = 0, error: str = "") -> None:
        self.events: list[Event] = []
        self.signer = Signer(self.emit, WORKER)
        self._away = away
        self._error = error

    async def emit(self, events: Sequence[Event]) -> None:
        if self._away:
            self._away -= 1
            raise errors.Unavailable
        self.events += events
        for event in events:
            if isinstance(event, SignRequest):
                url = "" if self._error else f"http://files/{len(self.events)}"
                objects = [SignedObject(what=o.what, name=o.name, url=url, error=self._error) for o in event.objects]
                self.signer.answered(Signed(request=event.request, objects=objects))


async def test_where_an_executed_notebook_goes_is_heard_without_asking() -> None:
    post = Post()
    telling = asyncio.create_task(post.signer.sign_ahead(HELD, ObjectRequest(what="output", name="a.ipynb")))
    await asyncio.sleep(0)
    told = SignedObject(what="output", name="a.ipynb", url="http://files/told")
    post.signer.answered(Signed(request=ahead(HELD.execution, HELD.attempt), objects=[told]))
    assert (await telling, post.events) == (told, [])


async def test_where_an_executed_notebook_goes_is_asked_when_nobody_tells(monkeypatch) -> None:
    monkeypatch.setattr(signer, "UNASKED", 0.01)
    assert (await Post().signer.sign_ahead(HELD, ObjectRequest(what="output", name="a.ipynb"))).url == "http://files/1"


async def test_signed_urls_are_asked_for_until_redis_is_there() -> None:
    post = Post(away=2)
    (answer,) = await post.signer.sign(HELD, [ObjectRequest(what="log")])
    assert answer.url == "http://files/1"


async def test_an_upload_is_tried_again_and_gets_a_fresh_url(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"hello")
    server = Server(httpx.ReadError("reset"), httpx.Response(403), httpx.Response(503), httpx.Response(201))
    async with httpx.AsyncClient(transport=server) as http:
        uploader = Uploader(http, Post().signer)
        stored = await uploader.upload(HELD, ObjectRequest(what="output", name="a.bin"), tmp_path / "a.bin", "x/y")
    assert (stored.size, stored.sha256) == (5, hashlib.sha256(b"hello").hexdigest())
    assert [url for url, _ in server.requests] == ["http://files/1"] * 2 + ["http://files/2"] * 2
    assert server.requests[-1][1] == b"hello"


async def test_an_upload_without_an_address_fails_with_the_masters_words(tmp_path: Path) -> None:
    async with httpx.AsyncClient(transport=Server(httpx.Response(201))) as http:
        uploader = Uploader(http, Post(error="The name is not allowed.").signer)
        with pytest.raises(UploadError, match="The name is not allowed"):
            await uploader.upload(HELD, ObjectRequest(what="output", name="a"), tmp_path, "x/y")


async def test_a_download_is_tried_again_unless_the_request_is_wrong(tmp_path: Path) -> None:
    flaky = Server(httpx.ConnectError("refused"), httpx.Response(200, content=b"data"))
    async with httpx.AsyncClient(transport=flaky) as http:
        file = await download(http, "http://x/table.csv", tmp_path)
    assert (file.path.name, file.path.read_bytes(), file.size) == ("table.csv", b"data", 4)
    missing = Server(httpx.Response(404))
    async with httpx.AsyncClient(transport=missing) as http:
        with pytest.raises(DownloadError, match="404 Not Found"):
            await download(http, "http://x/other.csv", tmp_path)
    assert len(missing.requests) == 1
    assert os.listdir(tmp_path) == ["table.csv"]  # noqa: PTH208 - pathlib's way is refused in coroutines


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_a_download_that_is_not_encoded_as_the_server_says_fails_with_a_sentence(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"plain text"

    for encoding in ("gzip", "deflate", "br", "zstd"):
        answer = httpx.Response(200, headers={"content-encoding": encoding}, content=body())
        async with httpx.AsyncClient(transport=Server(answer)) as http:
            if encoding in http.headers["accept-encoding"]:
                with pytest.raises(DownloadError, match="not encoded as it says"):
                    await download(http, "http://x/table.csv", tmp_path)
    assert is_empty(tmp_path)


async def test_a_hub_that_starts_and_does_not_know_its_service_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next", lambda _: 0.0)
    unknown = httpx.Response(404, html="<h1>404 : Not Found</h1>")
    starting = Server(unknown, httpx.Response(200, content=b"data"))
    async with httpx.AsyncClient(transport=starting) as http:
        file = await download(http, "http://hub/services/perijove/files/a", tmp_path, patience=60)
    assert file.path.read_bytes() == b"data"
    starting = Server(*[unknown] * 6, httpx.Response(201))
    (tmp_path / "a.bin").write_bytes(b"hello")
    async with httpx.AsyncClient(transport=starting) as http:
        stored = await Uploader(http, Post().signer).upload(HELD, ObjectRequest(what="log"), tmp_path / "a.bin", "x/y")
    assert stored.size == 5


async def test_a_report_keeps_what_redis_would_not_take(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.jsonl")
    recorder = Recorder(spool, Sender(MemoryQueue().agent("g", WORKER), HELD, spool, 1 << 20), pytest.fail)
    post = Post(away=1)
    report = Report(recorder, post.emit, WORKER, HELD)
    await report.phase(Phase.RUNNING)
    await report.metadata({"a": 1, "b": 1})
    with pytest.raises(errors.Unavailable):
        await report.flush()
    await report.metadata({"b": 2})
    await report.progress(1, 2)
    await report.flush()
    await report.flush()
    (event,) = post.events
    assert event == Advanced(
        worker=WORKER, execution=HELD.execution, attempt=1, phase=Phase.RUNNING, done=1, total=2,
        metadata={"a": 1, "b": 2},
    )  # fmt: skip
    spool.close()


def test_the_guard_kills_and_deletes_what_is_still_registered(tmp_path: Path) -> None:
    kept, ended = (subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(2))
    folder = tmp_path / "sockets"
    folder.mkdir()
    guard.watch([f"+ {kept.pid}\n", f"+ {ended.pid}\n", f"d {folder}\n", f"- {kept.pid}\n"], remove)
    assert ended.wait(30) == -9
    assert psutil.Process(kept.pid).is_running()
    assert kept.poll() is None
    assert not folder.exists()
    kept.kill()
    kept.wait()


def test_the_guard_kills_what_its_agent_had_no_time_to_tell_of_and_nobody_elses() -> None:
    ours, others = (
        subprocess.Popen(["sleep", "1000"], start_new_session=True, env={**os.environ, guard.MARK: mark})
        for mark in ("ours", "another's")
    )
    guard.watch(["m ours\n"], remove)
    assert ours.wait(30) == -9
    assert others.poll() is None
    others.kill()
    others.wait()


#: For each byte that it reads forks a child, which does the same, and prints its process id.
FORKING = "import os\nwhile os.read(0, 1):\n    child = os.fork()\n    if child:\n        print(child, flush=True)"


def test_the_guard_kills_what_is_forked_while_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    family = subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        env={**os.environ, guard.MARK: "ours"},
    )  # fmt: skip
    assert family.stdin is not None
    assert family.stdout is not None
    children: list[int] = []
    kill = os.kill

    def forked_before(process: int, number: int) -> None:
        if len(children) < 5:
            os.write(family.stdin.fileno(), b".")
            children.append(int(family.stdout.readline()))
        kill(process, number)

    monkeypatch.setattr(os, "kill", forked_before)
    try:
        guard.watch(["m ours\n"], remove)
        assert len(children) == 5
        assert select.select([family.stdout], [], [], 30)[0]
        assert family.stdout.read() == b""  # which comes to its end with the last of them
    finally:
        monkeypatch.undo()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(family.pid, signal.SIGKILL)
        family.communicate()


def test_a_guard_knows_the_mark_of_its_agents_processes() -> None:
    guardian = Guardian()
    untold = subprocess.Popen(
        ["sleep", "1000"], start_new_session=True, env={**os.environ, guard.MARK: f"{guardian.mark}.1"}
    )
    guardian.close()
    assert untold.wait(30) == -9


async def test_every_process_that_is_started_has_the_guards_mark(tmp_path: Path) -> None:
    runtime = ProcessRuntime(sys.executable, guardian := Guardian())
    folder = guardian.make_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    process = await runtime.start(Launch(["/usr/bin/env"], {"A": "a"}, tmp_path))
    printed = (await process.stdout.read()).decode().splitlines()
    await process.wait()
    process.close()
    await runtime.aclose()
    assert not folder.exists()
    assert "A=a" in printed
    assert [one for one in printed if "GUARD" in one] == [f"{guard.MARK}={guardian.mark}.1"]


def test_the_guard_kills_what_has_no_variable_left_by_its_limit() -> None:
    guardian = Guardian()
    before = resource.getrlimit(guard.LIMIT)
    resource.setrlimit(guard.LIMIT, (guardian.number + 7, before[1]))
    ours = subprocess.Popen(["sleep", "1000"], start_new_session=True, env={})
    resource.setrlimit(guard.LIMIT, before)
    others = subprocess.Popen(["sleep", "1000"], start_new_session=True, env={})
    guardian.close()
    assert ours.wait(30) == -9
    assert others.poll() is None
    others.kill()
    others.wait()


def test_the_guard_runs_without_the_agents_packages() -> None:
    assert guard.__file__ is not None
    done = subprocess.run(
        [sys.executable, "-I", "-S", guard.__file__, trees.__file__],
        input="",
        text=True,
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_disk_without_a_place_fails_the_attempt_and_not_the_agent(tmp_path: Path, monkeypatch: Any) -> None:
    from perijove.model.events import Finished
    from perijove.model.tickets import Ticket
    from perijove_agent import holdings
    from perijove_agent.assembly import assembled, http_client

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    queue = MemoryQueue()
    wire = queue.agent("g", WORKER)
    spec: Any = {"command": ["true"], "group": "g"}
    ticket = Ticket(execution=HELD.execution, attempt=1, project="p", number=1, owner="a", spec=spec)
    monkeypatch.setattr(holdings, "Attempt", full)
    async with http_client() as http, assembled(settings(tmp_path), WORKER, wire, http) as agent:
        running = asyncio.create_task(agent.run())
        await queue.offer(ticket)
        events: list[Any] = []
        while not any(isinstance(event, Finished) for event in events):
            events += [d.event for d in await queue.read_events(["g"], "m", 30, 10)]
        agent.leave()
        await asyncio.wait_for(running, 60)
    (finished,) = {event.detail for event in events if isinstance(event, Finished)}
    assert "No space left" in finished


def test_the_program_starts_without_the_parser_it_has_no_use_for() -> None:
    script = "import sys, perijove_agent.__main__, nbformat; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
