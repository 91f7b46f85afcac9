"""What follows from a signal, by who sent it."""

from __future__ import annotations

import os
import subprocess
import sys

from perijove.model.reasons import Reason
from perijove_agent.departure import judge


def test_what_the_agents_own_descendants_send_is_passed_over() -> None:
    child = subprocess.Popen(["sleep", "1000"])
    assert judge(child.pid, os.getuid()) is Reason.OK
    child.kill()
    zombie = judge(child.pid, os.getuid())  # its exit status has not been asked for
    child.wait()
    assert zombie is Reason.OK


def test_the_kernel_the_supervisor_and_other_users_drain_a_worker() -> None:
    assert [judge(0, 0), judge(1, 0), judge(os.getppid(), os.getuid())] == [Reason.WORKER_DRAINED] * 3
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert judge(gone.pid, os.getuid() + 1) is Reason.WORKER_DRAINED


def test_a_sender_that_is_gone_drains_nobody() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert judge(gone.pid, os.getuid()) is Reason.WORKER_LEFT


#: An agent's process whose programs send it signals with their first instruction.
_SIGNALLED = """
import asyncio, os, sys
from pathlib import Path
from perijove_agent.departure import Departure
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.runtime.protocol import Launch

judged = asyncio.Event()

class Noticed(Departure):
    def _take(self, *arguments):
        super()._take(*arguments)
        judged.set()

async def main():
    departure = Noticed()
    departure.listen()
    runtime = ProcessRuntime(sys.executable, Guardian())
    for _ in range(50):
        argv = ["sh", "-c", "kill -TERM $PPID; sleep 1000"]
        program = await runtime.start(Launch(argv, dict(os.environ), Path.cwd()))
        await asyncio.wait_for(judged.wait(), 30)
        judged.clear()
        await program.cleared()
        program.close()
    await runtime.aclose()
    print(departure.requested.is_set())

asyncio.run(main())
"""


def test_signals_of_programs_that_have_just_been_started_are_known_to_be_theirs() -> None:
    done = subprocess.run([sys.executable, "-c", _SIGNALLED], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert done.stderr.count("which is ignored") == 50


#: An agent's process that starts one program after the other, until it is to leave.
_STARTING = """
import asyncio, os, sys
from pathlib import Path
from perijove_agent.departure import Departure
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.runtime.protocol import Launch

async def main():
    departure = Departure()
    departure.listen()
    runtime = ProcessRuntime(sys.executable, Guardian())
    print("starting", flush=True)
    while not departure.requested.is_set():
        program = await runtime.start(Launch(["true"], dict(os.environ), Path.cwd()))
        await program.cleared()
        program.close()
    await runtime.aclose()
    print(departure.reason.value)

asyncio.run(main())
"""


def test_a_supervisors_signal_is_known_as_its_own_while_programs_are_started() -> None:
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", _STARTING], stdout=subprocess.PIPE, text=True) as agent:
            assert agent.stdout is not None
            assert agent.stdout.readline() == "starting\n"
            agent.terminate()
            assert agent.stdout.read() == "worker_drained\n"
