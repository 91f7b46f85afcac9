"""Notebooks, run by a real agent on a real ipykernel."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from perijove.model.control import Stop
from perijove.model.events import Finished
from perijove.model.reasons import Reason
from perijove.model.records import INLINE_LIMIT
from perijove_agent.agent import Agent
from perijove_agent.kernel import warm
from perijove_agent.runtime import guard
from perijove_scheduler.files.protocol import payload_key


def outputs(records: list[Any], cell: str | None = None) -> list[tuple[str, Any]]:
    return [(r.message, r.content) for r in records if r.kind == "output" and cell in {None, r.cell}]


def printed(records: list[Any], cell: str | None = None, name: str = "stdout") -> str:
    return "".join(c["text"] for m, c in outputs(records, cell) if m == "stream" and c["name"] == name)


def kernels(agent: Agent) -> set[int]:
    """The kernels that this agent started; those of other agents, as of a platform under test, have another mark."""
    mark = agent._tools.runtime._guardian.mark
    return {child.pid for child in psutil.Process().children() if guard.variable_of(child.pid).startswith(mark)}


@pytest.mark.usefixtures("agent")
async def test_every_output_is_forwarded_in_order_and_kept_in_the_executed_notebook(master: Any, notebook: Any) -> None:
    ticket = notebook("print('one')\nimport sys; print('two', file=sys.stderr)\n1 + 1", "# nothing", "print('end')")
    finished, records = await master.run_ticket(ticket)
    assert finished.reason is Reason.OK
    assert (printed(records, "c1"), printed(records, "c1", "stderr"), printed(records, "c3")) == (
        "one\n",
        "two\n",
        "end\n",
    )
    (result,) = [c for m, c in outputs(records, "c1") if m == "execute_result"]
    assert result["data"] == {"text/plain": "2"}
    cells = [(r.cell, r.state.value, r.index, r.total, r.execution_count) for r in records if r.kind == "cell"]
    assert cells[:2] == [("c1", "running", 1, 3, None), ("c1", "done", 1, 3, 1)]
    assert [(r.done, r.total) for r in records if r.kind == "progress"] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    (output,) = finished.outputs
    assert (output.name, output.media_type) == ("book.ipynb", "application/x-ipynb+json")
    executed = json.loads(await master.output(ticket, "book.ipynb"))
    assert executed["cells"][0]["execution_count"] == 1
    assert {o["output_type"] for o in executed["cells"][0]["outputs"]} == {"stream", "execute_result"}
    assert executed["metadata"]["language_info"]["name"] == "python"
    assert finished.environment["kernel"] == "python3"


@pytest.mark.usefixtures("agent")
async def test_displays_updates_and_clears_are_forwarded(master: Any, notebook: Any) -> None:
    source = (
        "from IPython.display import display, clear_output\n"
        "handle = display('a', display_id=True)\nhandle.update('b')\nclear_output(wait=True)\ndisplay('c')"
    )
    ticket = notebook(source)
    _, records = await master.run_ticket(ticket)
    messages = [m for m, _ in outputs(records)]
    assert messages == ["display_data", "update_display_data", "clear_output", "display_data"]
    contents = [c for _, c in outputs(records)]
    assert contents[0]["transient"]["display_id"] == contents[1]["transient"]["display_id"]
    executed = json.loads(await master.output(ticket, "book.ipynb"))
    (kept,) = executed["cells"][0]["outputs"]
    assert "'c'" in "".join(kept["data"]["text/plain"])


@pytest.mark.usefixtures("agent")
async def test_an_exception_ends_the_run_and_the_notebook_shows_it(master: Any, notebook: Any) -> None:
    ticket = notebook("print('before')", "raise ValueError('no luck')", "print('after')")
    finished, records = await master.run_ticket(ticket)
    assert (finished.reason, finished.detail) == (Reason.CELL_ERROR, "ValueError: no luck")
    assert printed(records) == "before\n"
    assert [r.state.value for r in records if r.kind == "cell"] == ["running", "done", "running", "failed"]
    (error,) = [c for m, c in outputs(records, "c2") if m == "error"]
    assert error["ename"] == "ValueError"
    executed = json.loads(await master.output(ticket, "book.ipynb"))
    assert executed["cells"][1]["outputs"][0]["ename"] == "ValueError"


@pytest.mark.usefixtures("agent")
async def test_a_cell_that_may_raise_does_not_end_the_run(master: Any, notebook: Any) -> None:
    finished, records = await master.run_ticket(notebook("1/0", "print('on')", tags={1: ["raises-exception"]}))
    assert finished.reason is Reason.OK
    assert printed(records, "c2") == "on\n"


@pytest.mark.usefixtures("agent")
async def test_an_infinite_loop_is_stopped_by_an_interrupt_and_its_notebook_is_kept(master: Any, notebook: Any) -> None:
    ticket = notebook("print('ready', flush=True)\nwhile True: pass", "print('never')")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: r.kind == "output" and "ready" in r.content["text"])
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    records = await master.records(ticket)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert [c["ename"] for m, c in outputs(records) if m == "error"] == ["KeyboardInterrupt"]
    assert printed(records) == "ready\n"
    assert [o.name for o in finished.outputs] == ["book.ipynb"]


async def test_a_loop_that_swallows_interrupts_is_killed(master: Any, agent: Any, notebook: Any) -> None:
    source = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass"
    finished, _ = await master.run_ticket(notebook(source, **{"time-limit": 1}))
    assert finished.reason is Reason.TIME_LIMIT
    assert kernels(agent) == set()


@pytest.mark.usefixtures("agent")
async def test_a_kernel_that_dies_ends_the_run_with_its_last_words(master: Any, notebook: Any, tmp_path: Path) -> None:
    # What a process hands to ZeroMQ is sent by a thread of ZeroMQ's own, which dies with it: it dies when all was seen.
    seen = tmp_path / "seen"
    source = (
        f"import os, sys\nprint('out')\nsys.stdout.flush()\nwhile not os.path.exists({str(seen)!r}): pass\nos._exit(7)"
    )
    ticket = notebook(source, "print('never')")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: r.kind == "output" and "out" in r.content["text"])
    seen.touch()
    finished = await master.event(Finished, ticket.execution)
    records = await master.records(ticket)
    assert finished.reason is Reason.KERNEL_DIED
    assert "exit status 7" in finished.detail
    assert printed(records) == "out\n"


@pytest.mark.usefixtures("agent")
async def test_an_unknown_kernel_is_named(master: Any, notebook: Any) -> None:
    finished, _ = await master.run_ticket(notebook("1", kernel="ghost"))
    assert finished.reason is Reason.NO_KERNEL
    assert "'ghost'" in finished.detail


async def test_a_python_without_ipykernel_is_told(master: Any, workers: Any, notebook: Any, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {psutil.Process().exe()} -I -S "$@"\n')
    bare.chmod(0o755)
    async with workers.agent(python=str(bare)):
        finished, _ = await master.run_ticket(notebook("1"))
    assert finished.reason is Reason.NO_KERNEL
    assert "No module named ipykernel_launcher" in finished.detail


@pytest.mark.usefixtures("agent")
async def test_fifty_megabytes_of_printing_are_whole_in_the_records_and_in_the_notebook(
    master: Any, notebook: Any
) -> None:
    ticket = notebook("line = 'x' * 99\nfor i in range(500_000): print(line)")
    finished, records = await master.run_ticket(ticket)
    assert finished.reason is Reason.OK
    assert printed(records) == ("x" * 99 + "\n") * 500_000
    executed = json.loads(await master.output(ticket, "book.ipynb"))
    assert sum(len("".join(o["text"])) for o in executed["cells"][0]["outputs"]) == 50_000_000


@pytest.mark.usefixtures("agent")
async def test_many_flushed_lines_lose_none(master: Any, notebook: Any) -> None:
    finished, records = await master.run_ticket(notebook("for i in range(20_000): print(i, flush=True)"))
    assert finished.reason is Reason.OK
    assert printed(records) == "".join(f"{i}\n" for i in range(20_000))


@pytest.mark.usefixtures("agent")
async def test_a_large_display_is_stored_beside_the_records(master: Any, notebook: Any) -> None:
    ticket = notebook(f"from IPython.display import HTML\nHTML('y' * {2 * INLINE_LIMIT})")
    _, records = await master.run_ticket(ticket)
    (record,) = [r for r in records if r.kind == "output"]
    assert record.content is None
    content = json.loads(await master.read(payload_key(ticket.execution, 1, record.ref)))
    assert content["data"]["text/html"] == "y" * 2 * INLINE_LIMIT


@pytest.mark.usefixtures("agent")
async def test_printed_json_objects_are_metadata(master: Any, notebook: Any) -> None:
    source = 'print(\'{"epoch": 1\', end="", flush=True)\nprint(\', "loss": 0.25}\')\nprint("{")'
    finished, records = await master.run_ticket(notebook(source))
    assert [r.values for r in records if r.kind == "metadata"] == [{"epoch": 1, "loss": 0.25}]
    assert finished.metadata == {"epoch": 1, "loss": 0.25}


async def test_a_warm_kernel_is_the_executions_own_and_counts_from_one(
    master: Any, workers: Any, notebook: Any, tmp_path: Path
) -> None:
    source = "import os, tempfile\nprint(os.environ['WHO'], os.getcwd(), tempfile.gettempdir(), os.getpid())"
    names = "sorted({'environment', 'folder', 'shell', 'thread', 'zmq'} & set(dir()))"
    async with workers.agent(warm=1) as agent:
        await agent._tools.kernels.filled.wait()
        waiting = kernels(agent)
        ticket = notebook(source, names, **{"environment-variables": {"WHO": "ada"}})
        _, records = await master.run_ticket(ticket)
    who, folder, temporary, pid = printed(records).split()
    root = tmp_path / "agent" / "attempts" / f"{ticket.execution}-1"
    assert (who, folder, temporary) == ("ada", str(root / "repository" / "work"), str(root / "tmp"))
    assert {int(pid)} == waiting
    assert [r.execution_count for r in records if r.kind == "cell" and r.state.value == "done"] == [1, 2]
    (result,) = [c for m, c in outputs(records) if m == "execute_result"]
    assert result["data"]["text/plain"] == "[]"
    assert not root.exists()


async def test_the_next_kernel_is_warmed_up_when_the_run_that_took_one_is_over(
    master: Any, workers: Any, notebook: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(warm, "REFILL_AFTER", 10**6)
    async with workers.agent(warm=1) as agent:
        filled = agent._tools.kernels.filled
        await filled.wait()
        filled.clear()
        await master.run_ticket(notebook("1"))
        await filled.wait()
        assert len(kernels(agent)) == 1


@pytest.mark.usefixtures("agent")
async def test_a_task_that_prints_late_still_prints_in_its_own_cell(master: Any, notebook: Any) -> None:
    first = (
        "import asyncio\ngo = asyncio.Event()\n"
        "async def late():\n    await go.wait()\n    print('late', flush=True)\n"
        "task = asyncio.create_task(late())"
    )
    ticket = notebook(first, "go.set(); await task; print('second')")
    _, records = await master.run_ticket(ticket)
    assert (printed(records, "c1"), printed(records, "c2")) == ("late\n", "second\n")
    executed = json.loads(await master.output(ticket, "book.ipynb"))
    assert executed["cells"][0]["outputs"][0]["text"] == ["late\n"]


@pytest.mark.usefixtures("agent")
async def test_the_environment_of_this_process_does_not_reach_a_kernel(
    master: Any, notebook: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(os.environ, "PERIJOVE_AGENT_TOKEN", "secret")
    _, records = await master.run_ticket(notebook("import os\nprint([n for n in os.environ if 'TOKEN' in n])"))
    assert printed(records) == "[]\n"


@pytest.mark.parametrize(
    ("source", "reason", "status", "detail"),
    [
        ("import sys; sys.exit(0)", Reason.OK, 0, "The notebook ended itself in cell 2 of 3"),
        ("raise SystemExit", Reason.OK, 0, "The notebook ended itself in cell 2 of 3"),
        ("exit()", Reason.OK, None, "The notebook ended itself in cell 2 of 3"),
        ("quit()", Reason.OK, None, "The notebook ended itself in cell 2 of 3"),
        ("import sys; sys.exit(3)", Reason.CELL_ERROR, 3, "SystemExit: 3"),
        ("import sys; sys.exit('no luck')", Reason.CELL_ERROR, 1, "SystemExit: no luck"),
        ("try: 1 / 0\nexcept ArithmeticError: raise OSError('x') from None", Reason.CELL_ERROR, None, "OSError: x"),
        (
            "class A:\n    def __repr__(self): raise ZeroDivisionError('r')\nA()",
            Reason.CELL_ERROR,
            None,
            "ZeroDivisionError: r",
        ),
    ],
)
@pytest.mark.usefixtures("agent")
async def test_a_notebook_that_ends_itself_is_complete_where_its_status_says_so(
    master: Any, notebook: Any, source: str, reason: Reason, status: int | None, detail: str
) -> None:
    finished, records = await master.run_ticket(notebook("print('a')", source, "print('never')"))
    assert (finished.reason, finished.exit_status) == (reason, status)
    assert finished.detail.startswith(detail)
    assert printed(records) == "a\n"
    told = "".join(r.text for r in records if r.kind == "log" and r.stream == "system")
    assert ("the cells after it were not run" in told) is (reason is Reason.OK)
    assert finished.done == (2 if reason is Reason.OK else 1)
