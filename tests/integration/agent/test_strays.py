"""What work leaves behind in sessions of its own, without its variables or without parents, is gone when it ends."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from waiting import until

from perijove.model.control import Stop
from perijove.model.events import Finished
from perijove.model.reasons import Reason

#: An odd length of a sleep, a new one for each test: what it is looked for by.
_SECONDS = itertools.count(70_000 + os.getpid() * 10)

DAEMON = """python3 -c "
import os
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.closerange(0, 50)
    os.execve('/bin/sleep', ['sleep', '{seconds}'], dict())
" """
LEAVING = {
    "in the background": "sleep {seconds} &",
    "with nohup": "nohup sleep {seconds} >/dev/null 2>&1 &",
    "in a session of its own": "setsid sleep {seconds} >/dev/null 2>&1 &",
    "without a parent": "(setsid sleep {seconds} >/dev/null 2>&1 &) &",
    "without a variable": "(env -i setsid sleep {seconds} >/dev/null 2>&1 &) &",
    "as a daemon": DAEMON,
    "with children without a variable": "(env -i setsid sh -c 'sleep {seconds} & wait' >/dev/null 2>&1 &) &",
}


@pytest.fixture
def seconds() -> int:
    return next(_SECONDS)


def sleeping(seconds: int) -> list[psutil.Process]:
    wanted = [str(seconds)]
    found = psutil.process_iter(["cmdline", "status"])
    return [p for p in found if (p.info["cmdline"] or [])[1:] == wanted and p.info["status"] != psutil.STATUS_ZOMBIE]


def runs(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def started(seconds: int) -> str:
    """A command that waits until such a process is there."""
    return f"until pgrep -f 'sleep {seconds}$' >/dev/null; do sleep 0.02; done"


@pytest.mark.parametrize("line", LEAVING.values(), ids=LEAVING)
async def test_nothing_of_a_completed_command_goes_on(
    master: Any, agent: Any, command: Callable[..., Any], line: str, seconds: int
) -> None:
    leaving = line.format(seconds=seconds)
    finished, _ = await master.run_ticket(command(f"{leaving}\n{started(seconds)}"))
    assert finished.reason is Reason.OK
    assert sleeping(seconds) == []


async def test_nothing_of_a_stopped_command_goes_on(
    master: Any, agent: Any, command: Callable[..., Any], seconds: int
) -> None:
    leaving = LEAVING["without a variable"].format(seconds=seconds)
    ticket = command(f"{leaving}\n{started(seconds)}; echo ready; sleep 1000")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: getattr(r, "text", "") == "ready\n")
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason is Reason.STOPPED_BY_USER
    assert sleeping(seconds) == []


async def test_nothing_of_a_notebook_on_a_warm_kernel_goes_on(
    master: Any, workers: Any, notebook: Callable[..., Any], seconds: int
) -> None:
    cell = (
        f"import os, subprocess, time\nsubprocess.Popen(['sleep', '{seconds}'], start_new_session=True, env={{}})\n"
        f"os.system('(env -i setsid sleep {seconds} >/dev/null 2>&1 &) &')\n"
        f"while int(subprocess.run('pgrep -fc \"sleep {seconds}$\"', shell=True, capture_output=True).stdout) < 2:\n"
        "    time.sleep(0.02)"
    )
    async with workers.agent(warm=1) as agent:
        await agent.holdings._tools.kernels.filled.wait()
        finished, _ = await master.run_ticket(notebook(cell))
    assert finished.reason is Reason.OK, finished.detail
    assert sleeping(seconds) == []


def named(word: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if word in " ".join(p.info["cmdline"] or [])]


#: Each process lives for a moment, and its child is in a session of its own.
HOPPING = """import os, time
for _ in range({many} - 1):
    if os.fork() == 0:
        break
while os.fork() == 0:
    os.setsid()
    time.sleep({pause})
os._exit(0)  # {word}"""


@pytest.mark.parametrize(("many", "pause"), [(1, 0.005), (20, 0)])
async def test_what_forks_for_ever_ends_with_its_attempt_and_holds_up_nobody(
    master: Any, agent: Any, command: Callable[..., Any], seconds: int, many: int, pause: float
) -> None:
    word = f"hopping-{seconds}"
    hopping = HOPPING.format(many=many, pause=pause, word=word)
    loop = asyncio.get_running_loop()
    held_up, seen = 0.0, loop.time()

    def look() -> None:
        nonlocal held_up, seen, looking
        held_up, seen = max(held_up, loop.time() - seen), loop.time()
        looking = loop.call_later(0.01, look)

    looking = loop.call_soon(look)
    finished, records = await master.run_ticket(command(f"env -i {sys.executable} -c '{hopping}' & sleep 0.5"))
    looking.cancel()
    assert finished.reason is Reason.OK
    assert not any("could not be ended" in getattr(record, "text", "") for record in records)
    assert named(word) == []
    assert held_up < 2


@pytest.mark.parametrize(
    "forking",
    ["if os.fork() == 0: os.setsid(); time.sleep(1000)", "if os.fork(): time.sleep(1000)\n    os.setsid()"],
    ids=["beside each other", "below each other"],
)
async def test_hundreds_of_processes_that_one_leaves_end_with_its_attempt(
    master: Any, agent: Any, command: Callable[..., Any], seconds: int, forking: str
) -> None:
    word = f"many-{seconds}"
    code = f"import os, time\nif os.fork(): os._exit(0)\nfor _ in range(300):\n    {forking}\nprint('ready')  # {word}"
    leaving = f'env -i {sys.executable} -uc "{code}" | read line; test $(pgrep -fc {word}) -ge 300'
    finished, records = await master.run_ticket(command(leaving))
    assert finished.reason is Reason.OK, records
    assert named(word) == []


async def test_processes_of_another_attempt_and_of_nobody_s_are_left_alone(
    master: Any, agent: Any, command: Callable[..., Any], seconds: int
) -> None:
    others = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    ticket = command(f"(env -i setsid sleep {seconds} >/dev/null 2>&1 &) &\n{started(seconds)}; echo ready; sleep 1000")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: getattr(r, "text", "") == "ready\n")
    finished, _ = await master.run_ticket(command("(env -i setsid sleep 1000 >/dev/null 2>&1 &) & sleep 0.1"))
    assert finished.reason is Reason.OK
    assert len(sleeping(seconds)) == 1
    assert others.returncode is None
    others.kill()
    await others.wait()


async def test_an_agent_without_its_guard_gets_another(
    master: Any, agent: Any, command: Callable[..., Any], seconds: int
) -> None:
    guardian = agent.holdings._tools.runtime._guardian
    first = guardian.pid
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(
        until, lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    )
    finished, _ = await master.run_ticket(command("true"))
    assert finished.reason is Reason.OK
    assert guardian.pid != first
    assert psutil.Process(guardian.pid).is_running()
