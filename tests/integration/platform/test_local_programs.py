"""``make up`` and ``make demo``, as the programs they are: what they print, what they leave, what they find again."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from perijove_local.home import AlreadyRunning, Home
from perijove_local.processes import processes_of
from stories import run

from perijove.client.client import Client
from perijove.model.status import Status
from perijove.ports import free_ports

Program = Callable[[str, int], "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


@pytest.fixture
def program(root: Path, home: Home) -> Iterator[Program]:
    """Start one of the programs on `home` and a port; whatever a failing test leaves of them is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str, port: int) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PORT": str(port),
            "PYTHONPATH": str(root / "deploy"),
            "PERIJOVE_DATA_DIR": str(home.path),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", f"perijove_local.{name}"], cwd=root, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate()


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return what a program printed up to the line that holds `words`."""
    assert process.stdout is not None
    printed = ""
    while words not in printed:
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()}:\n{printed}"
        printed += line
    return printed


def _client(home: Home) -> Client:
    env = home.read_env()
    return Client(env["PERIJOVE_URL"], env["PERIJOVE_TOKEN"])


def _log(client: Client, execution: str) -> str:
    return b"".join(client.executions.log(execution)).decode()


def test_up_stops_everything_and_a_second_start_finds_all_state(home: Home, program: Program) -> None:
    (port,) = free_ports(1)
    first = program("up", port)
    _read_until(first, "Ctrl-C stops everything.")
    with _client(home) as client:
        story = run(client, "print('kept')")
    token = home.read_env()["PERIJOVE_TOKEN"]
    first.send_signal(signal.SIGINT)
    printed, _ = first.communicate(timeout=60)
    assert first.returncode == 0, printed
    assert processes_of(home.path) == []

    second = program("up", port)
    _read_until(second, "Ctrl-C stops everything.")
    assert home.read_env()["PERIJOVE_TOKEN"] == token
    with _client(home) as client:
        assert client.executions.get(story.id).status is Status.COMPLETE
        assert "kept" in _log(client, story.id)
        assert run(client, "print('again')").end.number == 2
    second.send_signal(signal.SIGTERM)
    printed, _ = second.communicate(timeout=60)
    assert second.returncode == 0, printed
    assert processes_of(home.path) == []


def test_the_demo_shows_the_example_and_leaves_nothing_running(home: Home, program: Program) -> None:
    demo = program("demo", free_ports(1)[0])
    printed, _ = demo.communicate(timeout=150)
    assert demo.returncode == 0, printed
    assert '"epoch": 30' in printed
    assert "accuracy" in printed.partition("is complete")[2]
    assert "Executed notebook: http://127.0.0.1:" in printed
    assert processes_of(home.path) == []


def test_up_names_a_port_that_is_taken(program: Program) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        up = program("up", port)
        printed, _ = up.communicate(timeout=60)
    assert up.returncode == 1
    assert f"Port {port} is taken" in printed
    assert "Traceback" not in printed


def test_one_folder_has_one_platform(home: Home, program: Program) -> None:
    with home.lock():
        with pytest.raises(AlreadyRunning):
            home.lock()
        up = program("up", free_ports(1)[0])
        printed, _ = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "already runs" in printed


def test_the_env_file_is_its_owners_and_a_shell_can_source_it(home: Home) -> None:
    home.make()
    home.write_env("http://127.0.0.1:1/services/perijove/", "secret")
    assert stat.S_IMODE(home.env.stat().st_mode) == 0o600
    shell = subprocess.run(
        ["sh", "-c", f". {home.env} && printenv PERIJOVE_TOKEN"], capture_output=True, text=True, check=True
    )
    assert shell.stdout == "secret\n"
    assert home.read_env()["PERIJOVE_URL"] == "http://127.0.0.1:1/services/perijove/"
