"""Bad input on the command line: exit status 2 with a code, a sentence and a hint; nothing is sent or left behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stories import notebook, run

from perijove.client.client import Client

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Arrange = Callable[[Path], object]


def _typed() -> dict[str, Any]:
    document = notebook("epochs = 3", "print(epochs)")
    document["cells"][0]["metadata"]["tags"] = ["parameters"]
    return document


def _write(name: str, content: str | bytes) -> Arrange:
    data = content.encode() if isinstance(content, str) else content
    return lambda project: (project / name).write_bytes(data)


def _link(name: str, target: str) -> Arrange:
    return lambda project: (project / name).symlink_to(target)


def _nothing(_project: Path) -> None:
    """Arrange nothing: the project has its good notebook ``n.ipynb``."""


_PROSE = json.dumps({**notebook(), "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "prose"}]})

#: What is wrong: (what lies in the project besides ``n.ipynb``, the arguments, the code of the refusal).
_BAD: dict[str, tuple[Arrange, list[str], str]] = {
    "not a notebook": (_write("x.ipynb", "hello"), ["run", "x.ipynb"], "invalid_notebook"),
    "JSON that is not a notebook": (_write("x.ipynb", "{}"), ["run", "x.ipynb"], "invalid_notebook"),
    "no such notebook": (_nothing, ["run", "missing.ipynb"], "invalid_notebook"),
    "no code cells": (_write("x.ipynb", _PROSE), ["run", "x.ipynb"], "invalid_notebook"),
    "an unknown cell id": (_nothing, ["run", "n.ipynb", "--cells", "no-such-cell"], "unknown_cell"),
    "a cell position beyond the end": (_nothing, ["run", "n.ipynb", "--cells", "2-99"], "unknown_cell"),
    "a parameter of the wrong type": (_nothing, ["run", "n.ipynb", "-p", "epochs=many"], "invalid_parameter"),
    "a parameter with an impossible name": (_nothing, ["run", "n.ipynb", "-p", "a b=1"], "invalid_parameter"),
    "a parameter without a value": (_nothing, ["run", "n.ipynb", "-p", "epochs"], "usage"),
    "an unknown group": (_nothing, ["run", "n.ipynb", "--group", "no-such-group"], "unknown_group"),
    "an image on a process group": (_nothing, ["run", "n.ipynb", "--image", "python:3.12"], "image_not_supported"),
    "a snapshot over the limit": (_write("big.bin", os.urandom(6 * 2**20)), ["run", "n.ipynb"], "snapshot_too_large"),
    "a symlink that leaves the folder": (_link("data.txt", "/etc/hostname"), ["run", "n.ipynb"], "invalid_path"),
    "a symlink up and out": (_link("data", "../.."), ["run", "n.ipynb"], "invalid_path"),
    "an input name with a slash": (
        _nothing,
        ["run", "n.ipynb", "--input", "a/b=https://example.org/x"],
        "invalid_spec",
    ),
    "a name with a NUL": (_write("p.yaml", '"a\\0b": 1\n'), ["run", "n.ipynb", "-f", "p.yaml"], "invalid_parameter"),
    "a title with a control character": (_nothing, ["run", "n.ipynb", "--title", "a\nb"], "invalid_spec"),
    "a negative limit": (_nothing, ["run", "n.ipynb", "--time-limit=-5"], "invalid_spec"),
    "a parameters file that isn't YAML": (_write("p.yaml", "{"), ["run", "n.ipynb", "-f", "p.yaml"], "usage"),
    "an option nobody knows": (_nothing, ["run", "n.ipynb", "--colour", "blue"], "usage"),
    "nothing to run": (_nothing, ["run"], "usage"),
    "an unknown execution": (_nothing, ["show", "99999"], "unknown_execution"),
    "a reference that names nothing": (_nothing, ["show", "a//b"], "invalid_request"),
    "a command nobody knows": (_nothing, ["dance"], "usage"),
}


def _refused(done: subprocess.CompletedProcess[str], code: str) -> None:
    """Check that a command refused as it should: for a program here, and so for a person too."""
    assert done.returncode == 2, done.stdout + done.stderr
    error = json.loads(done.stderr.strip().splitlines()[-1])["error"]
    assert error["code"] == code, error
    assert error["message"].strip()
    assert error["hint"].strip(), error
    assert "Traceback" not in done.stderr


@pytest.fixture
def project(tmp_path: Path, cli: Cli) -> Path:
    """The folder the command runs in, with one good notebook."""
    folder = tmp_path / "project"
    (folder / "n.ipynb").write_text(json.dumps(_typed()))
    return folder


@pytest.mark.parametrize(("arrange", "arguments", "code"), _BAD.values(), ids=_BAD.keys())
def test_bad_input_is_refused_and_leaves_nothing(
    cli: Cli,
    project: Path,
    tmp_path: Path,
    traces: Callable[[], object],
    arrange: Arrange,
    arguments: list[str],
    code: str,
) -> None:
    arrange(project)
    files, kept = sorted(project.iterdir()), traces()
    detach = ["--detach"] if arguments[0] == "run" else []
    _refused(cli(arguments[0], "--json", *detach, *arguments[1:]), code)
    assert traces() == kept
    assert sorted(project.iterdir()) == files
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("token", ["wrong", "f" * 64])
def test_a_wrong_token_is_refused(cli: Cli, project: Path, traces: Callable[[], object], token: str) -> None:
    kept = traces()
    _refused(cli("run", "--json", "--detach", "n.ipynb", PERIJOVE_TOKEN=token), "unauthenticated")
    assert traces() == kept


def test_an_expired_token_is_refused(cli: Cli, project: Path, traces: Callable[[], object], expired_token: str) -> None:
    kept = traces()
    _refused(cli("run", "--json", "--detach", "n.ipynb", PERIJOVE_TOKEN=expired_token), "unauthenticated")
    assert traces() == kept


@pytest.mark.parametrize("command", ["show", "logs", "stop", "rerun", "outputs", "notebook", "why"])
def test_another_users_execution_is_not_found(cli: Cli, bob: Client, command: str) -> None:
    theirs = next(bob.executions.list(limit=1), None)
    _refused(cli(command, (theirs or run(bob, "print('mine')")).id, "--json"), "unknown_execution")


def test_a_person_reads_a_sentence_and_a_hint(cli: Cli, project: Path) -> None:
    done = cli("run", "n.ipynb", "--group", "no-such-group")
    assert done.returncode == 2
    assert "worker group" in done.stderr
    assert "Hint: " in done.stderr
