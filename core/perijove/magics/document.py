"""The notebook that is sent for one cell: what it needs, the cell itself, and what carries variables there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perijove.magics import cells as sources
from perijove.magics.options import Options
from perijove.magics.session import SessionCell

_METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@dataclass(frozen=True)
class RemoteCell:
    """What is sent for a cell.

    Attributes
    ----------
    document : dict
        The notebook, nbformat 4.5.
    shown : frozenset of str
        The ids of the cells whose outputs are shown here; the others were executed here before.
    helpers : frozenset of str
        The ids of the cells that carry variables.
    along : list of int
        The numbers of the session's inputs that go along.
    missing : frozenset of str
        Names that are used, and that neither a cell that goes along nor a variable gives.
    """

    document: dict[str, Any]
    shown: frozenset[str] = frozenset()
    helpers: frozenset[str] = frozenset()
    along: list[int] = field(default_factory=list)
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Context:
    cells: list[SessionCell]
    changed: frozenset[str]
    missing: frozenset[str]


def remote_cell(number: int, source: str, options: Options, session: Sequence[SessionCell]) -> RemoteCell:
    """Return what is sent for the cell `source`, input `number` of a session in which `session` was executed.

    The cells it needs go along, except for the sake of names that are sent or set. What such a cell changes of these
    is undone before the cell itself runs.
    """
    context = _context(number, source, {*options.inputs, *options.parameters}, session)
    head, restored = _before(options, context.changed)
    after = _after(options)
    cell = _cell(input_id(number), source)
    along = [_cell(input_id(each.number), each.source) for each in context.cells]
    made = [*head, *along, *restored, cell, *after]
    helpers = frozenset(each["id"] for each in [*head, *restored, *after])
    return RemoteCell(
        document={"cells": made, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5},
        shown=helpers | {cell["id"]},
        helpers=helpers,
        along=[each.number for each in context.cells],
        missing=context.missing,
    )


def input_id(number: int) -> str:
    """Return the id of the cell that is input `number` of the session."""
    return f"in-{number}"


def input_name(cell: str) -> str:
    """Return what the person knows a cell as: ``In [3]``."""
    return f"In [{cell.removeprefix('in-')}]"


def _context(number: int, source: str, given: set[str], session: Sequence[SessionCell]) -> _Context:
    from perijove.notebooks import load_notebook, needed_cells  # noqa: PLC0415 - takes a second to import

    cells = [_cell(input_id(each.number), each.source) for each in session]
    chosen = _cell(input_id(number), source)
    loaded = load_notebook({"cells": [*cells, chosen], "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5})
    found = needed_cells(loaded.document, [chosen["id"]], given=given)
    included = set(found.included)
    along = [each for each in session if input_id(each.number) in included]
    return _Context(along, found.changed, found.missing)


def _before(options: Options, changed: frozenset[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the cells that come first, and those that come between what goes along and the cell itself."""
    first, again = [], []
    if options.inputs:
        first.append(_helper("perijove-variables", sources.reading(options.inputs)))
    if options.parameters:
        first.append(_cell("parameters", sources.parameters(options.parameters), "parameters"))
    if names := [name for name in options.inputs if name in changed]:
        again.append(_helper("perijove-variables-again", sources.reading_again(names)))
    if names := [name for name in options.parameters if name in changed]:
        first.append(_helper("perijove-parameters", sources.keeping(names)))
        again.append(_helper("perijove-parameters-again", sources.restoring(names)))
    return first, again


def _after(options: Options) -> list[dict[str, Any]]:
    return [_helper(sources.RESULTS, sources.writing(options.outputs, data=options.data))] if options.outputs else []


def _cell(name: str, source: str, *tags: str, **metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "source": source,
        "metadata": {"tags": [*tags], **metadata} if tags else {**metadata},
        "execution_count": None,
        "outputs": [],
    }


def _helper(name: str, source: str) -> dict[str, Any]:
    return _cell(name, source, "perijove", jupyter={"source_hidden": True})
