from __future__ import annotations

import asyncio
import pickle
import socket
import threading

import pytest

from perijove.errors import TooLarge
from perijove.magics.failures import UnpicklableVariable
from perijove.magics.pickling import write_variables


class Model:
    def __init__(self, part):
        self.part = part


class Stubborn:
    def __reduce__(self):
        raise RuntimeError("I stay.\nReally.")


def _closure(captured):
    return lambda: captured


def _coroutine():
    made = asyncio.sleep(0)
    made.close()
    return made


CULPRITS = {
    "a lock": (threading.Lock, "'x' can't be sent: it is a lock"),
    "a condition": (threading.Condition, "'x' can't be sent: it is a lock"),
    "a generator": (lambda: (i for i in ()), "it is a generator"),
    "a coroutine": (_coroutine, "it is a coroutine"),
    "a lock in a list in a dict": (lambda: {"a": [1, threading.Lock()]}, "x['a'][1] is a lock"),
    "a lock in a set's element": (lambda: {Model(threading.Lock())}, "an element of x.part is a lock"),
    "a lock in an object": (lambda: Model(Model(threading.Lock())), "x.part.part is a lock"),
    "a lock in a method's object": (lambda: Model(threading.Lock()).__init__, "x.__self__.part is a lock"),
    "a lock in a closure": (lambda: _closure(threading.Lock()), "captured, which x uses is a lock"),
    "an object that refuses": (Stubborn, "Stubborn, can't be pickled: I stay."),
}


@pytest.mark.parametrize("name", CULPRITS)
def test_what_cannot_be_pickled_is_found_and_named(tmp_path, name):
    make, sentence = CULPRITS[name]
    with pytest.raises(UnpicklableVariable) as caught:
        write_variables({"fine": 1, "x": make()}, tmp_path / "v")
    assert sentence in caught.value.message
    assert caught.value.hint


def test_an_open_file_is_named(tmp_path):
    with (tmp_path / "open").open("w") as file, pytest.raises(UnpicklableVariable, match="an open file") as caught:
        write_variables({"log": [file]}, tmp_path / "v")
    assert "path" in caught.value.hint


def test_a_socket_is_named_with_its_type(tmp_path):
    with socket.socket() as made, pytest.raises(UnpicklableVariable, match=r"it, a socket\.socket, can't be pickled"):
        write_variables({"s": made}, tmp_path / "v")


def test_a_structure_that_holds_itself_is_searched_once(tmp_path):
    held = {"lock": threading.Lock()}
    held["self"] = held
    with pytest.raises(UnpicklableVariable, match="lock"):
        write_variables({"held": held}, tmp_path / "v")


def test_the_size_is_that_of_the_file(tmp_path):
    size = write_variables({"a": list(range(1000)), "b": b"x" * 100_000}, tmp_path / "v")
    assert size == (tmp_path / "v").stat().st_size > 100_000


def test_what_variables_share_stays_shared(tmp_path):
    inner = [1]
    write_variables({"a": inner, "b": {"inner": inner}}, tmp_path / "v")
    back = pickle.loads((tmp_path / "v").read_bytes())
    assert back["b"]["inner"] is back["a"]


def test_functions_of_the_session_go_by_value(session, service):
    session.run("k = 3\ndef f(x): return k * x")
    session.run("%%remote --in f\nf(2)")
    assert pickle.loads(service.sent_files()[".perijove-variables.pkl"])["f"](2) == 6


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"big": b"x" * 900, "small": b"y"}, "'big' alone has more than 500 B"),
        ({"a": b"x" * 300, "b": b"y" * 290}, "the largest, 'a', has"),
    ],
)
def test_more_than_the_limit_is_refused_naming_the_largest(tmp_path, values, sentence):
    with pytest.raises(TooLarge, match=sentence):
        write_variables(values, tmp_path / "v", limit=500)
    assert (tmp_path / "v").stat().st_size <= 500
