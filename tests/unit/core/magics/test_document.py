"""What goes along with a cell."""

from __future__ import annotations

import pytest


def test_the_cell_goes_with_what_defines_what_it_uses(session, service):
    session.run("import math")
    session.run("unrelated = 1")
    session.run("def area(r): return math.pi * r * r")
    session.run("%%remote\narea(2)")
    assert [*service.sources] == ["in-1", "in-3", "in-4"]
    assert service.sources["in-4"].strip() == "area(2)"


def test_no_cell_goes_along_for_a_variable_that_is_sent(session, service):
    session.run("df = open")
    session.run("%%remote --in df\ndf")
    assert [*service.sources] == ["perijove-variables", "in-2"]


def test_results_are_pickled_after_the_cell(session, service):
    service.leaves(variables_pkl=b"\x80\x04}\x94.")  # an empty dict
    session.run("%%remote --out model,score\nmodel = score = 1")
    assert [*service.sources] == ["in-1", "perijove-results"]
    assert '_perijove_results("model", "score")' in service.sources["perijove-results"]


def test_what_a_cell_changes_of_the_variables_is_undone(session, service):
    session.run("import json; df = {}")
    session.run("%%remote --in df -p n=3\njson.dumps([df, n])")
    assert [*service.sources] == ["perijove-variables", "parameters", "injected-parameters", "in-1",
                                  "perijove-variables-again", "in-2"]  # fmt: skip
    assert service.sources["perijove-variables-again"] == '[df] = _perijove_variables("df")'


def test_what_a_cell_changes_of_the_parameters_is_undone(session, service):
    session.run("import json; n = 1")
    session.run("%%remote -p n=3\njson.dumps(n)")
    assert service.sources["perijove-parameters-again"].startswith("[n] = ")
    scope = {}
    exec("\n".join(service.sources.values()), scope)
    assert scope["n"] == 3


def test_parameters_can_be_changed_by_a_later_run(session, service):
    session.run("%%remote -p n=3\nn")
    declared = next(cell for cell in service.document["cells"] if cell["id"] == "parameters")
    assert (declared["source"], declared["metadata"]["tags"]) == ("n = 3", ["parameters"])


def test_cells_that_only_carry_variables_are_folded_away(session, service):
    session.run("x = 1")
    session.run("%%remote --in x\nx")
    cell = service.document["cells"][0]
    assert cell["metadata"] == {"tags": ["perijove"], "jupyter": {"source_hidden": True}}


def test_the_document_is_a_notebook_of_python(session, service):
    session.run("%%remote\n1")
    assert service.document["metadata"]["kernelspec"]["name"] == "python3"
    assert service.document["nbformat_minor"] == 5


def test_a_name_no_cell_defines_is_pointed_out(session, service, capsys):
    session.names["model"] = 1
    session.run("%%remote\nprint(model)")
    assert "add --in model to send it" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["print(1)", "display(1)", "get_ipython()", "x = 1\nx", "[_ for _ in ()]"])
def test_nothing_is_pointed_out_where_nothing_is_missing(session, source, capsys):
    session.run(f"%%remote\n{source}")
    assert "--in" not in capsys.readouterr().err


def test_the_notebook_takes_its_own_place_in_the_snapshot(session, service, monkeypatch, tmp_path):
    (tmp_path / "project" / "mine.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ann/mine.ipynb")
    session.run("%%remote\n1")
    assert service.created[-1]["spec"]["notebook"]["path"] == "mine.ipynb"
    assert service.created[-1]["spec"]["title"] == "In [1] of mine.ipynb"
    assert "mine.ipynb" not in service.sent_files()


@pytest.mark.parametrize(
    ("name", "title"),
    [("a" * 240 + ".ipynb", "In [1] of " + "a" * 190), ("a\x85b\u2028.ipynb", "In [1] of a b .ipynb")],
    ids=["long", "with line ends"],
)
def test_a_notebook_s_odd_name_is_no_reason_to_refuse_its_cell(session, service, tmp_path, monkeypatch, name, title):
    (tmp_path / "project" / name).write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", f"/home/ann/{name}")
    session.run("%%remote\n1")
    assert service.created[-1]["spec"]["title"] == title


def test_the_project_folder_goes_along_and_the_working_folder_stays(session, service, monkeypatch, tmp_path):
    (tmp_path / "project" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "project" / "deep")
    session.run("x = 1")
    session.run("%%remote --in x\nx")
    assert service.created[-1]["spec"]["notebook"]["path"] == "deep/remote.ipynb"
    assert {"helper.py", ".perijove-variables.pkl"} <= service.sent_files().keys()
