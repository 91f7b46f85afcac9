"""What an agent does when others fail, or tell it to go."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
import zstandard
from waiting import until as eventually

from perijove.code import pack, scan
from perijove.errors import Unavailable
from perijove.model.events import Archived, Finished, Held, Stopped
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.wire.envelopes import records_key, records_proof
from perijove.wire.protocol import Held as HeldAttempt
from perijove_agent.folders import DataFolders
from perijove_agent.records.ended import EndedSpool
from perijove_agent.records.spool import Spool
from perijove_scheduler.files.protocol import code_key, log_key
from perijove_scheduler.queue.memory.agent import MemoryAgentWire

#: Prints its process id, and sleeps.
SLEEP = "sleep 1000 & echo $!; wait"


async def sleeper(master: Any, ticket: Any) -> psutil.Process:
    record = await master.record(ticket, lambda r: r.kind == "log" and r.text.strip().isdigit())
    return psutil.Process(int(record.text))


async def is_ready(master: Any, ticket: Any) -> None:
    await master.record(ticket, lambda r: getattr(r, "text", "") == "ready\n")


async def ended(*processes: psutil.Process) -> bool:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 30)
    return not alive


def until(path: Path) -> str:
    """A command that waits for a file."""
    return f"echo ready; until [ -e {path} ]; do sleep 0.05; done"


async def test_a_superseded_attempt_is_killed_and_reports_nothing(master: Any, workers: Any, command: Any) -> None:
    async with workers.agent():
        ticket = command(SLEEP)
        await master.queue.offer(ticket)
        process = await sleeper(master, ticket)
        newer = ticket.model_copy(update={"attempt": 2, "spec": command("echo second").spec})
        await master.queue.forget("local", ticket.execution, 1)
        await master.queue.offer(newer)
        finished: Finished = await master.event(Finished, ticket.execution)
        assert (finished.attempt, finished.reason) == (2, Reason.OK)
        assert await ended(process)
    assert [e.attempt for e in master.events if isinstance(e, Finished)] == [2]


async def test_what_a_killed_agent_had_not_archived_the_next_on_its_disk_archives(master: Any, workers: Any) -> None:
    held, worker = HeldAttempt(new_id("ex"), 3), new_id("wk")
    spool = Spool(DataFolders(workers.settings.data_dir).spool(held))
    spool.append(b'{"n":1}')
    ended = EndedSpool.seal(spool, held, worker, key := records_key("its own", held.execution, 3))
    async with workers.agent():
        archived = await master.event(Archived, held.execution)
    assert (archived.runner, archived.attempt, archived.records) == (worker, 3, 1)
    assert archived.ran_by.proof == records_proof(key, archived.worker)
    assert zstandard.decompress(await master.read(log_key(held.execution, 3)), 100) == b'{"n":1}\n'
    assert list(ended.path.parent.iterdir()) == []


async def test_an_agent_killed_while_it_tells_of_an_end_leaves_the_log_to_the_next(
    master: Any, workers: Any, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, close = tmp_path / "disk", MemoryAgentWire.close

    async def killed(wire: MemoryAgentWire, event: Any) -> bool:
        """Copy the disk as a kill leaves it that comes when Redis has heard of the end, and the agent not of that."""
        closed = await close(wire, event)
        shutil.copytree(workers.settings.data_dir, disk)
        return closed

    ticket = command("echo kept")
    with monkeypatch.context() as patched:
        patched.setattr(MemoryAgentWire, "close", killed)
        async with workers.agent():
            finished, _ = await master.run_ticket(ticket)
            await master.event(Archived, ticket.execution)
    whole = await master.read(log_key(ticket.execution, 1))
    await master.files.delete(log_key(ticket.execution, 1))
    master.events.clear()
    master.queue.flush()
    async with workers.agent(data_dir=disk):
        archived = await master.event(Archived, ticket.execution)
    assert (archived.runner, archived.attempt, archived.records) == (finished.worker, 1, finished.records)
    assert await master.read(log_key(ticket.execution, 1)) == whole


async def test_an_agent_that_leaves_before_it_knows_that_an_end_was_heard_archives_the_log(
    master: Any, workers: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, ticket = MemoryAgentWire.close, command("echo kept")

    async def unanswered(wire: MemoryAgentWire, event: Any) -> bool:
        await close(wire, event)
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(MemoryAgentWire, "close", unanswered)
        async with workers.agent(leave_within=1.0):
            finished, _ = await master.run_ticket(ticket)
    async with workers.agent():  # should the first have had no time for it
        archived = await master.event(Archived, ticket.execution)
    assert (archived.attempt, archived.records) == (1, finished.records)
    assert list(DataFolders(workers.settings.data_dir).spools.iterdir()) == []


async def test_an_agent_told_to_end_hands_its_work_back_and_leaves(master: Any, workers: Any, command: Any) -> None:
    ticket = command(SLEEP)
    async with workers.agent():
        await master.queue.offer(ticket)
        process = await sleeper(master, ticket)
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.WORKER_DRAINED
    assert await ended(process)
    await master.event(Stopped)
    assert await master.queue.workers("local") == []


async def test_an_agent_that_ends_by_a_fault_of_its_own_was_not_drained(
    master: Any, workers: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = command(SLEEP)
    async with workers.agent(failing=ZeroDivisionError):
        await master.queue.offer(ticket)
        await sleeper(master, ticket)
        monkeypatch.setattr(MemoryAgentWire, "claim", lambda *_: 1 / 0)
        await master.queue.offer(command("true"))
        finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.WORKER_LEFT


async def test_a_drained_agent_finishes_what_it_holds_and_ends_by_itself(
    master: Any, workers: Any, command: Any, tmp_path: Path
) -> None:
    async with workers.agent() as agent:
        ticket = command(until(tmp_path / "go"))
        await master.queue.offer(ticket)
        await is_ready(master, ticket)
        (worker,) = await master.queue.workers("local")
        assert await master.queue.drain("local", worker.worker)
        (tmp_path / "go").touch()
        finished: Finished = await master.event(Finished, ticket.execution)
        assert finished.reason is Reason.OK
        await master.event(Stopped)
        assert agent.holdings.held == []


async def test_redis_going_away_loses_no_record(master: Any, workers: Any, command: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with workers.agent() as agent:
        ticket = command(until(first), "seq 1 5000", until(second))
        await master.queue.offer(ticket)
        await is_ready(master, ticket)
        spool = agent.holdings.get(ticket.execution, 1).desk.spool
        master.queue.reachable = False
        first.touch()
        await asyncio.to_thread(eventually, lambda: spool.size > 25_000)
        master.queue.reachable = True
        second.touch()
        master.queue.signal.ring()
        finished: Finished = await master.event(Finished, ticket.execution)
        records = await master.records(ticket)
    assert (finished.reason, finished.records) == (Reason.OK, len(records))
    expected = "ready\n" + "".join(f"{n}\n" for n in range(1, 5001)) + "ready\n"
    assert "".join(r.text for r in records if r.kind == "log" and r.stream == "stdout") == expected


async def test_a_flushed_redis_gets_everything_again(master: Any, workers: Any, command: Any, tmp_path: Path) -> None:
    go = tmp_path / "go"
    async with workers.agent():
        ticket = command(until(go), "echo done")
        await master.queue.offer(ticket)
        await is_ready(master, ticket)
        master.queue.flush()
        await master.event(Held, ticket.execution)
        await is_ready(master, ticket)
        go.touch()
        finished: Finished = await master.event(Finished, ticket.execution)
        records = await master.records(ticket)
        assert finished.reason is Reason.OK
        assert "".join(r.text for r in records if r.kind == "log" and r.stream == "stdout") == "ready\ndone\n"
        await master.event(Archived, ticket.execution)


async def test_code_is_unpacked_afresh_for_each_attempt(
    master: Any, workers: Any, command: Any, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text("print('from the snapshot')")
    packed = pack(scan(project), tmp_path / "code.tar.zst")

    async def body() -> Any:
        yield (tmp_path / "code.tar.zst").read_bytes()

    await master.files.put(code_key(packed.id), body())
    async with workers.agent():
        for _ in range(2):
            finished, records = await master.run_ticket(command("cat main.py; rm main.py", code=packed.id))
            assert finished.reason is Reason.OK
            assert any(getattr(r, "text", "") == "print('from the snapshot')" for r in records)


async def test_a_snapshot_that_was_damaged_on_this_disk_is_fetched_again(
    master: Any, workers: Any, command: Any, tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.py").write_text("print('from the snapshot')")
    packed = pack(scan(tmp_path / "project"), tmp_path / "code.tar.zst")

    async def body() -> Any:
        yield packed.path.read_bytes()

    await master.files.put(code_key(packed.id), body())
    async with workers.agent():
        finished, _ = await master.run_ticket(command("cat main.py", code=packed.id))
        assert finished.reason is Reason.OK
        (cached,) = DataFolders(workers.settings.data_dir).cache.glob("*/content/*")
        status, content = cached.stat(), bytearray(cached.read_bytes())
        content[-9] ^= 255
        cached.chmod(0o644)
        cached.write_bytes(content)
        os.utime(cached, ns=(status.st_atime_ns, status.st_mtime_ns))
        finished, _ = await master.run_ticket(command("cat main.py", code=packed.id))
        assert finished.reason is Reason.OK, finished.detail


async def test_missing_code_and_inputs_are_told_apart(master: Any, workers: Any, command: Any) -> None:
    async with workers.agent():
        finished, _ = await master.run_ticket(command("true", code="~" + "0" * 64))
        assert finished.reason is Reason.CODE_FAILED
        inputs = [{"name": "data", "uris": ["datum://da-00000000000000000000000000"]}]
        finished, _ = await master.run_ticket(command("true", inputs=inputs))
    assert finished.reason is Reason.INPUT_FAILED
    assert "Input 'data'" in finished.detail


async def test_inputs_appear_under_their_names(master: Any, workers: Any, command: Any) -> None:
    async def body() -> Any:
        yield b"a,b\n1,2\n"

    await master.files.put("data/table.csv", body())
    master.data["da-00000000000000000000000001"] = "data/table.csv"
    inputs = [{"name": "data", "uris": ["datum://da-00000000000000000000000001"] * 2}]
    show = "cd $VH_INPUTS_DIR; ls data; cat data/table.csv; grep -c sha256 $VH_CONFIG_DIR/inputs.json"
    async with workers.agent():
        finished, records = await master.run_ticket(command(show, inputs=inputs))
    assert finished.reason is Reason.OK, finished.detail
    text = "".join(r.text for r in records if r.kind == "log" and r.stream == "stdout")
    assert text == "table-2.csv\ntable.csv\na,b\n1,2\n2\n"


async def test_two_attempts_share_the_cpus_and_a_third_waits(
    master: Any, workers: Any, command: Any, tmp_path: Path
) -> None:
    tickets = [command(until(tmp_path / "go")) for _ in range(2)]
    third = command("echo third", resources={"cpus": 0.5})
    async with workers.agent():
        for ticket in tickets:
            await master.queue.offer(ticket)
            await is_ready(master, ticket)
        await master.queue.offer(third)
        assert await master.queue.depths(["local"]) == {"local": 1}
        (tmp_path / "go").touch()
        finished: Finished = await master.event(Finished, third.execution)
    assert finished.reason is Reason.OK


async def test_nothing_is_left_on_disk_but_the_cache(master: Any, workers: Any, command: Any, tmp_path: Path) -> None:
    ticket = command("touch $TMPDIR/x $PERIJOVE_OUTPUTS/y")
    async with workers.agent():
        await master.run_ticket(ticket)
        await master.event(Archived, ticket.execution)
    left = [path for path in (tmp_path / "agent").rglob("*") if path.is_file() or ticket.execution in path.name]
    assert [path for path in left if "cache" not in path.parts] == []
