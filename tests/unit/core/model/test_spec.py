from __future__ import annotations

import pytest
from pydantic import ValidationError

from perijove.model.resources import CopyExecution
from perijove.model.spec import Spec


def command(**fields):
    return Spec.model_validate({"group": "local", "command": ["true"], **fields})


def test_a_spec_reads_its_yaml_names_and_its_python_names_alike():
    assert command(**{"time-limit": "2h"}) == command(time_limit=7200)


def test_a_spec_survives_the_way_to_json_and_back():
    spec = command(parameters={"a": [1, {"b": None}], "c": True}, inputs=[{"name": "x", "uris": ["https://h/f"]}])
    assert Spec.model_validate(spec.as_json()) == spec


def test_true_stays_true_and_does_not_become_one():
    assert command(parameters={"flag": True, "count": 1}).as_json()["parameters"] == {"flag": True, "count": 1}


def test_a_single_command_may_be_written_as_text():
    assert command(command="make").command == ["make"]


@pytest.mark.parametrize(
    "fields",
    [
        {"command": None},
        {"notebook": {"path": "a.ipynb"}},
        {"command": []},
        {"command": ["  "]},
        {"command": ["a\0b"]},
        {"time-limit": -1},
        {"time-limit": 0},
        {"time-limit": "soon"},
        {"group": "a/b"},
        {"group": "a\0b"},
        {"title": "two\nlines"},
        {"code": "~abc"},
        {"image": "UPPER/case"},
        {"inputs": [{"name": "a/b", "uris": ["https://h/f"]}]},
        {"inputs": [{"name": "a", "uris": ["file:///etc/passwd"]}]},
        {"inputs": [{"name": "a", "uris": ["https://h"]}, {"name": "a", "uris": ["https://h"]}]},
        {"environment-variables": {"PERIJOVE_INPUTS": "x"}},
        {"environment-variables": {"A=B": "x"}},
        {"environment-variables": {"A\n": "x"}},
        {"environment-variables": {"A": "x\0"}},
        {"retries": -1},
        {"resources": {"cpus": 0}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_spec_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValidationError):
        command(**fields)


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"], ids=ascii)
def test_a_title_that_is_not_one_line_of_text_is_refused(character):
    with pytest.raises(ValidationError, match="one line"):
        command(title=f"a{character}[2J")
    with pytest.raises(ValidationError, match="one line"):
        CopyExecution(title=f"a{character}[2J")


def test_what_has_no_title_is_known_by_one_line_of_what_it_runs():
    assert command(title="mine").heading() == "mine"
    assert command(command=["cd a", "make\n\x1b[2J\x9b"]).heading() == "cd a ; make  [2J "
    assert len(command(command=["x" * 100_000]).heading()) == 200


def test_a_title_may_be_of_any_script():
    title = "\u202bتدريب\u202c · 学習 · e\u0301 · 👩\u200d🔬 <b>"
    assert command(title=title).title == title


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x.ipynb", "a/../../x.ipynb", "a//b", "./a", "a\\b", "a\0b"])
def test_a_notebook_s_path_stays_in_its_folder(path):
    with pytest.raises(ValidationError):
        Spec.model_validate({"group": "local", "notebook": {"path": path}})
