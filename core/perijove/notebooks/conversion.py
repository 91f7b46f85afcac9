"""Makes of a notebook the document that runs: the chosen cells, without outputs. Parameters are set where it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbconvert.preprocessors import ClearOutputPreprocessor, Preprocessor, TagRemovePreprocessor
from nbformat import NotebookNode

from perijove import errors
from perijove.notebooks.needed import LOCAL_TAGS, Context, Needed, needed_cells
from perijove.notebooks.preprocessors import ConversionExporter, KeepCells, KeepLastingMetadata
from perijove.notebooks.selection import select_cells
from perijove.parameters import (
    TAG,
    check_parameters,
    check_values,
    inspect_parameters,
    is_python,
    language_of,
    tags_of,
)

_CONTEXTS = ("only", "needed", "above")


@dataclass(frozen=True)
class Converted:
    """What a conversion made.

    Attributes
    ----------
    document : dict
        The notebook that runs, nbformat 4.5, as JSON has it. Equal choices of an equal notebook give equal documents,
        whatever the parameters.
    cells : list of str, optional
        The ids of the chosen cells; None for the whole notebook.
    context : str, optional
        What went along; None for the whole notebook.
    notes : list of str
        What the person should know, in sentences.
    parameters : dict
        The values to set, with their types; `perijove.parameters.inject` sets them.
    needed : Needed, optional
        Which cells went along, and for which names; None for the whole notebook.
    """

    document: dict[str, Any]
    cells: list[str] | None = None
    context: str | None = None
    notes: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    needed: Needed | None = None


def convert(
    document: NotebookNode,
    path: str = "notebook",
    cells: str | Sequence[str | int] | None = None,
    context: str = "needed",
    parameters: Mapping[str, Any] | None = None,
    kernel: str | None = None,
) -> Converted:
    """Convert a notebook to the document that runs; `document` itself stays as it is, and nothing is executed.

    Cells tagged ``local-only`` or ``skip-execution`` are dropped. A whole notebook keeps its text cells; of a selection
    only code goes.

    Parameters
    ----------
    document : NotebookNode
        From `read_notebook`.
    path : str
        Its name, for messages.
    cells : str or sequence, optional
        What `select_cells` understands; None for the whole notebook.
    context : str
        What goes along with chosen cells: ``only``, ``needed`` or ``above``.
    parameters : mapping, optional
        Values to check against what the notebook declares.
    kernel : str, optional
        The kernelspec's name, where it is not the notebook's own.

    Raises
    ------
    perijove.errors.UnknownCell
        `cells` names a cell that is not there.
    perijove.errors.InvalidParameter
        A parameter is unknown or of the wrong type.
    perijove.errors.InvalidNotebook
        Nothing remains to run.
    """
    found = None if cells is None else _chosen(document, cells, context)
    values, notes = _values(document, parameters or {}, kernel or "")
    steps: list[Preprocessor] = [TagRemovePreprocessor(enabled=True, remove_cell_tags=set(LOCAL_TAGS))]
    if found is not None:
        steps.append(KeepCells(found.included))
    steps += [ClearOutputPreprocessor(enabled=True), KeepLastingMetadata()]
    node, _ = ConversionExporter(steps).from_notebook_node(document)
    _check_work_remains(node, path, found)
    plain = json.loads(json.dumps(node))
    if found is None:
        return Converted(plain, notes=notes, parameters=values)
    return Converted(plain, found.chosen, context, [*found.notes, *notes], values, found)


def _chosen(document: NotebookNode, cells: str | Sequence[str | int], context: str) -> Needed:
    known: dict[str, Context] = {"only": "only", "needed": "needed", "above": "above"}
    if context not in known:
        raise errors.InvalidSpec(f"{context!r} is no context.", f"Choose one of {', '.join(known)}.")
    ids = select_cells(cells, [cell.id for cell in document.cells])
    return needed_cells(document, ids, known[context])


def _values(document: NotebookNode, given: Mapping[str, Any], kernel: str) -> tuple[dict[str, Any], list[str]]:
    values = check_parameters(inspect_parameters(document, kernel), given)
    check_values(document, values, kernel)
    if not values:
        return values, []
    if not any(TAG in tags_of(cell) for cell in document.cells):
        return values, ["The notebook has no cell tagged 'parameters', so the parameters are set at its top."]
    if not is_python(document, kernel):
        return values, [f"The parameters of {language_of(document)} notebooks are not checked."]
    return values, []


def _check_work_remains(node: NotebookNode, path: str, found: Needed | None) -> None:
    if found is not None and not found.chosen:
        raise errors.InvalidNotebook(
            f"None of the chosen cells of {path!r} can run.",
            "Choose code cells that are not tagged local-only or skip-execution.",
        )
    if not any(cell.cell_type == "code" for cell in node.cells):
        raise errors.InvalidNotebook(
            f"Nothing of {path!r} remains to run.", "All its code cells are tagged local-only or skip-execution."
        )
