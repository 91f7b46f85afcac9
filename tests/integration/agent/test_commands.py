"""Commands, run by a real agent as real processes."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import psutil
import pytest
import zstandard

from perijove.model.control import Stop
from perijove.model.events import Archived, Finished
from perijove.model.reasons import Reason
from perijove_scheduler.files.protocol import log_key

pytestmark = pytest.mark.usefixtures("agent")


def text(records: list[Any], stream: str = "stdout") -> str:
    return "".join(r.text for r in records if r.kind == "log" and r.stream == stream)


async def test_commands_run_in_order_and_stop_at_the_first_that_fails(master: Any, command: Any) -> None:
    finished, records = await master.run_ticket(command("echo one", "echo two >&2; exit 3", "echo three"))
    assert (finished.reason, finished.exit_status) == (Reason.NONZERO_EXIT, 3)
    assert "exit status 3" in finished.detail
    assert (text(records), text(records, "stderr")) == ("one\n", "two\n")
    assert text(records, "system") == "$ echo one\n$ echo two >&2; exit 3\n"
    assert [(r.done, r.total) for r in records if r.kind == "progress"] == [(0, 3), (1, 3)]
    assert [r.phase.value for r in records if r.kind == "phase"] == ["preparing", "running", "uploading"]
    assert finished.records == len(records)


async def test_a_command_sees_its_parameters_folders_and_variables_and_no_token(master: Any, command: Any) -> None:
    script = (
        'import json,os,sys; e=os.environ; p=json.load(open(e["VH_CONFIG_DIR"]+"/parameters.json"));'
        'number=json.load(open(e["PERIJOVE_CONFIG"]+"/execution.json"))["number"];'
        'here=os.getcwd()==e["PERIJOVE_REPOSITORY"]; tokens=[n for n in e if "TOKEN" in n];'
        'print(sys.argv[1:], p, e["WHO"], here, tokens, number)'
    )
    os.environ["PERIJOVE_AGENT_TOKEN"] = "secret"
    try:
        spec = {"parameters": {"epochs": 3, "name": "a b"}, "environment-variables": {"WHO": "ada"}}
        finished, records = await master.run_ticket(command(f"python -c '{script}' {{parameters}}", **spec))
    finally:
        del os.environ["PERIJOVE_AGENT_TOKEN"]
    assert finished.reason is Reason.OK, text(records, "stderr")
    expected = "['--epochs=3', '--name=a b'] {'epochs': 3, 'name': 'a b'} ada True [] 7\n"
    assert text(records) == expected


async def test_json_lines_are_metadata_and_stay_in_the_log(master: Any, command: Any) -> None:
    lines = ['{"epoch": 1, "loss": 0.5}', '{"epoch": 2, "loss": NaN}', "[1]", '{"half":']
    finished, records = await master.run_ticket(command(*(f"echo '{line}'" for line in lines)))
    assert text(records) == "".join(f"{line}\n" for line in lines)
    assert next(r.values for r in records if r.kind == "metadata") == {"epoch": 1, "loss": 0.5}
    assert finished.metadata["epoch"] == 2
    assert finished.metadata["loss"] is None or finished.metadata["loss"] != finished.metadata["loss"]


async def test_outputs_are_stored_with_size_and_digest_and_links_that_leave_are_not(master: Any, command: Any) -> None:
    ticket = command(
        "mkdir -p $PERIJOVE_OUTPUTS/deep; printf hello > $PERIJOVE_OUTPUTS/deep/a.txt",
        "head -c 3000000 /dev/zero > $PERIJOVE_OUTPUTS/zeros.bin; ln -s /etc/passwd $PERIJOVE_OUTPUTS/stolen",
    )
    finished, records = await master.run_ticket(ticket)
    manifest = {o.name: o for o in finished.outputs}
    assert set(manifest) == {"deep/a.txt", "zeros.bin"}
    assert manifest["deep/a.txt"].sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (manifest["zeros.bin"].size, manifest["deep/a.txt"].media_type) == (3_000_000, "text/plain")
    assert await master.output(ticket, "deep/a.txt") == b"hello"
    assert "stolen" in text(records, "system")


async def test_the_records_are_archived_whole(master: Any, command: Any) -> None:
    ticket = command("echo hello", "seq 1 2000")
    _, records = await master.run_ticket(ticket)
    archived = await master.event(Archived, ticket.execution)
    data = await master.read(log_key(ticket.execution, 1))
    assert (archived.size, archived.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    lines = zstandard.ZstdDecompressor().decompressobj().decompress(data).splitlines()
    assert [json.loads(line)["n"] for line in lines] == [r.n for r in records] == list(range(1, archived.records + 1))


async def test_fifty_megabytes_of_printing_arrive_complete_and_in_order(master: Any, command: Any) -> None:
    finished, records = await master.run_ticket(command("seq 1 7000000"))
    assert finished.reason is Reason.OK
    expected = hashlib.sha256()
    for start in range(1, 7_000_001, 100_000):
        expected.update("".join(f"{n}\n" for n in range(start, start + 100_000)).encode())
    assert hashlib.sha256(text(records).encode()).hexdigest() == expected.hexdigest()


async def test_a_stopped_command_is_interrupted_and_its_outputs_are_kept(master: Any, command: Any) -> None:
    ticket = command("echo kept > $PERIJOVE_OUTPUTS/a.txt; echo ready; sleep 1000")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: getattr(r, "text", "") == "ready\n")
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert [o.name for o in finished.outputs] == ["a.txt"]


async def test_a_command_that_ignores_the_interrupt_is_killed_with_all_it_started(master: Any, command: Any) -> None:
    ticket = command("trap '' INT; sleep 1001 & setsid sleep 1001 & wait", **{"time-limit": 1})
    finished, _ = await master.run_ticket(ticket)
    assert finished.reason is Reason.TIME_LIMIT
    sleeping = [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:] == ["1001"]]
    assert sleeping == []


async def test_a_silent_command_meets_its_no_output_limit(master: Any, command: Any) -> None:
    finished, _ = await master.run_ticket(command("echo hello; sleep 1000", **{"no-output-timeout": 1}))
    assert finished.reason is Reason.NO_OUTPUT


async def test_a_command_over_its_memory_limit_is_killed(master: Any, command: Any) -> None:
    line = "python -c 'import time; x = bytearray(300_000_000); time.sleep(1000)'"
    finished, records = await master.run_ticket(command(line, resources={"memory": 100_000_000}))
    assert finished.reason is Reason.OUT_OF_MEMORY
    assert any(r.kind == "stats" and r.memory > 100_000_000 for r in records)


async def test_what_a_command_leaves_in_the_background_does_not_hold_it_up(master: Any, command: Any) -> None:
    finished, records = await master.run_ticket(command("sleep 1003 & echo done"))
    assert (finished.reason, text(records)) == (Reason.OK, "done\n")


async def test_the_environment_that_really_ran_is_told(master: Any, command: Any) -> None:
    finished, _ = await master.run_ticket(command("true"))
    assert {"python", "platform", "packages"} <= set(finished.environment)
    assert "pytest" in finished.environment["packages"]
