"""A kernel with nothing left to do is killed; one that has something left ends in an orderly way, and does it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from perijove_agent.kernel import kernel as kernels
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.kernel.launcher import KernelLauncher
from perijove_agent.kernel.remains import is_answered
from perijove_agent.kernel.spec import default_program
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.variables import base_variables

NOTHING_LEFT = {
    "plain work": "print(1)",
    "a closed file": "with open('done', 'w') as file:\n    file.write('done')",
    "an error": "1 / 0",
    "a thread that ended": "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
    "a child that ended": "import subprocess\nsubprocess.run(['true'], check=True)",
    "text of the C library": "import ctypes\n_ = ctypes.CDLL(None).printf(b'held back')",
}
#: What the work leaves for its end is the file ``done``.
SOMETHING_LEFT = {
    "an exit handler": "import atexit\natexit.register(lambda: open('done', 'w').write('done'))",
    "an open file": "file = open('done', 'w')\nfile.write('done')",
    "a thread": "import threading, time\ndef late():\n    time.sleep(0.3)\n    open('done', 'w').write('done')\n"
    "threading.Thread(target=late).start()",
    "a finalizer": "import weakref\nclass A: pass\na = A()\n"
    "weakref.finalize(a, lambda: open('done', 'w').write('done'))",
    "a destructor": "class A:\n    def __del__(self, open=open):\n        open('done', 'w').write('done')\na = A()",
}


@pytest.fixture
async def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kernel]:
    # A kernel that does not answer within a second ends in an orderly way; on a busy machine one may take longer.
    monkeypatch.setattr(kernels, "_BUSY", 60.0)
    (tmp_path / "idle").mkdir()
    (tmp_path / "work").mkdir()
    runtime = ProcessRuntime(sys.executable, guardian := Guardian())
    launcher = KernelLauncher(runtime, guardian.make_folder())
    environment = base_variables(sys.executable, tmp_path / "idle")
    kernel = await launcher.start(default_program(sys.executable), environment, tmp_path / "work")
    kernel.adopt({}, tmp_path / "work")
    yield kernel
    await kernel.aclose()
    await launcher.aclose()
    await runtime.aclose()


async def run(kernel: Kernel, code: str) -> dict[str, Any]:
    request = kernel.client.execute(code)
    while (reply := await kernel.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != request:
        pass
    return reply["content"]


@pytest.mark.parametrize("code", NOTHING_LEFT.values(), ids=NOTHING_LEFT)
async def test_a_kernel_with_nothing_left_to_do_is_killed(kernel: Kernel, code: str) -> None:
    kernel.ask_along()
    reply = await run(kernel, code)
    assert is_answered(reply) is (code != NOTHING_LEFT["an error"])
    await kernel.shut_down(60, reply)
    assert kernel.process.returncode == -9
    if "printf" in code:
        assert "held back" in "".join(kernel.words)


@pytest.mark.parametrize("code", SOMETHING_LEFT.values(), ids=SOMETHING_LEFT)
async def test_what_a_kernel_leaves_for_its_end_is_done(kernel: Kernel, code: str, tmp_path: Path) -> None:
    kernel.ask_along()
    await kernel.shut_down(60, await run(kernel, code))
    assert kernel.process.returncode == 0
    assert (tmp_path / "work" / "done").read_text() == "done"


async def test_a_child_that_still_runs_is_something_left(kernel: Kernel) -> None:
    await run(kernel, "import subprocess\nchild = subprocess.Popen(['sleep', '60'])")
    await kernel.shut_down(60)
    assert kernel.process.returncode == 0
