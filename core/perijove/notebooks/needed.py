"""What goes along with chosen cells: nothing else, what they need, or everything above."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from nbformat import NotebookNode

from perijove.notebooks.facts import CellFacts
from perijove.notebooks.magics import parse
from perijove.notebooks.reader import read_cell
from perijove.notebooks.scopes import imported_name
from perijove.notebooks.slicing import Slice, slice_cells
from perijove.parameters import is_python, language_of, tags_of

#: Cells with one of these tags never leave the notebook.
LOCAL_TAGS = frozenset({"local-only", "skip-execution"})
Context = Literal["only", "needed", "above"]


@dataclass(frozen=True)
class Needed:
    """The cells that go along.

    Attributes
    ----------
    chosen : list of str
        The ids of the cells the person chose that can go: code, and not tagged to stay.
    included : list of str
        The ids of all cells that go, in the notebook's order.
    provides : dict
        For every included cell the names it gives to others; only cells that give any.
    notes : list of str
        What the person should know, in sentences.
    missing : frozenset of str
        Names that are used, and that no cell that goes along defines.
    changed : frozenset of str
        Given names that cells which go along, but were not chosen, set anew or change.
    """

    chosen: list[str]
    included: list[str]
    provides: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Cell:
    number: int
    id: str
    source: str
    local: str


def needed_cells(
    document: NotebookNode, chosen: Collection[str], context: Context = "needed", given: Collection[str] = ()
) -> Needed:
    """Return which cells go along with the `chosen` ones; nothing is executed.

    ``needed`` takes the cells above that define what the chosen ones use, directly or through others. Cells that
    configure the session (``%load_ext``, ``%matplotlib``, ``%pip``, ``%cd``, ``!pip install``, ``sys.path.append()``…)
    and star imports always go. A cell that can't be read needs everything above it. What cells leave in files is not
    seen; nor is a change through a second name for the same object.

    Parameters
    ----------
    document : NotebookNode
        The notebook, nbformat 4.5.
    chosen : collection of str
        Cell ids.
    context : str
        ``only``, ``needed`` or ``above``.
    given : collection of str
        Names that have a value before the first cell runs: no cell goes along for their sake.
    """
    cells = list(_code_cells(document))
    notes = [
        f"Cell {cell.number} is tagged {cell.local}, so it stays here."
        for cell in cells
        if cell.local and cell.id in chosen
    ]
    going = [cell for cell in cells if not cell.local]
    indices = [index for index, cell in enumerate(going) if cell.id in chosen]
    chosen_ids = [going[index].id for index in indices]
    if context == "needed" and not is_python(document):
        notes.append(f"What {language_of(document)} cells need can't be told, so everything above goes along.")
        context = "above"
    if context == "needed":
        return _needed(cells, going, indices, notes, frozenset(given))
    included = chosen_ids if context == "only" else [cell.id for cell in going[: max(indices, default=-1) + 1]]
    return Needed(chosen_ids, included, notes=notes)


def _needed(
    cells: list[_Cell], going: list[_Cell], indices: list[int], notes: list[str], given: frozenset[str]
) -> Needed:
    facts = _read(going)
    found = slice_cells(facts, indices, given)
    along = found.included.difference(indices)
    notes = [*notes, *_notes(going, facts, found, max(indices, default=0)), *_stay_notes(cells, found)]
    return Needed(
        chosen=[going[index].id for index in indices],
        included=[going[index].id for index in sorted(found.included)],
        provides={going[index].id: sorted(names) for index, names in sorted(found.provides.items())},
        notes=notes,
        missing=frozenset(found.missing.difference(*(facts[index].names for index in found.included))),
        changed=frozenset(name for index in along for name in _may_give(facts[index], given)),
    )


def _may_give(cell: CellFacts, names: frozenset[str]) -> Collection[str]:
    return names if cell.unknown or cell.defines_all else names & cell.names


def _code_cells(document: NotebookNode) -> Iterator[_Cell]:
    for number, cell in enumerate(document.cells, start=1):
        if cell.cell_type == "code":
            local = next((tag for tag in tags_of(cell) if tag in LOCAL_TAGS), "")
            yield _Cell(number, cell.id, cell.source, local)


def _read(cells: list[_Cell]) -> list[CellFacts]:
    modules, functions = _known_names(cells)
    return [read_cell(cell.source, modules, functions) for cell in cells]


def _known_names(cells: list[_Cell]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names the notebook imports, and those of its functions and classes."""
    modules: set[str] = set()
    functions: set[str] = set()
    for cell in cells:
        try:
            nodes = list(ast.walk(parse(cell.source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                modules.update(imported_name(alias) for alias in node.names)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                functions.add(node.name)
    return frozenset(modules), frozenset(functions)


def _notes(cells: list[_Cell], facts: list[CellFacts], found: Slice, last: int) -> Iterator[str]:
    for index, reason in sorted(found.everything.items()):
        yield f"Cell {cells[index].number} needs everything above it: {reason}."
    for index in range(last):
        if facts[index].unknown and index not in found.included:
            yield f"Cell {cells[index].number} stays out, though what it defines is not known: {facts[index].unknown}."


def _stay_notes(cells: list[_Cell], found: Slice) -> Iterator[str]:
    """Say which names only cells that stay here define."""
    local = [cell for cell in cells if cell.local]
    for cell, facts in zip(local, _read(local), strict=True):
        names = sorted(facts.names & found.missing)
        if names:
            yield f"Cell {cell.number} defines {', '.join(names)}, but is tagged {cell.local}, so it stays here."
