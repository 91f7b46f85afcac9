from __future__ import annotations

import nbformat
import pytest

from perijove.errors import InvalidNotebook
from perijove.widgets import Launcher

PARAMETERS = "epochs = 3  # how often\nrate = 0.1\nfast = True\nname = 'adam'\nlayers = [1, 2]\nseed = None"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = [
        nbformat.v4.new_code_cell(PARAMETERS, id="p", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("print(epochs)", id="c"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "train.ipynb")
    return tmp_path / "train.ipynb"


@pytest.fixture
def launch(client, connect, service):
    made = []

    def form(path=None):
        service.end()
        made.append(Launcher(path, client=client, connect=connect))
        return made[-1]

    yield form
    for each in made:
        each.close()


def fields(form):
    return {field.description: field for field in (*form.children[:2], *form.children[2].children, *form.children[3:6])}


def test_each_parameter_has_a_field_of_its_kind(launch, notebook):
    shown = {name: (type(field).__name__, field.value) for name, field in fields(launch(notebook)).items()}
    assert shown["epochs"] == ("IntText", 3)
    assert shown["rate"] == ("FloatText", 0.1)
    assert shown["fast"] == ("Checkbox", True)
    assert shown["name"] == ("Text", "adam")
    assert shown["layers"] == ("Text", "[1, 2]")
    assert shown["Group"] == ("Dropdown", "local")


def test_only_what_was_changed_is_sent(launch, notebook, service):
    form = launch(notebook)
    typed = fields(form)
    typed["epochs"].value, typed["layers"].value, typed["name"].value = 5, "[3]", "7"
    typed["Title"].value, typed["Tags"].value, typed["Time limit"].value = " a title ", "one, two,", "2h"
    form.children[6].click()
    spec = service.created[0]["spec"]
    assert spec["parameters"] == {"epochs": 5, "layers": [3], "name": "7"}
    assert (spec["title"], spec["tags"], spec["time-limit"], spec["group"]) == (
        "a title",
        ["one", "two"],
        7200,
        "local",
    )


def test_a_submission_shows_its_execution(launch, notebook, service):
    form = launch(notebook)
    form.submit()
    assert form.execution.id == service.id
    assert form.children[8].children[0].wait(20)
    assert form.children[7].value == ""


def test_a_second_submission_replaces_the_first_view(launch, notebook, service):
    form = launch(notebook)
    form.submit()
    first = form.children[8].children[0]
    form.submit()
    assert [*form.children[8].children] != [first]
    assert first.comm is None


def test_what_is_wrong_is_said_below_the_form(launch, notebook, service):
    form = launch(notebook)
    fields(form)["Time limit"].value = "soon"
    form.submit()
    assert "must be a number of seconds" in form.children[7].value
    assert service.created == []
    assert not form.children[6].disabled


def test_without_a_path_one_chooses_among_the_folder_s_notebooks(launch, notebook, tmp_path):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="x")]), tmp_path / "other.ipynb")
    form = launch()
    chosen = fields(form)["Notebook"]
    assert [*chosen.options] == ["other.ipynb", "train.ipynb"]
    assert "epochs" not in fields(form)
    chosen.value = "train.ipynb"
    assert "epochs" in fields(form)


def test_a_path_that_is_no_notebook_is_refused_at_once(launch, tmp_path):
    with pytest.raises(InvalidNotebook):
        launch(tmp_path / "nothing.ipynb")
