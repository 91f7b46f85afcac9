"""Programs start as they would from a shell, and what cannot start says why."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from perijove_agent.runtime.protocol import Launch
from perijove_agent.runtime.spawn import Child, spawn


def ended(child: Child) -> tuple[int, str, str]:
    with child.stdout, child.stderr:
        return child.wait(), child.stdout.readall().decode(), child.stderr.readall().decode()


def test_a_program_has_its_folder_its_environment_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "a folder = $HOME"
    folder.mkdir()
    variables = {"PATH": os.environ["PATH"], "WHO": "a=b $x"}
    program = Launch(["env", "printf", "%s|", "a b", "$WHO", ""], variables, folder)
    assert ended(spawn(program)) == (0, "a b|$WHO||", "")
    status, printed, _ = ended(spawn(Launch(["env"], variables, folder)))
    assert status == 0
    assert {line.partition("=")[0] for line in printed.splitlines()} <= {"PATH", "WHO", "PWD", "SHLVL", "_"}
    assert f"PWD={folder}" in printed


def test_a_program_is_interrupted_though_the_agent_was_told_to_ignore_that(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        program = Launch(["sh", "-c", "trap 'exit 7' INT; kill -INT $$; exit 0"], dict(os.environ), tmp_path)
        assert ended(spawn(program))[0] == 7
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_receives_what_the_agent_has_blocked(tmp_path: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        assert ended(spawn(Launch(["sh", "-c", "kill -TERM $$"], dict(os.environ), tmp_path)))[0] == -signal.SIGTERM
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize(
    ("program", "error"),
    [("missing", FileNotFoundError), ("./missing", FileNotFoundError), ("./plain", PermissionError)],
)
def test_a_program_that_is_none_is_refused_before_anything_runs(
    tmp_path: Path, program: str, error: type[OSError]
) -> None:
    (tmp_path / "plain").write_text("no program")
    with pytest.raises(error):
        spawn(Launch([program], dict(os.environ), tmp_path))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        spawn(Launch(["true"], dict(os.environ), tmp_path / "gone"))
