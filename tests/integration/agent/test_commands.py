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
    assert finished.detail == "Line 2 of 3, `echo two >&2; exit 3`, ended with exit status 3."
    assert (text(records), text(records, "stderr")) == ("one\n", "two\n")
    assert text(records, "system") == "$ echo one\n$ echo two >&2; exit 3\n"
    assert [(r.done, r.total) for r in records if r.kind == "progress"] == [(0, 3), (1, 3)]
    assert [r.phase.value for r in records if r.kind == "phase"] == ["preparing", "running", "uploading"]
    assert finished.records == len(records)


async def test_one_shell_runs_all_lines_and_each_is_shown_before_what_it_prints(master: Any, command: Any) -> None:
    lines = (
        "mkdir sub && cd sub; export A=1; b=2; set -- x; umask 077 # a comment",
        "printf '%s ' ${PWD##*/} $A $b $1; umask",
        "cat <<EOF\nheredoc $b\nEOF",
        "echo 'two\nlines'",
        "cat; read x || echo nothing to read",
        "cd nowhere 2>/dev/null || true",
        "sleep 1000 & echo $! >server",
        "kill -0 $(cat server) && echo still there >&2",
        "f() { (exit 3); }; f; echo no status of a line before: $?",
    )
    finished, records = await master.run_ticket(command(*lines))
    assert finished.reason is Reason.OK, finished.detail
    told = "".join(r.text for r in records if r.kind == "log")
    printed = ["", "sub 1 2 x 0077\n", "heredoc 2\n", "two\nlines\n", "nothing to read\n", "", "", "still there\n"]
    printed.append("no status of a line before: 3\n")
    assert told == "".join(f"$ {line}\n{text}" for line, text in zip(lines, printed, strict=True))
    assert [(r.done, r.total) for r in records if r.kind == "progress"] == [(n, 9) for n in range(10)]


@pytest.mark.parametrize(
    ("lines", "status", "detail"),
    [
        (("echo 'no end", "echo never"), None, "Line 1 of 2, `echo 'no end`, ended with exit status"),
        (("set -e; false; echo on", "echo never"), 1, "Line 1 of 2"),
        (("set -e", "false; echo on", "echo never"), 1, "Line 2 of 3, `false; echo on`, ended with exit status 1."),
        (("true", "bash -c 'kill -9 $$'", "echo never"), 137, "ended with exit status 137 (SIGKILL)."),
        (("no-such-program", "echo never"), 127, "ended with exit status 127."),
        (("trap 'echo bye >&2' EXIT", "exec 2>&1; exit 4", "echo never"), 4, "Line 2 of 3"),
    ],
)
async def test_the_line_that_fails_is_named_and_the_last(
    master: Any, command: Any, lines: Any, status: Any, detail: str
) -> None:
    finished, records = await master.run_ticket(command(*lines))
    assert finished.reason is Reason.NONZERO_EXIT
    assert detail in finished.detail
    assert status in {None, finished.exit_status}
    assert "never" not in text(records)
    assert "on\n" not in text(records)


async def test_an_exit_with_status_0_ends_the_run_as_complete_and_the_log_says_so(master: Any, command: Any) -> None:
    finished, records = await master.run_ticket(command("echo one", "exit 0", "echo three"))
    assert (finished.reason, finished.exit_status, text(records)) == (Reason.OK, 0, "one\n")
    assert "Line 2 of 3, `exit 0`, ended the shell; the lines after it were not run." in text(records, "system")
    assert (finished.done, finished.total) == (2, 3)


async def test_lines_may_redirect_close_and_trace_as_they_like(master: Any, command: Any) -> None:
    lines = ("exec >kept 2>&1 253>&- 254>&-", "echo in the file", "set -x", "exec >/dev/null; ls /proc/self/fd >fds")
    finished, records = await master.run_ticket(command(*lines, "cp kept fds $PERIJOVE_OUTPUTS"))
    assert (finished.reason, finished.done, text(records)) == (Reason.OK, 5, "")
    assert {o.name for o in finished.outputs} == {"kept", "fds"}


async def test_a_line_that_ends_well_in_spite_of_its_interrupt_is_the_last(master: Any, command: Any) -> None:
    python = (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        'print("ready", flush=True)\nsignal.sigwait([signal.SIGINT])'
    )
    ticket = command(f"python -c '{python}'", "echo never")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: getattr(r, "text", "").startswith("ready"))
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert finished.done in {0, 1}, "the first line may have ended before the shell itself was interrupted"
    assert "never" not in text(await master.records(ticket))


async def test_a_character_does_not_reach_from_one_line_into_the_next(master: Any, command: Any) -> None:
    _, records = await master.run_ticket(command("printf '\\303'", "printf '\\251\\0x\\0'"))
    assert text(records) == "\ufffd\ufffd\0x\0"


async def test_a_parameter_that_would_be_run_ends_the_run_with_a_hint(master: Any, command: Any) -> None:
    line = 'bash -c "echo {parameter-value:v}"'
    finished, records = await master.run_ticket(command("echo one", line, parameters={"v": "$(echo PWNED)"}))
    assert finished.reason is Reason.NONZERO_EXIT
    assert "{parameter-value:v} stands in text that is evaluated again" in finished.detail
    assert text(records) == ""


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


async def test_metadata_without_end_is_bounded_with_a_sentence(master: Any, command: Any) -> None:
    deep = "[" * 300 + "]" * 300
    script = "import json\nfor n in range(100_000): print(json.dumps({str(n): n}))"
    lines = (f"python -c '{script}'", 'echo \'{"7": "\\ud83d"}\'', f"echo '{{\"deep\": {deep}}}'")
    finished, records = await master.run_ticket(command(*lines))
    assert finished.reason is Reason.OK
    assert finished.metadata == {**{str(n): n for n in range(999)}, "7": "\ufffd"}
    assert len([r for r in records if r.kind == "metadata"]) == 1000
    assert text(records, "system").count("left out of the metadata") == 1
    assert text(records).splitlines()[99_999] == '{"99999": 99999}'


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
