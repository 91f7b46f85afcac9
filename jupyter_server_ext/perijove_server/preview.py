"""What a person is shown before anything is sent: the form, what goes along, and the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perijove.client.roots import find_root
from perijove.code import scan
from perijove.model.fleet import Group
from perijove.model.resources import Info
from perijove.notebooks import load_notebook, needed_cells, select_cells
from perijove.parameters import inspect_parameters
from perijove_server.documents import Document
from perijove_server.form import form_schema, form_values

_IGNORED_SHOWN = 10


def preview(document: Document, file: Path, groups: Sequence[Group], info: Info, biggest: int) -> dict[str, Any]:
    """Return a preview; it reads the folder's names and sizes and the notebook's cells, so call it in a thread.

    Parameters
    ----------
    document : Document
        The notebook and what is chosen of it.
    file : Path
        Where the notebook lies.
    groups : sequence of Group
        The worker groups the person may use.
    info : Info
        For the limit of a snapshot.
    biggest : int
        How many of the biggest files to name.
    """
    loaded = load_notebook(document.content, document.path)
    declared = inspect_parameters(loaded.document)
    plan = scan(find_root(file), info.snapshot_limit)
    along, notes = _along(document, loaded.document)
    return {
        "schema": form_schema(groups, declared),
        "values": form_values(document.choices, groups, declared),
        "groups": [group.model_dump(mode="json") for group in groups],
        "along": along,
        "notes": [*loaded.notes, *notes, *plan.notes],
        "snapshot": {
            "size": plan.size,
            "files": plan.count,
            "biggest": [{"path": name, "size": size} for name, size in plan.biggest(biggest)],
            "ignored": list(plan.ignored[:_IGNORED_SHOWN]),
        },
    }


def _along(document: Document, notebook: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """Return, for each choice of what goes along, the cells in order and the names they provide."""
    if document.cells is None:
        return None, []
    chosen = select_cells(document.cells, [cell.id for cell in notebook.cells])
    found = {
        "only": needed_cells(notebook, chosen, "only"),
        "needed": needed_cells(notebook, chosen, "needed"),
        "above": needed_cells(notebook, chosen, "above"),
    }
    along = {
        context: [{"id": cell, "provides": needed.provides.get(cell, [])} for cell in needed.included]
        for context, needed in found.items()
    }
    return along, found["needed"].notes
