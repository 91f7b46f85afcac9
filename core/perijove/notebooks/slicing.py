"""Which cells the chosen ones need: definitions that may reach a use, followed backwards until nothing new is found.

The cells are taken to run from top to bottom. Names that a cell reads while it runs are looked up at that cell; names
that a function's body reads are looked up at every cell that may call it, which is every included cell from its
definition on.
"""

from __future__ import annotations

import builtins
import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from perijove.notebooks.facts import Call, CellFacts, FunctionFacts

#: Names that are there in every IPython session.
_GIVEN = frozenset({*dir(builtins), "get_ipython", "display", "exit", "quit", "__file__", "__annotations__"})
#: Results of earlier cells, by IPython's names for them.
_OUTPUTS = re.compile(r"^(?:_{1,3}|_\d+|_i+\d*|Out|In|_oh|_ih|_dh)$")


@dataclass
class Slice:
    """The cells that go along, by index, and what each of them is there for.

    Attributes
    ----------
    included : set of int
        The chosen cells and those they need.
    provides : dict
        For every included cell the names it gives to others.
    everything : dict
        For every included cell that needs all cells above it: why.
    missing : set of str
        Names that no cell above defines.
    """

    included: set[int]
    provides: dict[int, set[str]] = field(default_factory=dict)
    everything: dict[int, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)


def slice_cells(cells: Sequence[CellFacts], chosen: Collection[int], given: Collection[str] = ()) -> Slice:
    """Return what the `chosen` cells need of all `cells`, indices from the top, where the names `given` have values."""
    _follow_calls(cells)
    last = max(chosen, default=0)
    always = {index for index in range(last) if cells[index].configures or cells[index].defines_all}
    search = _Search(cells, Slice(set(chosen) | always), frozenset(given))
    while search.widen():
        pass
    return search.found


class _Search:
    def __init__(self, cells: Sequence[CellFacts], found: Slice, given: frozenset[str]) -> None:
        self.cells = cells
        self.found = found
        self.given = given
        self.looked_up: dict[tuple[str, int], bool] = {}
        self.definers: dict[str, list[int]] = {}
        for index, cell in enumerate(cells):
            for name in cell.names:
                self.definers.setdefault(name, []).append(index)

    def widen(self) -> bool:
        """Add what the included cells need and is not included yet; return whether there was any."""
        before = len(self.found.included)
        # Upwards, so that a cell which this very pass includes is asked in turn.
        for index in range(len(self.cells) - 1, -1, -1):
            if index in self.found.included:
                self._satisfy(index, self.cells[index].uses)
        bodies: set[str] = set()
        for index in sorted(self.found.included):
            # A function from above may be called before this cell sets a name anew.
            self._satisfy(index, bodies)
            bodies |= self.cells[index].later
        return len(self.found.included) > before

    def _satisfy(self, index: int, names: set[str]) -> None:
        cell = self.cells[index]
        unmet = sorted(name for name in names - self.given if not self._look_up(name, index))
        outputs = [name for name in unmet if _OUTPUTS.match(name) and name in cell.uses]
        missing = [name for name in unmet if name not in _GIVEN and not _OUTPUTS.match(name)]
        reason = cell.unknown or (f"it uses {outputs[0]}, the result of an earlier cell" if outputs else "")
        if reason:
            self.found.everything[index] = reason
            self.found.included.update(range(index))
        if missing:
            self.found.missing.update(missing)
            self.found.included.update(above for above in range(index) if self.cells[above].unknown)

    def _look_up(self, name: str, index: int) -> bool:
        """Include every cell whose value of `name` may reach the cell at `index`; return whether there is any."""
        if (name, index) not in self.looked_up:
            self.looked_up[name, index] = self._include_definers(name, index)
        return self.looked_up[name, index]

    def _include_definers(self, name: str, index: int) -> bool:
        definers = self.definers.get(name, [])
        reaching = bisect_left(definers, index)
        for above in reversed(definers[:reaching]):
            self.found.included.add(above)
            self.found.provides.setdefault(above, set()).add(name)
            if name in self.cells[above].sets:
                break
        return reaching > 0


def _follow_calls(cells: Sequence[CellFacts]) -> None:
    """Add to every cell what the notebook's functions that it calls change."""
    functions: dict[str, list[FunctionFacts]] = {}
    for cell in cells:
        for name, facts in cell.functions.items():
            functions.setdefault(name, []).append(facts)
    changed = {name: _changed_globals(name, functions) for name in functions}
    for cell in cells:
        for call in cell.calls:
            names = changed.get(call.function, set()) | _changed_arguments(call, functions.get(call.function, []))
            cell.uses |= names - cell.sets
            cell.may_set |= names - cell.sets


def _changed_globals(name: str, functions: dict[str, list[FunctionFacts]]) -> set[str]:
    """Return the notebook's names that a call of `name` may change, through the functions it calls as well."""
    names: set[str] = set()
    seen: set[str] = set()
    todo = [name]
    while todo:
        function = todo.pop()
        if function not in seen:
            seen.add(function)
            for facts in functions.get(function, []):
                names |= facts.changed_globals
                todo += facts.calls
    return names


def _changed_arguments(call: Call, functions: list[FunctionFacts]) -> set[str]:
    """Return the variables whose objects `call` changes, by what the function does to its parameters."""
    names: set[str] = set()
    for facts in functions:
        given = {**dict(zip(facts.parameters, call.positional)), **dict(call.keywords)}  # noqa: B905 - *args may be more
        names |= {name for parameter, name in given.items() if name and parameter in facts.changed_parameters}
    return names
