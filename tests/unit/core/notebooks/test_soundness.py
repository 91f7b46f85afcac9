"""Runs what the analysis chose, and everything, and compares: the chosen cell must not see a difference."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from perijove.notebooks import needed_cells
from perijove.notebooks.reader import read_cell

_NAMES = ("a", "b", "c")
#: Every name is defined at first, so that every cell below can run.
_START = [*(f"{name} = [{n}]" for n, name in enumerate(_NAMES)), "def f(): return list(a)", "def g(): return f()"]
#: x, y, z are variables that hold lists, n a number.
_CELLS = (
    "{x} = [{n}]",
    "{x} = {y} + {z}",
    "{x} += {y}",
    "{x}.append({n})",
    "{x}[0] = {n}",
    "{x}.insert(0, len({y}))",
    "{z} = [{x}.pop(), {n}]; {x}.append({n})",
    "del {x}[1:]",
    "del {x}\n{x} = list(range({n} + 1))",
    "if len({x}) % 2:\n    {y} = [{n}]",
    "if len({x}) % 2:\n    {y} = [{n}]\nelse:\n    {y} = {z} + [{n}]",
    "for {x}[0] in range({n}):\n    {y}.append({n})",
    "for {x} in ([{n}], [{n}, 2]): pass",
    "while len({x}) < {n}:\n    {x}.append(0)\n    {y} = list({x})",
    "try:\n    {x} = [{n} // len({y}[1:])]\nexcept ZeroDivisionError as {z}_error:\n    {z}.append({n})",
    "{x} = [{y}[0] for {y} in [{z}, {z}]]",
    "{x} = [({y}_ := {n}) for _ in {z}]",
    "({x} := [{n}]).extend({y})",
    "{x} = (lambda {y}: {y} + {z})([{n}])",
    "{x}[0], *{y} = [{n}, *{z}]",
    "match {x}:\n    case [_, *{y}]: {y}.append({n})\n    case _: pass\n{y} = list({y}) or [{n}]",
    "def f(): return list({x}) + [{n}]",
    "def f():\n    {x}.append({n})\n    return list({y})",
    "def f():\n    global {x}\n    {x} = {y} + [{n}]\n    return list({x})",
    "def f(held=tuple({x})): return [*held, {n}]",
    "def g(): return f() + list({x})",
    "class Box:\n    held = tuple({x})\n    def get(self): return [*self.held, *{y}]\ndef g(): return Box().get()",
    "f()",
    "{x} = g()",
    "if {n} % 2: f()",
    "(lambda: {x}.append({n}))()",
    "%time {x} = {y} + [{n}]",
)
_cell = st.builds(
    lambda text, x, y, z, n: text.format(x=x, y=y, z=z, n=n),
    st.sampled_from(_CELLS), *[st.sampled_from(_NAMES)] * 3, st.integers(1, 4),
)  # fmt: skip


def _run(cells: list[str]) -> Any:
    namespace: dict[str, Any] = {}
    for cell in cells:
        exec(cell.removeprefix("%time "), namespace)
    return namespace["result"]


def _runs(cells: list[str]) -> bool:
    try:
        _run([*_START, *cells, "result = 0"])
    except (IndexError, TypeError, ValueError, RecursionError):  # a drawn program may be a wrong one
        return False
    return True


# Drawing a program runs it, which on a busy machine looks slow to hypothesis.
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(_cell, max_size=8).filter(_runs), st.sampled_from([*_NAMES, "f()", "g()", "[*a, *g(), *b]"]))
def test_the_chosen_cell_sees_what_it_would_see_in_the_whole_notebook(cells: list[str], asked: str) -> None:
    sources = [*_START, *cells, f"result = list({asked})"]
    document = new_notebook(cells=[new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)])
    included = needed_cells(document, [f"c{len(sources) - 1}"]).included
    assert _run([sources[int(cell[1:])] for cell in included]) == _run(sources)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["%", "!", "%%", "?", "x", "=", "(", "\n", " ", "'", "$", "{", ":"])).map("".join),
    )
)
def test_no_source_makes_the_analysis_fail(source: str) -> None:
    facts = read_cell(source)
    assert not (facts.unknown and facts.sets)
