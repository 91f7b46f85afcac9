from __future__ import annotations

import json
import os

import httpx
import nbformat
import pytest
from rights import bound_by_modes

EXECUTED = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with a notebook, which is the current folder."""
    cells = [nbformat.v4.new_code_cell("epochs = 1", metadata={"tags": ["parameters"]}),
             nbformat.v4.new_code_cell("print(epochs)"), nbformat.v4.new_markdown_cell("# Done")]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "train.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells[2:]), tmp_path / "prose.ipynb")
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / ".perijoveignore").write_text("*.log\n")
    (tmp_path / "old.log").write_text("old")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def accepted(service, execution, story):
    """The service takes any snapshot, and the execution completes."""
    made = execution()
    story(made, {"kind": "log", "stream": "stdout", "text": "hello\n"})
    group = {"name": "local", "description": "", "runtime": "process", "image": None, "provider": "process"}
    group |= dict.fromkeys(["min_workers", "max_workers", "grace_period", "workers", "idle", "waiting", "running"], 0)
    service.json("GET groups/local", {**group, "capacity": {}})
    service.json("POST executions", made, 201)
    code = {"id": "~1", "project": "p", "size": 1, "created_by": "a", "created_at": "2026-11-20T00:00:00Z"}
    service.error("GET code/*", 422, "unknown_code", "That code version is not stored.")
    service.json("PUT code/*", code, 201)
    return made


def test_a_notebook_is_followed_to_its_end(perijove, service, project, accepted):
    told = perijove(
        "run",
        "train.ipynb",
        "-p",
        "epochs=5",
        "--group",
        "local",
        "--title",
        "T",
        "--tag",
        "a",
        "--tag",
        "b",
        "-e",
        "X=1",
        "--input",
        "d=datum://1",
        "--time-limit",
        "2h",
        "--memory",
        "1G",
    )
    assert (told.status, told.out) == (0, "hello\n")
    (body,) = service.bodies("POST executions")
    spec = body["spec"]
    assert spec.pop("code").startswith("~")
    assert spec.pop("notebook")["path"] == "train.ipynb"
    assert spec == {
        "group": "local",
        "title": "T",
        "tags": ["a", "b"],
        "parameters": {"epochs": 5},
        "environment-variables": {"X": "1"},
        "inputs": [{"name": "d", "uris": ["datum://1"]}],
        "resources": {"memory": 1 << 30},
        "time-limit": 7200,
    }


def test_the_snapshot_is_described_before_it_goes(perijove, service, project, accepted):
    told = perijove("run", "train.ipynb", "--group", "local")
    lines = told.err.splitlines()
    assert lines[0].startswith(f"Snapshot of {project}: ")
    assert "1 ignored" in lines[0]


def test_chosen_cells_are_told_with_what_they_need(perijove, service, project, accepted):
    told = perijove("run", "train.ipynb", "--group", "local", "--cells", "2")
    assert "Cells: 1 chosen cell, and 1 more, for epochs." in told.err.splitlines()


def test_detached_it_is_submitted_and_left(perijove, service, project, accepted):
    told = perijove("run", "train.ipynb", "--group", "local", "--detach")
    assert (told.status, told.out) == (0, "")
    assert told.err.splitlines()[-1] == f"Execution ann/12: {accepted['url']}"
    assert perijove("run", "train.ipynb", "--group", "local", "--detach", "-q").out == "ann/12\n"
    as_json = perijove("run", "train.ipynb", "--group", "local", "--detach", "--json").out
    assert json.loads(as_json)["id"] == accepted["id"]


def test_json_lines_end_with_the_final_execution(perijove, service, project, accepted):
    told = perijove("run", "train.ipynb", "--group", "local", "--json")
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line.get("event") for line in lines] == ["execution", "record", None]
    assert lines[-1] == accepted
    assert told.err == ""


def test_the_executed_notebook_is_written_where_it_was_asked_for(perijove, service, project, accepted):
    service.answers[f"GET executions/{accepted['id']}/notebook"] = httpx.Response(200, text=EXECUTED)
    assert perijove("run", "train.ipynb", "--group", "local", "-o", "done/out.ipynb").status == 0
    assert (project / "done" / "out.ipynb").read_text() == EXECUTED


def test_an_execution_that_left_no_notebook_is_told(perijove, service, project, accepted):
    told = perijove("run", "train.ipynb", "--group", "local", "-o", "out.ipynb")
    assert told.status == 0
    assert "out.ipynb was not written" in told.err
    assert not (project / "out.ipynb").exists()


def test_a_command_is_one_shell_line(perijove, service, project, accepted):
    told = perijove("run", "--group", "local", "-p", "lr=0.1", "--", "python", "helper.py", "{parameters}", "--help")
    assert told.status == 0
    (body,) = service.bodies("POST executions")
    assert body["spec"]["command"] == ["python helper.py {parameters} --help"]
    assert body["spec"]["parameters"] == {"lr": 0.1}


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.ipynb",),
        ("helper.py",),
        ("prose.ipynb",),
        (".",),
        ("train.ipynb", "--cells", "9"),
        ("train.ipynb", "--cells", "nonsense"),
        ("train.ipynb", "-p", "epochs=many"),
        ("train.ipynb", "-p", "unknown=1"),
        ("train.ipynb", "--time-limit", "-5"),
        ("train.ipynb", "--time-limit", "soon"),
        ("train.ipynb", "--cpus", "0"),
        ("train.ipynb", "--group", "a/b"),
        ("train.ipynb", "--input", "d=file:///etc/passwd"),
        ("train.ipynb", "--title", "a\0b"),
        ("train.ipynb", "-e", "PERIJOVE_TOKEN=1"),
        ("train.ipynb", "--image", "Not An Image"),
        ("train.ipynb", "--image", "python:3.12"),
        ("train.ipynb", "--group", "nope"),
        ("train.ipynb", "--root", "/nowhere"),
    ],
    ids=" ".join,
)
def test_bad_input_exits_2_with_a_sentence_and_creates_nothing(perijove, service, project, accepted, arguments):
    told = perijove("run", "--group", "local", *arguments)
    assert told.status == 2
    assert told.err.splitlines()[-1].startswith(("Error: ", "Hint: "))
    assert "Traceback" not in told.err
    assert {request.method for request in service.asked} <= {"GET"}


def test_a_link_that_leaves_the_folder_exits_2(perijove, service, project, accepted):
    (project / "link").symlink_to("/etc/passwd")
    assert perijove("run", "train.ipynb", "--group", "local").status == 2
    assert service.bodies("POST executions") == []


def test_whatever_lies_in_the_project_folder_the_run_goes_and_says_what_stays(perijove, service, project, accepted):
    (project / "loop").symlink_to("loop")
    (project / "there").symlink_to("back")
    (project / "back").symlink_to("there")
    os.mkfifo(project / "pipe")
    (project / "secret").touch(mode=0)
    (project / "closed").mkdir(mode=0)
    with bound_by_modes():
        told = perijove("run", "--group", "local", "--", "echo", "hi")
    assert told.status == 0
    assert "Traceback" not in told.err
    for name in ("loop is a link that leads nowhere but to links", "pipe is a pipe", "secret stays", "closed/ stays"):
        assert f"Note: {name}" in told.err


def test_a_notebook_that_is_a_link_to_itself_exits_2_with_a_sentence(perijove, service, project, accepted):
    (project / "loop.ipynb").symlink_to("loop.ipynb")
    told = perijove("run", "loop.ipynb", "--group", "local")
    assert told.status == 2
    assert "Traceback" not in told.err


def test_the_service_may_refuse(perijove, service, project, accepted):
    service.error("POST executions", 422, "unknown_datum", "There is no such input.", "Look.")
    told = perijove("run", "train.ipynb", "--group", "local", "--input", "a=datum://x")
    assert (told.status, told.err.splitlines()[-2:]) == (
        2,
        ["Error: There is no such input.", "Hint: Look."],
    )
