"""The cells that carry variables, executed as a worker would."""

from __future__ import annotations

import pickle
import sys
from collections import UserDict

import pytest

from perijove.magics import cells


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """A namespace in which cells run, with what a worker sets in the environment."""
    for name in ("REPOSITORY", "OUTPUTS"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(f"PERIJOVE_{name}", str(tmp_path / name.lower()))
    return {"__name__": "__main__"}


@pytest.fixture
def sent(tmp_path, worker):
    return (tmp_path / "repository" / cells.SENT).write_bytes


@pytest.fixture
def left(tmp_path):
    return lambda: pickle.loads((tmp_path / "outputs" / cells.BROUGHT).read_bytes())


def test_what_was_sent_is_there_by_name(worker, sent):
    sent(pickle.dumps({"a": 1, "b": [2]}))
    exec(cells.reading(["a", "b"]), worker)
    assert (worker["a"], worker["b"]) == (1, [2])


def test_what_was_sent_can_be_had_afresh(worker, sent):
    sent(pickle.dumps({"b": [2]}))
    exec(cells.reading(["b"]) + "\nb.append(3)\n" + cells.reading_again(["b"]), worker)
    assert worker["b"] == [2]


def test_a_package_that_is_missing_is_named(worker, sent):
    sent(b"cnot_installed_here\nThing\n.")
    with pytest.raises(ImportError, match=r"No module named 'not_installed_here'\. Install it there"):
        exec(cells.reading(["a"]), worker)


def test_what_cannot_be_read_is_said_in_a_sentence(worker, sent):
    sent(b"nonsense")
    with pytest.raises(RuntimeError, match="can't be read on this worker: UnpicklingError"):
        exec(cells.reading(["a"]), worker)


def test_another_python_is_told(worker, sent, monkeypatch, capsys):
    sent(pickle.dumps({"a": 1}))
    source = cells.reading(["a"]).replace(f"({sys.version_info.major}, {sys.version_info.minor})", "(3, 1)")
    exec(source, worker)
    assert "functions and classes sent by --in may not work" in capsys.readouterr().err
    exec(cells.reading(["a"]), worker)
    assert capsys.readouterr().err == ""


def test_results_are_left_together(worker, left):
    exec("a = [1]\nb = {'a': a}\nc = 3\n" + cells.writing(["a", "b"]), worker)
    assert left() == {"a": [1], "b": {"a": [1]}}
    assert left()["b"]["a"] is not None


def test_plain_pickle_is_enough_for_plain_objects(worker, left, monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    exec("a = [1]\n" + cells.writing(["a"]), worker)
    assert left() == {"a": [1]}


def test_a_result_that_is_not_there_is_named(worker):
    with pytest.raises(NameError, match="--out asks for 'b'"):
        exec("a = 1\n" + cells.writing(["a", "b"]), worker)


def test_a_result_that_cannot_be_pickled_is_named(worker):
    with pytest.raises(TypeError, match="'b' can't be brought back: cannot pickle"):
        exec("a = 1\nb = (i for i in ())\n" + cells.writing(["a", "b"]), worker)


def test_parameters_are_remembered_and_set_again(worker):
    exec(cells.parameters({"n": 3, "name": "x'y", "many": [1, None, True]}), worker)
    exec(cells.keeping(["n", "name"]) + "\nn = name = 0\n" + cells.restoring(["n", "name"]), worker)
    assert (worker["n"], worker["name"], worker["many"]) == (3, "x'y", [1, None, True])


def test_no_name_stays_behind_but_ours(worker, sent):
    sent(pickle.dumps({"a": UserDict(x=1)}))
    exec(cells.reading(["a"]) + "\n" + cells.writing(["a"]), worker)
    assert {name for name in worker if not name.startswith("_")} == {"a"}
