from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode

from perijove import errors
from perijove.notebooks import digest, prepare

Make = Callable[..., NotebookNode]
Save = Callable[..., Path]


def test_a_notebook_is_prepared_for_its_submission(make: Make, save: Save) -> None:
    path = save(make("n = 1", "# text", "m = 2", "print(n)", tags={1: ["parameters"]}), "sub/train.ipynb")
    prepared = prepare(path, path.parent.parent, cells="4", parameters={"n": "5"}, kernel="python3")
    assert prepared.spec_notebook.path == "sub/train.ipynb"
    assert prepared.spec_notebook.sha256 == digest(prepared.document)
    assert (prepared.spec_notebook.cells, prepared.spec_notebook.context) == (["c4"], "needed")
    assert prepared.spec_notebook.kernel == "python3"
    assert [cell["id"] for cell in prepared.document["cells"]] == ["c1", "c4"]
    assert prepared.running == ["c1", "injected-parameters", "c4"]
    assert prepared.parameters == {"n": 5}
    assert [parameter.name for parameter in prepared.declared] == ["n"]
    assert prepared.needed is not None


def test_a_whole_notebook_names_no_cells(make: Make, save: Save) -> None:
    path = save(make("1"))
    prepared = prepare(path, path.parent)
    assert (prepared.spec_notebook.cells, prepared.spec_notebook.context) == (None, None)


def test_a_relative_path_starts_at_the_current_folder(make: Make, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(make("1"), "sub/a.ipynb")
    monkeypatch.chdir(path.parent)
    assert prepare("a.ipynb", "..").spec_notebook.path == "sub/a.ipynb"


def test_a_notebook_outside_the_project_folder_is_refused(make: Make, save: Save, tmp_path: Path) -> None:
    path = save(make("1"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/link.ipynb").symlink_to(path)
    for outside in (path, tmp_path / "other/link.ipynb", tmp_path / "other/../project/train.ipynb"):
        with pytest.raises(errors.InvalidPath, match="does not lie in"):
            prepare(outside, tmp_path / "other")


@pytest.mark.parametrize("name", ["a\nb.ipynb", "a\\b.ipynb"])
def test_a_name_the_platform_cannot_hold_is_refused(make: Make, save: Save, name: str) -> None:
    path = save(make("1"), name)
    with pytest.raises(errors.InvalidPath, match="can't be sent"):
        prepare(path, path.parent)


def test_a_kernel_that_is_no_name_is_refused(make: Make, save: Save) -> None:
    path = save(make("1"))
    with pytest.raises(errors.InvalidSpec, match="kernel"):
        prepare(path, path.parent, kernel="a/b")
