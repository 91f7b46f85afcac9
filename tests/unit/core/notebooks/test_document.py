from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from perijove import errors
from perijove.notebooks import digest, encode, load_notebook, read_notebook

Make = Callable[..., NotebookNode]
Save = Callable[..., Path]


def old(major: int, minor: int, cells: list[dict[str, Any]]) -> dict[str, Any]:
    if major == 4:
        return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}
    return {"nbformat": major, "nbformat_minor": minor, "metadata": {"name": "x"}, "worksheets": [{"cells": cells}]}


V3_CELLS = [
    {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Title"},
    {
        "cell_type": "code",
        "language": "python",
        "metadata": {},
        "input": ["x = 1\n", "x"],
        "outputs": [],
        "collapsed": False,
    },
]
V4_CELL = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [], "execution_count": None}


def test_a_current_notebook_is_read_as_it_is(make: Make, save: Save) -> None:
    document = make("x = 1", "# text")
    loaded = read_notebook(save(document))
    assert loaded.document == document
    assert loaded.notes == []


@pytest.mark.parametrize(
    ("data", "version"), [(old(3, 0, V3_CELLS), "3.0"), (old(4, 0, [V4_CELL]), "4.0"), (old(4, 4, [V4_CELL]), "4.4")]
)
def test_older_formats_are_upgraded_with_a_note(data: dict[str, Any], version: str) -> None:
    loaded = load_notebook(data)
    assert (loaded.document.nbformat, loaded.document.nbformat_minor) == (4, 5)
    assert loaded.notes == [f"The notebook was upgraded from nbformat {version} to 4.5; the file is as it was."]
    assert "orig_nbformat" not in loaded.document.metadata
    nbformat.validate(loaded.document)


def test_a_notebook_of_2013_keeps_its_content() -> None:
    cells = load_notebook(old(3, 0, V3_CELLS)).document.cells
    assert [(cell.cell_type, cell.source) for cell in cells] == [("markdown", "## Title"), ("code", "x = 1\nx")]


@pytest.mark.parametrize("data", [old(3, 0, V3_CELLS), old(4, 4, [V4_CELL, V4_CELL])])
def test_the_ids_of_an_upgraded_notebook_are_the_same_every_time(data: dict[str, Any]) -> None:
    first, second = (load_notebook(json.dumps(data)).document for _ in range(2))
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]
    assert len({cell.id for cell in first.cells}) == len(first.cells)


def test_an_id_given_by_position_does_not_depend_on_the_content() -> None:
    other = {**V4_CELL, "source": "y = 2"}
    ids = [load_notebook(old(4, 4, [cell])).document.cells[0].id for cell in (V4_CELL, other)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    "ids", [["a", "a"], ["a", "a b"], ["a", ""], ["a", None], ["a", 7], ["a", "a\n"], ["a", "x" * 65]]
)
def test_missing_double_and_invalid_ids_are_mended(ids: list[Any]) -> None:
    cells = [{**V4_CELL, **({} if cell is None else {"id": cell})} for cell in ids]
    found = load_notebook(old(4, 5, cells))
    assert found.document.cells[0].id == "a"
    assert found.document.cells[1].id not in {"a", ids[1]}
    assert [note.split(" got ")[0] for note in found.notes] == ([] if ids[1] is None else ["Cell 2"])


def test_a_given_id_never_meets_one_that_is_there() -> None:
    taken = load_notebook(old(4, 4, [V4_CELL])).document.cells[0].id
    found = load_notebook(old(4, 5, [V4_CELL, {**V4_CELL, "id": taken}])).document
    assert found.cells[1].id == taken
    assert found.cells[0].id != taken


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"print('hello')", "not JSON"),
        (b"\x89PNG\r\n", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "names no nbformat"),
        (b'"text"', "names no nbformat"),
        (b"{}", "names no nbformat"),
        (b'{"nbformat": "4"}', "names no nbformat"),
        (b'{"nbformat": 5}', "nbformat 5"),
        (b'{"nbformat": 0}', "nbformat 0"),
        (b'{"nbformat": 4}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [7]}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": []}', "not a valid notebook"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "x"}]}',
            "not a valid notebook",
        ),
        (b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{}]}', "not a valid notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "no code cells"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(errors.InvalidNotebook, match=reason) as caught:
        read_notebook(path)
    assert "x.ipynb" in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("name", ["missing.ipynb", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.InvalidNotebook, match="can't be read"):
        read_notebook(tmp_path / name)


def test_a_notebook_of_text_only_is_refused(make: Make, save: Save) -> None:
    with pytest.raises(errors.InvalidNotebook, match="no code cells"):
        read_notebook(save(make("# only text")))


def test_a_notebook_over_the_limit_is_refused(make: Make, save: Save) -> None:
    path = save(make("x = 1"))
    size = path.stat().st_size
    assert read_notebook(path, limit=size).notes == []
    with pytest.raises(errors.TooLarge, match="limit"):
        read_notebook(path, limit=size - 1)


def test_equal_documents_have_one_digest_whatever_the_order_of_their_keys() -> None:
    assert encode({"b": 1, "a": "é"}) == b'{"a":"\\u00e9","b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})


def test_half_of_a_character_in_a_cell_is_replaced_and_said() -> None:
    content = json.dumps(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 'A'")])).replace("A", "\\ud83d")
    loaded = load_notebook(content.encode())
    assert loaded.document.cells[0].source == "x = '\ufffd'"
    assert any("half of a character" in note for note in loaded.notes)
    json.dumps(loaded.document, ensure_ascii=False).encode()
