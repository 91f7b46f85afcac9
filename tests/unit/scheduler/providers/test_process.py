"""The process provider, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import psutil
import pytest

from perijove.errors import Unavailable
from perijove.model.spec import Resources
from perijove_scheduler.providers.process import ProcessProvider
from perijove_scheduler.providers.protocol import LastWords, Order

ORDER = Order("local", "wk-00000000000000000000000000", "secret-token", Resources())
SLEEPER = "import time; time.sleep(600)"
REPORTER = """
import json, os, sys, time
report = {"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ), "session": os.getsid(0)}
with open(os.environ["PIPE"], "w") as pipe: json.dump(report, pipe)
time.sleep(600)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(os.environ["PIPE"], "w") as pipe: pipe.write(str(child.pid))
time.sleep(600)
"""


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_started_agent_is_alive_and_a_terminated_one_is_not(launch) -> None:
    started = launch(SLEEPER)
    machine = await started.start()
    assert await started.provider.alive([machine]) == [True]
    await started.provider.terminate(machine)
    assert await started.provider.alive([machine]) == [False]
    assert not started.made()


async def test_the_first_state_is_yielded_before_anything_is_made(launch) -> None:
    started = launch(SLEEPER)
    steps = started.provider.start(started.order)
    first = await anext(steps)
    assert "pid" not in first
    started.states.append(first)
    assert not started.made()
    started.states.append(await anext(steps))
    assert started.made()


async def test_an_agent_is_told_its_group_its_id_and_where_its_token_lies(launch) -> None:
    started = launch(REPORTER)
    machine = await started.start()
    told = json.loads(await started.report())
    options = dict(zip(told["argv"][::2], told["argv"][1::2], strict=True))
    assert options["--group"] == "local"
    assert options["--worker"] == started.worker
    assert options["--url"] == "http://127.0.0.1:1/"
    assert options["--token-file"] == f"{machine['folder']}/token"
    assert started.token() == ("secret-token", 0o600)
    assert (options["--cpus"], options["--memory"], options["--gpus"]) == ("1.5", "1024", "0")
    assert told["cwd"] == machine["folder"]


async def test_an_agent_is_detached_and_does_not_see_the_services_secrets(launch, monkeypatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-hubs-own-token")
    started = launch(REPORTER)
    machine = await started.start()
    told = json.loads(await started.report())
    assert told["session"] == machine["pid"] != os.getsid(0)
    assert "the-hubs-own-token" not in told["env"].values()
    assert await started.provider.alive([machine]) == [True]


async def test_the_next_start_of_the_service_finds_an_agent_again(launch, tmp_path: Path) -> None:
    started = launch(SLEEPER)
    machine = json.loads(json.dumps(await started.start()))
    await started.provider.aclose()
    successor = ProcessProvider(data_dir=str(tmp_path))
    assert await successor.alive([machine]) == [True]
    await successor.terminate(machine)
    assert await successor.alive([machine]) == [False]


async def test_an_agent_whose_pid_was_never_saved_is_found_by_its_name(launch, tmp_path: Path) -> None:
    started = launch(SLEEPER)
    await started.start()
    interrupted = started.states[0]
    assert "pid" not in interrupted
    successor = ProcessProvider(data_dir=str(tmp_path))
    assert await successor.alive([interrupted]) == [True]
    await successor.terminate(interrupted)
    assert await successor.alive([interrupted]) == [False]


async def test_a_pid_that_was_given_to_somebody_else_is_not_killed(launch) -> None:
    started = launch(SLEEPER)
    machine = {**await started.start()}
    stranger = {**machine, "worker": "wk-00000000000000000000000000", "created": machine["created"] - 3600}
    assert await started.provider.alive([stranger]) == [False]
    await started.provider.terminate({**stranger, "folder": ""})
    assert await started.provider.alive([machine]) == [True]


async def test_an_agent_on_another_host_is_left_to_its_own_replica(launch) -> None:
    started = launch(SLEEPER)
    machine = await started.start()
    elsewhere = {**machine, "host": "another.example"}
    assert await started.provider.alive([{**elsewhere, "pid": 2**22, "created": 0.0}]) == [True]
    await started.provider.terminate(elsewhere)
    assert await started.provider.alive([machine]) == [True]


async def test_an_agent_that_ignores_sigterm_is_killed_with_what_it_started(launch) -> None:
    started = launch(STUBBORN, stop_grace=0.05)
    machine = await started.start()
    kernel = int(await started.report())
    await started.provider.terminate(machine)
    assert await started.provider.alive([machine]) == [False]
    assert not runs(kernel)


async def test_an_agent_that_ended_is_not_alive_is_no_zombie_and_leaves_its_last_words(launch) -> None:
    started = launch("print('no such group'); raise SystemExit(3)")
    machine = await started.start()
    await asyncio.to_thread(os.waitid, os.P_PID, machine["pid"], os.WEXITED | os.WNOWAIT)
    assert await started.provider.alive([machine]) == [False]
    assert not psutil.pid_exists(machine["pid"])
    assert isinstance(started.provider, LastWords)
    assert await started.provider.last_words(machine) == "no such group"


async def test_old_logs_are_deleted_and_those_of_the_last_agents_kept(launch, tmp_path: Path) -> None:
    folder = tmp_path / "agents"
    folder.mkdir()
    for n in range(60):
        log = folder / f"wk-{n:026}.log"
        log.touch()
        os.utime(log, (n, n))
    await launch(SLEEPER).start()
    kept = sorted(path.name for path in folder.glob("wk-*.log") if path.stat().st_size == 0)
    assert kept[0] == f"wk-{10:026}.log"


async def test_a_command_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    provider = ProcessProvider(command=["/nowhere/agent"], data_dir=str(tmp_path))
    with pytest.raises(Unavailable, match="could not be started"):
        [state async for state in provider.start(ORDER)]


async def test_terminating_what_was_never_made_is_no_error(tmp_path: Path) -> None:
    provider = ProcessProvider(data_dir=str(tmp_path))
    await provider.terminate({"worker": "wk-00000000000000000000000000"})
    assert await provider.alive([{}]) == [False]
