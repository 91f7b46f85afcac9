"""A kernel that waited is, once it is an execution's, as one that was started for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from perijove.model.reasons import Reason
from perijove_agent.ending import Failure
from perijove_agent.kernel.adoption import needs_fresh_start
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.kernel.launcher import KernelLauncher
from perijove_agent.kernel.spec import default_program
from perijove_agent.kernel.warm import WarmKernels
from perijove_agent.runtime import guard
from perijove_agent.runtime.guardian import Guardian
from perijove_agent.runtime.process import ProcessRuntime
from perijove_agent.variables import base_variables

#: Whatever a process learns at its start, and what IPython keeps of it.
PROBE = """
def probe():
    import json, locale, os, resource, signal, sys, tempfile, threading, time
    shell, LOCKS = get_ipython(), 10  # the limit by which the agent knows a program
    history, main = shell.history_manager, vars(sys.modules["__main__"])
    signals = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    umask = os.umask(0)
    os.umask(umask)
    return json.dumps({
        "environment": dict(os.environ), "folder": os.getcwd(), "home": os.path.expanduser("~"),
        "temporary": tempfile.gettempdir(), "argv": [each.rpartition("/")[2] for each in sys.argv], "path": sys.path,
        "flags": str(sys.flags), "executable": sys.executable, "prefix": sys.prefix, "depth": sys.getrecursionlimit(),
        "umask": umask, "limits": [resource.getrlimit(number) for number in range(16) if number != LOCKS],
        "locale": [locale.setlocale(each, None) for each in (locale.LC_ALL, locale.LC_CTYPE, locale.LC_TIME)],
        "encodings": [sys.getfilesystemencoding(), locale.getpreferredencoding(), sys.stdout.encoding],
        "zone": [time.tzname, time.localtime(0)[:], time.timezone],
        "signals": [str(signal.getsignal(number)).partition(" at ")[0] for number in signals],
        "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))), "nice": os.nice(0),
        "groups": [os.getuid(), os.getgid(), os.getgroups()], "cpus": sorted(os.sched_getaffinity(0)),
        "names": sorted(user), "In": user["In"], "Out": user["Out"], "_dh": [str(each) for each in user["_dh"]],
        "same": user["_dh"] is history.dir_hist, "count": shell.execution_count, "session": history.session_number,
        "history": [list(each) for each in history.get_range()], "store": history.hist_file,
        "threads": len(threading.enumerate()), "modules": sorted(sys.modules),
        "main": {name: str(main.get(name)) for name in ("__file__", "__name__")},
    })
"""
#: What the adoption itself leaves: modules of the standard library, which are loaded and nothing else.
LOADED = {"tempfile", "random", "pathlib", "time"}


class Kernels:
    """Starts kernels as the agent does."""

    def __init__(self, folder: Path) -> None:
        self.runtime = ProcessRuntime(sys.executable, guardian := Guardian())
        self.launcher = KernelLauncher(self.runtime, guardian.make_folder())
        self.idle, self.work = folder / "idle", folder / "work"
        self.idle.mkdir()
        self.work.mkdir()
        self.base = {**base_variables(sys.executable, self.idle), "TZ": "UTC", "ONLY_IDLE": "1"}
        self.warm = WarmKernels(self.launcher, 1, self.base, self.idle)

    async def fresh(self, environment: dict[str, str]) -> Kernel:
        return await self.launcher.start(default_program(sys.executable), environment, self.work)

    async def adopted(self, environment: dict[str, str], **extra: str) -> tuple[Kernel, int]:
        """Return the kernel that an execution is given, and the process that waited."""
        running = asyncio.create_task(self.warm.run())
        await self.warm.filled.wait()
        running.cancel()
        waiting = self.warm._ready[0].process.pid
        program = default_program(sys.executable)
        return await self.warm.get(program, {**environment, **extra}, extra, self.work), waiting


@pytest.fixture
async def kernels(tmp_path: Path) -> AsyncIterator[Kernels]:
    kernels = Kernels(tmp_path)
    yield kernels
    await kernels.warm.aclose()
    await kernels.launcher.aclose()
    await kernels.runtime.aclose()


async def evaluate(kernel: Kernel, expression: str) -> str:
    request = kernel.client.execute("pass", silent=True, store_history=False, user_expressions={"it": expression})
    while (reply := await kernel.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != request:
        pass
    answer = reply["content"]["user_expressions"]["it"]
    assert answer["status"] == "ok", answer
    text: str = answer["data"]["text/plain"]
    return text


async def look(kernel: Kernel) -> dict[str, Any]:
    """Return what a kernel knows of its start; what lies in its own folder is named alike for all."""
    names = "{'get_ipython': get_ipython, 'user': globals()}"
    code = f"(lambda names: (exec({PROBE!r}, names), names['probe']())[1])({names})"
    text = str(eval(await evaluate(kernel, code)))
    place = await evaluate(kernel, "get_ipython().ipython_dir")
    seen: dict[str, Any] = json.loads(text.replace(eval(place).rpartition("/")[0], "PLACE"))
    return seen


async def test_a_kernel_that_waited_is_as_one_that_was_started_for_its_execution(kernels: Kernels) -> None:
    environment = {
        **kernels.base,
        "TZ": "Asia/Kathmandu",
        "WHO": "ada",
        "TMPDIR": str(kernels.work),
    }
    del environment["ONLY_IDLE"]
    (kernel, waiting), fresh = await kernels.adopted(environment), await kernels.fresh(environment)
    try:
        assert kernel.process.pid == waiting
        adopted, expected = await look(kernel), await look(fresh)
        assert set(adopted.pop("modules")) - set(expected.pop("modules")) <= LOADED
        for seen in (adopted, expected):
            del seen["environment"][guard.MARK]  # which says whose it is
        for name, value in expected.items():
            assert adopted[name] == value, name
        assert adopted["environment"]["PWD"] == adopted["folder"] == adopted["_dh"][0] == str(kernels.work)
    finally:
        await kernel.aclose()
        await fresh.aclose()


@pytest.mark.parametrize(
    "name", ["LC_ALL", "LANG", "PYTHONHASHSEED", "LD_PRELOAD", "HOME", "IPYTHON_X", "JUPYTER_PATH"]
)
def test_what_only_counts_at_a_start_needs_a_fresh_one(name: str) -> None:
    assert needs_fresh_start({name: "x"})


async def test_a_kernel_of_another_locale_is_started_for_it(kernels: Kernels) -> None:
    kernel, waiting = await kernels.adopted(kernels.base, LC_ALL="C")
    try:
        assert kernel.process.pid != waiting
        assert await evaluate(kernel, "__import__('os').environ['LC_ALL']") == "'C'"
    finally:
        await kernel.aclose()


async def test_a_kernel_that_died_while_it_waited_is_not_handed_out(kernels: Kernels) -> None:
    async def die() -> None:
        await kernels.warm.filled.wait()
        os.kill(kernels.warm._ready[0].process.pid, signal.SIGKILL)
        await kernels.warm._ready[0].process.wait()

    running = asyncio.create_task(kernels.warm.run())
    await die()
    running.cancel()
    kernel = await kernels.warm.get(default_program(sys.executable), kernels.base, {}, kernels.work)
    try:
        assert await evaluate(kernel, "1 + 1") == "2"
    finally:
        await kernel.aclose()


async def test_a_kernel_that_was_stopped_while_it_waited_goes_on_for_its_execution(kernels: Kernels) -> None:
    running = asyncio.create_task(kernels.warm.run())
    await kernels.warm.filled.wait()
    running.cancel()
    kernels.warm._ready[0].process.pause()
    kernel = await kernels.warm.get(default_program(sys.executable), kernels.base, {}, kernels.work)
    try:
        assert await evaluate(kernel, "__import__('os').getcwd()") == repr(str(kernels.work))
    finally:
        await kernel.aclose()


async def test_a_kernel_that_cannot_become_its_executions_ends_and_runs_nothing(kernels: Kernels) -> None:
    kernel, _ = await kernels.adopted(kernels.base)
    kernels.work.rmdir()
    kernel.client.execute(f"open({str(kernels.idle / 'ran')!r}, 'w')")
    try:
        assert await asyncio.wait_for(kernel.process.wait(), 60) == 1
        await kernel.last_words()
        assert "FileNotFoundError" in "".join(kernel.words)
        assert not (kernels.idle / "ran").exists()
    finally:
        await kernel.aclose()


async def test_a_kernel_that_dies_while_it_is_prepared_is_not_waited_for(kernels: Kernels) -> None:
    kernel = await kernels.fresh(kernels.base)
    kernel.process.pause()
    preparing = asyncio.create_task(kernel.prepare())
    await asyncio.sleep(0)
    kernel.process.kill()
    with pytest.raises(Failure, match="ended with exit status -9") as failure:
        await asyncio.wait_for(preparing, 30)
    assert failure.value.ending.reason is Reason.NO_KERNEL
    await kernel.aclose()
