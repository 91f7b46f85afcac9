"""What people write is read in a time that grows with its length and no faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from perijove.errors import PerijoveError
from perijove.magics import session
from perijove.notebooks.magics import Magic
from perijove.parameters import Parameter, check_parameters, inspect_parameters

SHORT, TIMES = 500, 8
#: What a square costs is 64 times as much, what grows with the length eight times; machines are shared.
GENEROUS = 32

CELLS: dict[str, Callable[[int], str]] = {
    "spaces behind an annotation": lambda n: "a: int" + " " * n + "y",
    "spaces in the middle": lambda n: "a = 1" + " " * n + "#" + " " * n + "x",
    "hashes": lambda n: "a = 1 " + "#" * n,
    "types in comments": lambda n: "a = 1 # " + "type: " * n,
    "equals": lambda n: "a" + "=" * n + "1",
    "targets": lambda n: "a=" * n + "1",
    "statements on a line": lambda n: "a=1;" * n,
    "assignments": lambda n: "".join(f"a{number} = 1  # one\n" for number in range(n)),
    "one name again and again": lambda n: "a = [1,\n 2]  # one\n" * n,
    "brackets": lambda n: "a = " + "[" * n,
    "pairs of brackets": lambda n: "a = " + "[" * n + "]" * n,
    "signs": lambda n: "a = " + "-" * n + "1",
    "sums": lambda n: "a = " + "1+" * n + "1",
    "bars": lambda n: "a: " + "int|" * n + "None = 1",
    "optionals": lambda n: "a: " + "Optional[" * n + "int" + "]" * n + " = 1",
    "digits": lambda n: "a = " + "1" * n,
    "quotes": lambda n: "a = " + "'" * n,
    "an open text": lambda n: 'a = """' + "x\n" * n,
    "a long text": lambda n: 'a = """' + "x\n" * n + '"""  # help',
    "continued lines": lambda n: "a = 1" + "\\\n" * n,
    "magics": lambda n: "%x\n" * n + "a = 1",
    "shell": lambda n: "a = 1\n" + "!" * n,
}


def seconds(call: Callable[[str], object], text: str) -> float:
    """Return the least time of a few that a call takes of this process, refusals included."""

    def once() -> float:
        began = time.process_time()
        with suppress(PerijoveError):
            call(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


def grows_with_its_length(call: Callable[[str], object], text: Callable[[int], str]) -> bool:
    first = max(seconds(call, text(SHORT)), 0.001)
    return seconds(call, text(TIMES * SHORT)) <= GENEROUS * first


@pytest.mark.parametrize("cell", CELLS)
def test_a_parameters_cell_of_any_form_is_read_in_time(make, cell: str) -> None:
    def read(source: str) -> object:
        return inspect_parameters(make(source, tags={1: ["parameters"]}))

    assert grows_with_its_length(read, CELLS[cell])


@pytest.mark.parametrize(
    "text",
    [
        lambda n: "[" * n,
        lambda n: "{" * n,
        lambda n: "[" + "1," * n + "1]",
        lambda n: "[" + "a: b, " * (n // 8) + "]",
        lambda n: "[" + "&a" * n + "]",
        lambda n: "1" * n,
        lambda n: "- " * n,
        lambda n: "{a: &a [], " + ", ".join(f"k{i}: *a" for i in range(n // 8)) + "}",
    ],
)
def test_a_typed_value_of_any_form_is_read_in_time(text: Callable[[int], str]) -> None:
    assert grows_with_its_length(lambda given: check_parameters([Parameter("x", "list")], {"x": given}), text)


@pytest.mark.parametrize("kind", ["int", "float", "bool", "str"])
def test_a_typed_number_of_any_length_is_read_in_time(kind: str) -> None:
    assert grows_with_its_length(lambda given: check_parameters([Parameter("x", kind)], {"x": given}), "1".__mul__)


def test_a_typed_value_does_not_stand_for_more_than_was_typed() -> None:
    doubling = "{a0: &a0 [x, x], " + ", ".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)) + "}"
    with pytest.raises(PerijoveError):
        check_parameters([Parameter("x", "dict")], {"x": doubling})


@pytest.mark.parametrize("text", [lambda n: "pip " * n, lambda n: "pip;" * n, lambda n: "pip install " * n])
def test_a_shell_line_of_any_form_is_read_in_time(text: Callable[[int], str]) -> None:
    assert grows_with_its_length(lambda line: Magic("shell", "system", line).configures, text)


@pytest.mark.parametrize(
    "text",
    [
        lambda n: "\n" * n + "x",
        lambda n: "%%" + "a" * n + "\n",
        lambda n: "%%a\n" * n + "x",
        lambda n: "?" + " " * n + "x",
    ],
)
def test_an_input_of_a_session_is_read_in_time(text: Callable[[int], str]) -> None:
    assert grows_with_its_length(session._OURS.search, text)
    assert grows_with_its_length(session._REMOTE.search, text)
    assert grows_with_its_length(session._HELP.search, text)
