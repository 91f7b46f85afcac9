from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from perijove import errors
from perijove.parameters import Parameter, Text, check_parameters, inspect_parameters, parameters_source

Make = Callable[..., dict[str, Any]]
TAGGED = {1: ["parameters"]}
R = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}}


def declared(make: Make, source: str) -> dict[str, Parameter]:
    return {item.name: item for item in inspect_parameters(make(source, tags=TAGGED))}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("n = 5", Parameter("n", "int", 5)),
        ("n = -5", Parameter("n", "int", -5)),
        ("rate = 1e-3  # of learning", Parameter("rate", "float", 0.001, "of learning")),
        ("on = True", Parameter("on", "bool", True)),
        ("name = 'x'", Parameter("name", "str", "x")),
        ("xs = [1, 2]", Parameter("xs", "list", [1, 2])),
        ("d = {'a': 1}", Parameter("d", "dict", {"a": 1})),
        ("x = None", Parameter("x", "", None, nullable=True)),
        ("x: float = 1  # help", Parameter("x", "float", 1, "help", annotated=True)),
        ("x = 1  # type: float", Parameter("x", "float", 1, annotated=True)),
        ("x: 'str' = 'a'", Parameter("x", "str", "a", annotated=True)),
        ("x: int | None = None", Parameter("x", "int", None, nullable=True, annotated=True)),
        ("x: Optional[int] = 3", Parameter("x", "int", 3, nullable=True, annotated=True)),
        ("x: int | str = 3", Parameter("x", "", 3, annotated=True)),
        ("x: list[int] = []", Parameter("x", "list", [], annotated=True)),
        ("x: typing.List[int] = []", Parameter("x", "list", [], annotated=True)),
        ("x: Path = Path('a')", Parameter("x", "", "Path('a')", annotated=True)),
        ("x = 2 ** 10", Parameter("x", "", "2 ** 10")),
        ("x = (1, 2)", Parameter("x", "list", [1, 2])),
        ("x = {1, 2}", Parameter("x", "", "{1, 2}")),
        ("x = b'a'", Parameter("x", "", "b'a'")),
        ("n = 5\nprint(n)", Parameter("n", "int", 5)),
        ("x = 'a=b'", Parameter("x", "str", "a=b")),
    ],
)
def test_a_parameter_is_known_by_name_type_and_default(make: Make, source: str, expected: Parameter) -> None:
    assert list(declared(make, source).values()) == [expected]


def test_parameters_come_in_the_order_of_their_cell(make: Make) -> None:
    source = "import os\nb = 1\na: int | None = 2\n\nc = [\n    1,\n]\nb2 = b + 1\n"
    assert list(declared(make, source)) == ["b", "a", "c", "b2"]


def test_inspection_executes_nothing(make: Make) -> None:
    assert declared(make, "x = 1 / 0\nraise SystemExit")["x"].default == "1 / 0"


def test_a_cell_that_cannot_be_parsed_still_tells_what_its_lines_say(make: Make) -> None:
    assert list(declared(make, "%load_ext x\nn = 5")) == ["n"]


def test_a_notebook_without_a_tagged_cell_declares_none(make: Make) -> None:
    assert inspect_parameters(make("n = 5")) == []


def test_languages_papermill_cannot_inspect_declare_none(make: Make) -> None:
    assert inspect_parameters(make("n <- 5", tags=TAGGED, **R)) == []
    assert inspect_parameters(make("n = 5", tags=TAGGED, language_info={"name": "cobol"})) == []


ONE_OF_EACH = [
    Parameter("n", "int", 5),
    Parameter("rate", "float", 0.1),
    Parameter("on", "bool", False),
    Parameter("name", "str", "x"),
    Parameter("xs", "list", []),
    Parameter("d", "dict", {}),
    Parameter("any", "", "f()"),
    Parameter("maybe", "int", None, nullable=True),
]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("n", 7, 7),
        ("n", "7", 7),
        ("n", "-7", -7),
        ("n", 7.0, 7),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("rate", "2", 2.0),
        ("on", "true", True),
        ("on", "No", False),
        ("on", "1", True),
        ("on", True, True),
        ("name", "7", "7"),
        ("name", Text("none"), "none"),
        ("xs", "[1, a]", [1, "a"]),
        ("xs", (1, 2), [1, 2]),
        ("d", "{a: 1}", {"a": 1}),
        ("d", {"a": None}, {"a": None}),
        ("any", "7", "7"),
        ("any", Text("7"), 7),
        ("any", Text("0.5"), 0.5),
        ("any", Text("True"), True),
        ("any", Text("null"), None),
        ("any", Text("text"), "text"),
        ("any", [1, {"a": 2}], [1, {"a": 2}]),
        ("maybe", None, None),
        ("maybe", Text("None"), None),
        ("maybe", "3", 3),
    ],
)
def test_values_get_the_declared_type(name: str, given: Any, expected: Any) -> None:
    found = check_parameters(ONE_OF_EACH, {name: given})
    assert found == {name: expected}
    assert type(found[name]) is type(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("n", "abc"),
        ("n", "1.5"),
        ("n", 1.5),
        ("n", True),
        ("n", None),
        ("n", [1]),
        ("n", float("inf")),
        pytest.param("n", 10**5000, id="huge 1"),
        pytest.param("rate", 10**5000, id="huge 2"),
        pytest.param("any", 10**5000, id="huge 3"),
        pytest.param("xs", [10**5000], id="huge 4"),
        pytest.param("xs", "[0x" + "f" * 5000 + "]", id="huge 5"),
        ("rate", "fast"),
        ("rate", "nan"),
        ("rate", False),
        ("rate", float("inf")),
        ("on", "maybe"),
        ("on", 1),
        ("name", 7),
        ("xs", "1, 2"),
        ("xs", "[1"),
        ("xs", {"a": 1}),
        ("xs", [object()]),
        ("d", "[1]"),
        ("any", float("nan")),
        ("any", object()),
        ("maybe", "x"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(name: str, given: Any) -> None:
    with pytest.raises(errors.InvalidParameter, match=repr(name)) as caught:
        check_parameters(ONE_OF_EACH, {name: given})
    assert (caught.value.status, caught.value.code) == (422, "invalid_parameter")
    assert caught.value.hint


def test_a_whole_number_by_default_only_says_how_to_allow_fractions() -> None:
    with pytest.raises(errors.InvalidParameter) as caught:
        check_parameters([Parameter("rate", "int", 1)], {"rate": "0.5"})
    assert caught.value.message == "The parameter 'rate' takes a whole number, not '0.5'."
    assert caught.value.hint.endswith("or declare it as 'rate: float' to allow fractions.")


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(errors.InvalidParameter, match="no parameter 'epoch'") as caught:
        check_parameters([Parameter("epochs", "int", 5), Parameter("rate", "float", 1)], {"epoch": 1})
    assert caught.value.hint == "Did you mean 'epochs'? It has: epochs, rate."


def test_a_notebook_that_declares_none_takes_any() -> None:
    assert check_parameters([], {"a": Text("1"), "b": None}) == {"a": 1, "b": None}


def test_a_whole_number_may_be_larger_than_any_fraction() -> None:
    assert check_parameters(ONE_OF_EACH, {"n": 10**400})["n"] == 10**400


def test_a_default_that_json_has_no_form_for_is_told_by_its_source(make: Make) -> None:
    assert declared(make, "n = 0x" + "f" * 5000)["n"] == Parameter("n", "", "…")


def test_numpy_like_numbers_become_plain_ones() -> None:
    found = check_parameters(ONE_OF_EACH, {"n": numpy.int64(3), "rate": numpy.float32(0.5)})
    assert [type(value) for value in found.values()] == [int, float]


VALUES = {"n": 5, "rate": 0.5, "on": True, "none": None, "name": 'a "b"\n', "xs": [1, "a"], "d": {"k": False}}


@pytest.mark.parametrize(
    ("metadata", "lines"),
    [
        ({}, ["# Parameters", "n = 5", "on = True", "none = None", "xs = [1, \"a\"]", 'd = {"k": False}']),
        (R, ["# Parameters", "n = 5", "on = TRUE", "none = NULL", 'xs = list(1, "a")', 'd = list("k" = FALSE)']),
        ({"language_info": {"name": "julia"}}, ["n = 5", "on = true", "none = nothing", 'd = Dict("k" => false)']),
        ({"language_info": {"name": "scala"}}, ["// Parameters", "val n = 5", 'val xs = Seq(1, "a")']),
        ({"kernelspec": {"name": "x", "display_name": "x", "language": "matlab"}}, ["% Parameters", "n = 5;"]),
    ],
)  # fmt: skip
def test_parameters_are_written_in_the_notebooks_language(
    make: Make, metadata: dict[str, Any], lines: list[str]
) -> None:
    written = parameters_source(make("1", **metadata), VALUES).splitlines()
    assert [line for line in lines if line not in written] == []


def test_python_parameters_read_back_as_they_were(make: Make) -> None:
    namespace: dict[str, Any] = {}
    exec(parameters_source(make("1"), VALUES), namespace)
    assert {name: namespace[name] for name in VALUES} == VALUES


@pytest.mark.parametrize("name", ["a b", "a;b", "x = 1; y", "a-b", "a.b", "1a", "class", "", "é\n"])
def test_a_name_that_would_be_code_is_refused(make: Make, name: str) -> None:
    with pytest.raises(errors.InvalidParameter, match="name of a parameter"):
        parameters_source(make("1"), {name: 1})


@pytest.mark.parametrize(("language", "value"), [("cobol", 1), ("bash", {"a": 1})])
def test_what_papermill_cannot_write_is_refused(make: Make, language: str, value: Any) -> None:
    with pytest.raises(errors.InvalidParameter, match=language):
        parameters_source(make("1", language_info={"name": language}), {"x": value})
