from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode

from perijove.notebooks import needed_cells

Make = Callable[..., NotebookNode]


def numbers(make: Make, cells: list[str], *chosen: int, tags: dict[int, list[str]] | None = None) -> list[int]:
    picked = [f"c{number}" for number in chosen or (len(cells),)]
    return [int(item[1:]) for item in needed_cells(make(*cells, tags=tags), picked).included]


# Every row: the cells from the top, of which the last is chosen; the cells that go along.
DEFINITIONS = {
    "what it does not use stays": (["a = 1", "b = 2", "print(b)"], [2, 3]),
    "through others": (["a = 1", "b = a", "c = b", "z = 0", "c"], [1, 2, 3, 5]),
    "the last definition wins": (["a = 1", "a = 2", "print(a)"], [2, 3]),
    "a definition that uses the earlier one": (["a = 1", "a = a + 1", "print(a)"], [1, 2, 3]),
    "builtins need nothing": (["x = 1", "print(len([]))"], [2]),
    "a builtin that was redefined": (["def print(*a): ...", "print(1)"], [1, 2]),
    "set before it is used": (["a = 1", "a = 2; print(a)"], [2]),
    "used before it is set": (["a = 1", "print(a); a = 2"], [1, 2]),
    "augmented": (["a = 1", "a += 1", "print(a)"], [1, 2, 3]),
    "annotated": (["T = int", "a: T = 1", "a"], [1, 2, 3]),
    "an annotation alone sets nothing": (["a = 1", "a: int", "a"], [1, 3]),
    "unpacked": (["a, (b, *c) = f()", "c"], [1, 2]),
    "deleted": (["a = 1", "del a", "b = 1", "b"], [3, 4]),
    "an import": (["import os", "import sys", "os.getcwd()"], [1, 3]),
    "a dotted import": (["import os.path", "os.path.sep"], [1, 2]),
    "an import under another name": (["import numpy as np", "import pandas", "np.zeros(1)"], [1, 3]),
    "an import from": (["from a import b as c, d", "c()"], [1, 2]),
    "a star import goes always": (["from math import *", "x = 1", "print(1)"], [1, 3]),
    "a future import": (["from __future__ import annotations", "1"], [2]),
    "a walrus": (["print(n := 3)", "n"], [1, 2]),
    "a walrus in a comprehension": (["n = 0", "[n := i for i in range(3)]", "n"], [1, 2, 3]),
    "an f-string": (["a = 1", "b = 2", "f'{a:>{b}}'"], [1, 2, 3]),
    "await": (["c = client()", "r = await c.get()", "r"], [1, 2, 3]),
    "with as": (["with open('x') as f: t = f.read()", "t"], [1, 2]),
    "decorators": (["def deco(f): return f", "@deco\ndef g(): ...", "g()"], [1, 2, 3]),
    "defaults": (["a = 1", "def f(x=a): ...", "f()"], [1, 2, 3]),
    "a keyword default of a lambda": (["a = 1", "f = lambda *, x=a: x", "f()"], [1, 2, 3]),
    "return annotations": (["T = int", "def f() -> T: ...", "f()"], [1, 2, 3]),
    "base classes": (["class A: ...", "class B(A): ...", "B()"], [1, 2, 3]),
    "metaclass": (["class M(type): ...", "class B(metaclass=M): ...", "B()"], [1, 2, 3]),
    "a class's body runs at once": (["n = 1", "class A:\n    x = n\n    y = x", "A"], [1, 2, 3]),
    "a class's names are not its methods'": (
        ["x = 1", "class A:\n    x = 2\n    def f(self): return x", "A()"], [1, 2, 3]),
    "match": (
        ["command = 'go'", "match command:\n    case [x, *rest]: ...\n    case {'a': b, **more}: ...", "b"], [1, 2, 3]),
    "match by class": (["class P: ...", "p = 1", "match p:\n    case P(x=1) as q: q"], [1, 2, 3]),
}  # fmt: skip

SCOPES = {
    "comprehension names are its own": (["x = 1", "[x for x in range(3)]"], [2]),
    "a comprehension uses what is outside": (["n = 3", "d = {k: n for k in range(n)}", "d"], [1, 2, 3]),
    "nested comprehensions": (["rows = []", "x = 1", "[x for row in rows for x in row]"], [1, 3]),
    "a comprehension's first iterable is outside": (["x = []", "[x for x in x]"], [1, 2]),
    "arguments are the function's own": (["x = 1", "def f(x, *a, k=0, **kw): return x, a, k, kw", "f(1)"], [2, 3]),
    "locals are the function's own": (["x = 1", "def f():\n    x = 2\n    return x", "f()"], [2, 3]),
    "a local set after its use is still local": (["x = 1", "def f():\n    print(x)\n    x = 2", "f()"], [2, 3]),
    "a body uses what is outside": (["x = 1", "def f(): return x", "f()"], [1, 2, 3]),
    "nested bodies": (["x = 1", "def f():\n    def g(): return x\n    return g", "f()()"], [1, 2, 3]),
    "a closure's names are not the notebook's": (
        ["x = 1", "def f():\n    x = 2\n    def g(): return x\n    return g", "f()"], [2, 3]),
    "nonlocal": (
        ["x = 1", "def f():\n    x = 2\n    def g():\n        nonlocal x\n        x = 3\n    g()", "f()"], [2, 3]),
    "a lambda's body": (["k = 1", "f = lambda v: v * k", "f(2)"], [1, 2, 3]),
    "a class inside a function": (["B = 1", "def f():\n    class A:\n        b = B\n    return A", "f()"], [1, 2, 3]),
    "an exception's name is the handler's own": (["e = 1", "try: f()\nexcept ValueError as e: print(e)", "e"], [1, 3]),
    "exception types are used": (["class E(Exception): ...", "try: 1\nexcept E: ..."], [1, 2]),
    "an import in a function is its own": (["import os", "def f():\n    import os\n    os.x()", "f()"], [2, 3]),
}  # fmt: skip

LATER = {
    "what a body uses may be defined below it": (["def f(): return x", "x = 1", "f()"], [1, 2, 3]),
    "the value at the call counts": (["x = 1", "def f(): return x", "x = 2", "f()"], [1, 2, 3, 4]),
    "functions through functions": (["def f(): return g()", "def g(): return x", "x = 1", "f()"], [1, 2, 3, 4]),
    "recursion": (["def f(n): return f(n - 1)", "f(3)"], [1, 2]),
    "methods": (["class A:\n    def m(self): return helper(self)", "def helper(a): ...", "A().m()"], [1, 2, 3]),
    "a function under another name": (["def f(): return x", "g = f", "x = 1", "g()"], [1, 2, 3, 4]),
    "a global that a called function sets": (
        ["n = 0", "def up():\n    global n\n    n += 1", "up()", "n"], [1, 2, 3, 4]),
    "a global that is set through another function": (
        ["n = 0", "def up():\n    global n\n    n += 1", "def twice(): up(); up()", "twice()", "n"], [1, 2, 3, 4, 5]),
    "a list that a called function fills": (["log = []", "def note(x): log.append(x)", "note(1)", "log"], [1, 2, 3, 4]),
    "an argument that a called function changes": (
        ["def fill(d): d['a'] = 1", "d = {}", "n = fill(d)", "d"], [1, 2, 3, 4]),
    "an argument by keyword": (["def fill(*, d): d.update(a=1)", "d = {}", "n = fill(d=d)", "d"], [1, 2, 3, 4]),
    "an argument that a called function only reads": (["def show(d): print(d)", "d = {}", "show(d)", "d"], [2, 4]),
}  # fmt: skip

PARTIAL = {
    "a branch does not replace": (["a = 1", "if x: a = 2", "a"], [1, 2, 3]),
    "both branches do": (["a = 1", "if y:\n    a = 2\nelse:\n    a = 3", "a"], [2, 3]),
    "a loop may not run": (["a = 1", "for a in []: b = a", "a"], [1, 2, 3]),
    "a loop's names": (["for i in range(3): total = i", "total"], [1, 2]),
    "while": (["a = 1", "while x: a = 2", "a"], [1, 2, 3]),
    "a tried body": (["a = 1", "try: a = 2\nexcept E: pass", "a"], [1, 2, 3]),
    "a tried body or its handler": (
        ["json = 1", "try: import ujson as json\nexcept ImportError: import json", "json"], [2, 3]),
    "a handler that raises again": (["a = 1", "try: a = 2\nexcept E: raise", "a"], [2, 3]),
    "finally": (["a = 1", "try: f()\nfinally: a = 2", "a"], [2, 3]),
    "a conditional function": (["def f(): ...", "if x:\n    def f(): ...", "f()"], [1, 2, 3]),
    "a walrus behind and": (["a = 1", "y and (a := 2)", "a"], [1, 2, 3]),
    "a match that takes all": (["a = 1", "match 1:\n    case 2: a = 2\n    case _: a = 3", "a"], [2, 3]),
    "a match that may take none": (["a = 1", "match 1:\n    case 2: a = 2", "a"], [1, 2, 3]),
}  # fmt: skip

CHANGES = {
    "an item is set": (["d = {}", "d['a'] = 1", "d"], [1, 2, 3]),
    "an item deep below is set": (["d = {}", "d['a'].b[0] = 1", "d"], [1, 2, 3]),
    "an item is deleted": (["d = {}", "del d['a']", "d"], [1, 2, 3]),
    "an item is augmented": (["d = {}", "d['a'] += 1", "d"], [1, 2, 3]),
    "an attribute is set": (["class A: ...", "a = A()", "a.x = 1", "a.x"], [1, 2, 3, 4]),
    "a list grows": (["xs = []", "xs.append(1)", "xs"], [1, 2, 3]),
    "a list is popped for its value": (["xs = [1]", "x = xs.pop()", "xs"], [1, 2, 3]),
    "a model is fitted": (["m = M()", "history = m.fit(1)", "m.predict(2)"], [1, 2, 3]),
    "a frame is shown": (["df = read()", "df.head()", "df.describe()", "df"], [1, 4]),
    "a frame is computed from": (["df = read()", "by = df.groupby('x').mean()", "df"], [1, 3]),
    "a frame is changed in place": (["df = read()", "df.dropna(inplace=True)", "df"], [1, 2, 3]),
    "a loop changes": (["xs = []", "for i in range(3):\n    xs.append(i)", "xs"], [1, 2, 3]),
    "a change before a new value does not matter": (["xs = []", "xs.append(1)", "xs = [2]", "xs"], [3, 4]),
    "a trailing underscore": (["t = zeros()", "u = t.add_(1)", "t"], [1, 2, 3]),
    "an imported function called for its effect": (["from lib import train", "m = M()", "train(m)", "m"], [1, 2, 3, 4]),
    "print changes nothing": (["x = 1", "print(x)", "display(x)", "x"], [1, 4]),
    "modules are not changed by what they compute": (
        ["import numpy as np", "a = np.zeros(1)", "np.ones(2)", "np.pi"], [1, 4]),
    "modules are not changed by drawing": (
        ["import matplotlib.pyplot as plt", "plt.plot([1])\nplt.show()", "plt.plot([2])"], [1, 3]),
    "modules are changed by being configured": (
        ["import numpy as np", "np.random.seed(0)", "np.random.rand()"], [1, 2, 3]),
    "the search path": (["import sys", "sys.path.append('..')", "import lib", "sys, lib"], [1, 2, 3, 4]),
    "the search path of who never names it": (
        ["import sys", "sys.path.insert(0, '..')", "x = 1", "import lib"], [1, 2, 4]),
    "the environment": (["import os", "os.environ['A'] = '1'", "os.getcwd()", "1"], [1, 2, 4]),
    "the working folder": (["import os", "os.chdir('data')", "open('x')"], [1, 2, 3]),
    "a module's setting": (["import a", "a.options.x = 1", "a.run()"], [1, 2, 3]),
    "what a module shuffles": (["import random", "xs = [1]", "random.shuffle(xs)", "xs"], [1, 2, 3, 4]),
    "what is drawn on": (["fig, ax = subplots()", "ax.plot([1])", "ax"], [1, 2, 3]),
}  # fmt: skip

MAGICS = {
    "the session's configuration goes always": (
        ["%matplotlib inline", "%load_ext autoreload\n%autoreload 2", "x = 1", "1"], [1, 2, 4]),
    "an installation goes always": (
        ["%pip install x", "!pip install -q y", "%%bash\nuv pip install z", "1"], [1, 2, 3, 4]),
    "the environment and the folder go always": (["%env A=1", "%cd data", "1"], [1, 2, 3]),
    "other shell lines stay": (["!ls", "!wget http://x", "1"], [3]),
    "a configuration needs what it uses": (["where = 'x'", "%cd {where}", "1"], [1, 2, 3]),
    "a dollar is a use": (["where = 'x'", "!echo $where"], [1, 2]),
    "a shell line's result": (["files = !ls", "files"], [1, 2]),
    "a magic's result": (["t = %timeit -o f()", "t"], [1, 2]),
    "time's body is Python": (["a = 1", "%%time\nb = a", "b"], [1, 2, 3]),
    "time's line is Python": (["a = 1", "%time b = a", "b"], [1, 2, 3]),
    "timeit's options are not Python": (["a = 1", "%timeit -n 3 -r 1 a"], [1, 2]),
    "timeit defines nothing": (["b = 1", "%%timeit\nb = 2", "b"], [1, 3]),
    "capture keeps what it captured": (["a = 1", "%%capture out\nprint(a)", "out.show()"], [1, 2, 3]),
    "a file that is written goes always": (["%%writefile lib.py\nx = 1", "import lib", "lib.x"], [1, 2, 3]),
    "other languages neither use nor define": (["a = 1", "%%bash\necho $a", "%%html\n<b>", "a"], [1, 4]),
    "a script that is run may define anything": (["%run setup.py", "x = 1", "y"], [1, 3]),
    "help is nothing": (["a = 1", "a?", "a"], [1, 3]),
    "indented magics": (["a = 1", "if a:\n    %time b = a", "b"], [1, 2, 3]),
    "magics as calls": (["get_ipython().run_line_magic('matplotlib', 'inline')", "1"], [1, 2]),
}  # fmt: skip

UNKNOWN = {
    "a chosen cell that cannot be parsed": (["a = 1", "b = 2", "def broken("], [1, 2, 3]),
    "one above that defines nothing missing stays": (["a = 1", "def broken(", "a"], [1, 3]),
    "one above that may define what is missing": (["a = 1", "z = 0", "%%cython\ndef f(): ...", "f(a)"], [1, 2, 3, 4]),
    "eval": (["a = 1", "b = 2", "eval('a')"], [1, 2, 3]),
    "globals": (["a = 1", "b = 2", "globals()['a']"], [1, 2, 3]),
    "an eval of one's own": (["def eval(x): ...", "b = 2", "eval('a')"], [1, 2, 3]),
    "an earlier output": (["a = 1", "a + 1", "print(_)"], [1, 2, 3]),
    "an underscore of one's own": (["a = 1", "for _ in range(3): print(_)"], [2]),
    "gettext": (["a = 1", "from gettext import gettext as _", "_('hello')"], [2, 3]),
    "null bytes": (["a = 1", "x = '\0'"], [1, 2]),
}  # fmt: skip

SYNTAX_3_12 = {
    "type parameters": (["T = 1", "type A[T] = list[T]", "def f[T](x: T) -> A: ...", "f(1)"], [2, 3, 4]),
}
TABLE = {
    **(SYNTAX_3_12 if sys.version_info >= (3, 12) else {}),
    **DEFINITIONS,
    **SCOPES,
    **LATER,
    **PARTIAL,
    **CHANGES,
    **MAGICS,
    **UNKNOWN,
}


@pytest.mark.parametrize(("cells", "expected"), TABLE.values(), ids=TABLE)
def test_what_goes_along(make: Make, cells: list[str], expected: list[int]) -> None:
    assert numbers(make, cells) == expected


def test_a_definition_below_is_not_seen(make: Make) -> None:
    assert numbers(make, ["a = 1", "print(a)", "a = 2", "b"], 2) == [1, 2]


def test_a_long_notebook_is_read_once_not_squared(make: Make) -> None:
    chain = ["x0 = 0", *(f"def f{n}(): return x{n - 1}\nx{n} = f{n}()" for n in range(1, 400)), "x399"]
    assert numbers(make, chain) == list(range(1, 402))


def test_several_chosen_cells_share_what_they_need(make: Make) -> None:
    assert numbers(make, ["a = 1", "b = a", "z = 0", "c = a", "print(b)"], 2, 5) == [1, 2, 5]


def test_a_chosen_cell_shadows_a_definition_above_it(make: Make) -> None:
    assert numbers(make, ["a = 1", "a = 2", "a"], 2, 3) == [2, 3]


def test_the_parameters_cell_goes_along_only_if_it_is_used(make: Make) -> None:
    cells = ["n = 1", "print(n)", "print('hello')"]
    assert numbers(make, cells, 2, tags={1: ["parameters"]}) == [1, 2]
    assert numbers(make, cells, 3, tags={1: ["parameters"]}) == [3]


def test_the_names_a_cell_is_there_for_are_told(make: Make) -> None:
    found = needed_cells(make("import a, b", "x = y = 1", "%matplotlib inline", "print(a.f(x))"), ["c4"])
    assert found.included == ["c1", "c2", "c3", "c4"]
    assert found.provides == {"c1": ["a"], "c2": ["x"]}


def test_a_cell_that_cannot_be_parsed_is_named_with_the_reason(make: Make) -> None:
    found = needed_cells(make("a = 1", "x = (\n", "a"), ["c2", "c3"])
    assert found.included == ["c1", "c2", "c3"]
    assert found.notes == ["Cell 2 needs everything above it: it can't be parsed: '(' was never closed (line 1)."]


def test_a_cell_that_stays_out_for_being_unreadable_is_named(make: Make) -> None:
    found = needed_cells(make("a = 1", "# text", "1 +", "a"), ["c4"])
    assert found.included == ["c1", "c4"]
    assert found.notes[0].startswith("Cell 3 stays out, though what it defines is not known: it can't be parsed")


def test_local_cells_stay_and_what_they_would_define_is_told(make: Make) -> None:
    document = make("key = 1", "x = 2", "print(key)", tags={1: ["local-only"], 2: ["skip-execution"]})
    found = needed_cells(document, ["c2", "c3"])
    assert (found.chosen, found.included) == (["c3"], ["c3"])
    assert found.notes == [
        "Cell 2 is tagged skip-execution, so it stays here.",
        "Cell 1 defines key, but is tagged local-only, so it stays here.",
    ]


def test_only_takes_the_chosen_cells_and_above_takes_all_code_above_them(make: Make) -> None:
    document = make("a = 1", "# text", "b = 1", "c = 1", "d = 1", tags={3: ["local-only"]})
    assert needed_cells(document, ["c4"], "only").included == ["c4"]
    assert needed_cells(document, ["c4"], "above").included == ["c1", "c4"]


def test_other_languages_take_everything_above_and_say_so(make: Make) -> None:
    document = make("x <- 1", "y <- 2", "x", language_info={"name": "R"})
    found = needed_cells(document, ["c3"])
    assert found.included == ["c1", "c2", "c3"]
    assert found.notes == ["What R cells need can't be told, so everything above goes along."]


def test_nothing_is_executed(make: Make, tmp_path: Path) -> None:
    document = make(f"open({str(tmp_path)!r} + '/x', 'w')", f"%%writefile {tmp_path}/y\nx", "1")
    needed_cells(document, ["c1", "c2", "c3"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["(" * 500, "-" * 100_000 + "1", "x" + ".x" * 20_000])
def test_code_that_is_too_deep_counts_as_unreadable(make: Make, source: str) -> None:
    assert numbers(make, ["a = 1", source]) == [1, 2]


def given(make: Make, cells: list[str], *names: str) -> tuple[list[int], set[str]]:
    found = needed_cells(make(*cells), [f"c{len(cells)}"], given=names)
    return [int(item[1:]) for item in found.included], set(found.changed)


def test_no_cell_goes_along_for_a_name_that_is_given(make: Make) -> None:
    assert given(make, ["df = load()", "def f(): return df", "f() + df"], "df") == ([2, 3], set())


def test_a_given_name_serves_the_cells_that_go_along_too(make: Make) -> None:
    assert given(make, ["df = load()", "m = fit(df)", "m, df"], "df")[0] == [2, 3]


@pytest.mark.parametrize("change", ["df = 1", "df['x'] = 1", "from math import *"])
def test_a_given_name_that_a_cell_which_goes_along_may_change_is_told(make: Make, change: str) -> None:
    assert given(make, [f"import numpy\n{change}", "numpy, df"], "df") == ([1, 2], {"df"})


def test_names_that_no_cell_defines_are_told(make: Make) -> None:
    assert needed_cells(make("a = 1", "a + b"), ["c2"]).missing == {"b"}


def test_a_name_that_is_used_before_a_cell_defines_it_is_not_missing(make: Make) -> None:
    assert needed_cells(make("def f(): return a", "a = 1", "f()"), ["c3"]).missing == frozenset()
