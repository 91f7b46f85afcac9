from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from perijove import errors
from perijove.notebooks import convert, digest
from perijove.parameters import inject

Make = Callable[..., NotebookNode]


def sources(document: dict[str, Any]) -> list[str]:
    return [cell["source"] for cell in document["cells"]]


def test_a_whole_notebook_keeps_its_text_and_its_ids(make: Make) -> None:
    converted = convert(make("# title", "x = 1", "x"))
    assert [cell["id"] for cell in converted.document["cells"]] == ["c1", "c2", "c3"]
    assert (converted.cells, converted.context, converted.needed) == (None, None, None)
    nbformat.validate(nbformat.from_dict(json.loads(json.dumps(converted.document))))


def test_the_given_notebook_stays_as_it_is(make: Make) -> None:
    document = make("x = 1", "y = 2", tags={2: ["local-only"]})
    document.cells[0].outputs = [new_output("stream", text="1")]
    before = copy.deepcopy(document)
    convert(document, parameters={"x": 2})
    assert document == before


def test_outputs_and_what_says_when_it_ran_are_dropped(make: Make) -> None:
    document = make("x = 1", "# text", tags={1: ["keep"]})
    plain = convert(document)
    cell = document.cells[0]
    cell.execution_count, cell.outputs = 7, [new_output("stream", text="1")]
    cell.metadata.update(execution={"iopub.status.busy": "2026"}, collapsed=True, scrolled=True, ExecuteTime={})
    document.cells[1].metadata["vscode"] = {}
    document.metadata.update(widgets={}, papermill={}, toc={})
    converted = convert(document)
    assert converted.document["cells"][0]["metadata"] == {"tags": ["keep"]}
    assert (converted.document["cells"][0]["execution_count"], converted.document["cells"][0]["outputs"]) == (None, [])
    assert digest(converted.document) == digest(plain.document)


def test_the_kernel_is_kept_but_not_the_version_that_ran_it_last(make: Make) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = make("1", kernelspec=kernel, language_info={"name": "python", "version": "3.9", "file_extension": ".py"})
    assert convert(document).document["metadata"] == {
        "kernelspec": kernel,
        "language_info": {"name": "python", "file_extension": ".py"},
    }


@pytest.mark.parametrize("tag", ["local-only", "skip-execution"])
def test_cells_tagged_to_stay_never_go(make: Make, tag: str) -> None:
    document = make("# text", "secret = 1", "x = 1", tags={1: [tag], 2: [tag, "other"]})
    assert sources(convert(document).document) == ["x = 1"]
    assert sources(convert(document, cells="1-3", context="above").document) == ["x = 1"]


def test_chosen_cells_go_with_what_they_need_and_without_text(make: Make) -> None:
    converted = convert(make("import a", "# text", "b = 1", "a.f()"), cells="4")
    assert sources(converted.document) == ["import a", "a.f()"]
    assert (converted.cells, converted.context) == (["c4"], "needed")
    assert converted.needed is not None
    assert converted.needed.provides == {"c1": ["a"]}


@pytest.mark.parametrize(
    ("context", "expected"), [("only", ["c4"]), ("needed", ["c1", "c4"]), ("above", ["c1", "c3", "c4"])]
)
def test_the_context_says_what_goes_along(make: Make, context: str, expected: list[str]) -> None:
    document = convert(make("import a", "# text", "b = 1", "a.f()"), cells=["c4"], context=context).document
    assert [cell["id"] for cell in document["cells"]] == expected


def test_an_unknown_context_is_refused(make: Make) -> None:
    with pytest.raises(errors.InvalidSpec, match="below"):
        convert(make("1"), cells="1", context="below")


def test_an_unknown_cell_is_refused(make: Make) -> None:
    with pytest.raises(errors.UnknownCell, match="'9'; it has 1 cells"):
        convert(make("1"), cells="9")


@pytest.mark.parametrize(
    ("cells", "tags"),
    [("1", {}), ("2", {2: ["local-only"]}), ("1,2", {2: ["skip-execution"]}), (None, {2: ["local-only"]})],
)
def test_a_selection_of_which_nothing_can_run_is_refused(
    make: Make, cells: str | None, tags: dict[int, list[str]]
) -> None:
    with pytest.raises(errors.InvalidNotebook, match=r"train\.ipynb") as caught:
        convert(make("# text", "x = 1", tags=tags), "train.ipynb", cells=cells)
    assert caught.value.hint


def test_parameters_go_below_the_tagged_cell(make: Make) -> None:
    converted = convert(make("import a", "n = 1", "print(n)", tags={2: ["parameters"]}), parameters={"n": "5"})
    ran = inject(converted.document, converted.parameters)
    assert sources(ran) == ["import a", "n = 1", "# Parameters\nn = 5", "print(n)"]
    assert ran["cells"][2]["metadata"] == {"tags": ["injected-parameters"]}
    assert ran["cells"][2]["id"] == "injected-parameters"
    nbformat.validate(ran)
    assert (converted.parameters, converted.notes) == ({"n": 5}, [])


def test_parameters_replace_an_earlier_injected_cell(make: Make) -> None:
    document = make("n = 1", "n = 2", "n", tags={1: ["parameters"], 2: ["injected-parameters"]})
    document.cells[1]["id"] = "injected-parameters"
    converted = convert(document, parameters={"n": 3}).document
    assert sources(inject(converted, {"n": 3})) == ["n = 1", "# Parameters\nn = 3", "n"]
    assert sources(converted) == sources(inject(converted, {})) == ["n = 1", "n = 2", "n"]


def test_one_document_serves_all_parameters(make: Make) -> None:
    document = make("n = 1", "n", tags={1: ["parameters"]})
    assert len({digest(convert(document, parameters={"n": number}).document) for number in range(3)}) == 1
    assert convert(document, parameters={"n": 1}).document == convert(document).document


def test_without_a_tagged_cell_parameters_go_to_the_top_with_a_note(make: Make) -> None:
    converted = convert(make("print(n)"), parameters={"n": 3})
    assert sources(inject(converted.document, {"n": 3})) == ["# Parameters\nn = 3", "print(n)"]
    assert converted.notes == ["The notebook has no cell tagged 'parameters', so the parameters are set at its top."]


def test_parameters_reach_chosen_cells(make: Make) -> None:
    document = make("n = 1", "m = n", "print(m)", tags={1: ["parameters"]})
    found = inject(convert(document, cells="3", parameters={"n": 3}).document, {"n": 3})
    assert sources(found) == ["n = 1", "# Parameters\nn = 3", "m = n", "print(m)"]
    assert sources(inject(convert(document, cells="2", context="only").document, {"n": 3})) == [
        "# Parameters\nn = 3", "m = n",
    ]  # fmt: skip


def test_a_notebook_in_r_gets_its_parameters_in_r(make: Make) -> None:
    document = make("n <- 1", "print(n)", tags={1: ["parameters"]}, language_info={"name": "R"})
    converted = convert(document, parameters={"n": 3, "on": True})
    ran = inject(converted.document, converted.parameters)
    assert sources(ran) == ["n <- 1", "# Parameters\nn = 3\non = TRUE", "print(n)"]
    assert converted.notes == ["The parameters of R notebooks are not checked."]


def test_an_unknown_or_wrong_parameter_is_refused(make: Make) -> None:
    document = make("n = 1", tags={1: ["parameters"]})
    for given in ({"m": 1}, {"n": "many"}):
        with pytest.raises(errors.InvalidParameter):
            convert(document, parameters=given)


def test_converting_twice_gives_one_digest(make: Make) -> None:
    document = make("n = 1", "n", tags={1: ["parameters"]})
    assert len({digest(convert(document, cells="2", parameters={"n": 2}).document) for _ in range(2)}) == 1
