"""Variables as plain data, written as a worker would and read here."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy
import pytest

from perijove.magics import cells
from perijove.magics.data import read_data
from perijove.magics.failures import UnreadableResults


@pytest.fixture
def leave(tmp_path, monkeypatch):
    """Write variables as the worker's cell does; return the file."""
    monkeypatch.setenv("PERIJOVE_OUTPUTS", str(tmp_path))

    def leave(**values):
        exec(cells.writing([*values], data=True), dict(values))
        return tmp_path / cells.DATA

    return leave


def test_plain_values_and_arrays_come_back_as_they_were(leave):
    values = read_data(leave(a=[1, 2.5, None, True, {"b": "ü"}], b="text", c=numpy.eye(2, dtype="float32")))
    assert values["a"] == [1, 2.5, None, True, {"b": "ü"}]
    assert values["b"] == "text"
    assert (values["c"].dtype, values["c"].tolist()) == (numpy.dtype("float32"), [[1.0, 0.0], [0.0, 1.0]])


def test_a_number_of_numpys_comes_back_as_one(leave):
    value = read_data(leave(x=numpy.float64(0.25)))["x"]
    assert (type(value), value) == (numpy.float64, 0.25)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        lambda: 1,
        numpy.array([object()]),
        {1, 2},
        {0: 0.5},
        [{"epochs": ({None: 1},)}],
        numpy.ma.array([1, 2], mask=[False, True]),
        pytest.param(10**5000, id="an integer of 5,001 digits"),
    ],
)
def test_what_is_no_data_is_refused_by_name(leave, value):
    with pytest.raises(TypeError, match="'x' can't be brought back as data"):
        leave(x=value)


def _npy(shape):
    """Return an array's file that says a shape, and holds nothing."""
    buffer = io.BytesIO()
    numpy.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        {"x.npy": b"nonsense"},
        {"x.npy": _npy((1 << 60,))},
        {"x.json": b"{"},
        {"x.json": b"[" * 100_000},
        {"x.pkl": b"cos\nsystem\n(S'exit 1'\ntR."},
        {"../x.exe": b""},
    ],
)
def test_a_file_of_another_making_is_refused_and_runs_nothing(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableResults, match="can't be read here"):
        read_data(tmp_path / "x.zip")


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([{"a": 1}]), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.npy", buffer.getvalue())
    with pytest.raises(UnreadableResults, match="allow_pickle=False"):
        read_data(tmp_path / "x.zip")


def test_a_file_that_unpacks_to_more_than_it_has_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", json.dumps("x" * 1_000_000))
    with pytest.raises(UnreadableResults, match="compressed"):
        read_data(tmp_path / "x.zip")


@pytest.mark.parametrize(("data", "name"), [(False, cells.BROUGHT), (True, cells.DATA)])
def test_the_process_that_writes_says_what_it_wrote(shell, tmp_path, monkeypatch, data, name):
    monkeypatch.setenv("PERIJOVE_OUTPUTS", str(tmp_path))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    exec("a = [1, 2]\n" + cells.writing(["a"], data=data), {"__name__": "x"})
    (shown,) = shell.display_pub.outputs
    said = shown["data"][cells.DIGEST]
    assert said == {"file": name, "sha256": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}
