"""Notebook documents as they are submitted: checked, written in one canonical way, and outlined.

These functions read what other people wrote. The larger of their work runs on `perijove.aio.executors.DOCUMENTS`, whose
processes import this module: so it imports nothing of the services.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat.validator import iter_validate

from perijove.errors import InvalidNotebook, PerijoveError, UnknownCell
from perijove.model.canonical import encode
from perijove.parameters import Parameter, check_parameters, check_values, inspect_parameters, is_python
from perijove.safe_json import MESSAGE, Bounds, fits

_MAJOR, _MINOR = 4, 5
_LONGEST_COMPLAINT = 300
_LONGEST_NAME = 100
#: What a document may hold: no deeper than a kernel's message, as it becomes one.
_BOUNDS = Bounds(MESSAGE.depth, 5_000_000, MESSAGE.characters)
#: The most parameters that a notebook may declare.
_PARAMETERS = 10_000


@dataclass(frozen=True)
class Outline:
    """What the service has to know of a document when an execution is to run it.

    Attributes
    ----------
    cells : frozenset of str
        Its cells' ids.
    declared : tuple of Parameter
        The parameters that it declares, if it is Python.
    metadata : mapping
        What its metadata say of its language and its kernel.
    """

    cells: frozenset[str]
    declared: tuple[Parameter, ...]
    metadata: Mapping[str, Mapping[str, str]]

    def is_python(self, kernel: str) -> bool:
        """Return whether its parameters are set in Python; `kernel` is the kernelspec's name, if not its own."""
        return is_python({"metadata": self.metadata}, kernel)

    def check_cells(self, chosen: Sequence[str] | None) -> None:
        """Check that the cells a spec names are in the document.

        Raises
        ------
        perijove.errors.UnknownCell
            One is not.
        """
        if missing := [cell for cell in chosen or () if cell not in self.cells]:
            raise UnknownCell(f"The notebook has no cell '{missing[0]}'.")


@dataclass(frozen=True)
class Document:
    """A valid notebook document: its bytes, their digest, and its outline."""

    body: bytes
    sha256: str
    outline: Outline


def read_document(notebook: Mapping[str, Any]) -> Document:
    """Return a document in canonical form.

    Raises
    ------
    perijove.errors.InvalidNotebook
        It is not a notebook of format 4.5 or a later 4, has nothing to run, or holds what no kernel could be sent.
    """
    if not fits(notebook, _BOUNDS):
        raise InvalidNotebook(f"The notebook is nested more than {_BOUNDS.depth} deep, or holds too many values.")
    try:
        body = encode(dict(notebook))
    except ValueError as error:
        raise InvalidNotebook("The notebook holds a value that JSON cannot.") from error
    _check_format(notebook)
    return Document(body, hashlib.sha256(body).hexdigest(), _outline(notebook))


def outline(body: bytes) -> Outline:
    """Return the outline of a document that was stored as `read_document` returned it."""
    return _outline(json.loads(body))


def typed(
    outline: Outline, kernel: str, given: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], PerijoveError | None]:
    """Return sets of parameters with the types that a document declares.

    Parameters
    ----------
    kernel : str
        The kernelspec's name, where it is not the notebook's own.
    given : sequence of mapping
        Values by name.

    Returns
    -------
    list of dict
        The sets up to the first that is refused.
    PerijoveError, optional
        Why that is.
    """
    document = {"metadata": outline.metadata}
    declared = outline.declared if outline.is_python(kernel) else ()
    found: list[dict[str, Any]] = []
    for values in given:
        try:
            checked = check_parameters(declared, values)
            check_values(document, checked, kernel)
        except PerijoveError as error:
            return found, error
        found.append(checked)
    return found, None


def _outline(notebook: Mapping[str, Any]) -> Outline:
    # Read as Python: whether it is depends on the kernel that a spec names, too.
    declared = inspect_parameters({**notebook, "metadata": {}})
    if len(declared) > _PARAMETERS:
        raise InvalidNotebook(f"The notebook declares {len(declared):,} parameters; {_PARAMETERS:,} are the most.")
    cells = frozenset(cell["id"] for cell in notebook["cells"])
    named = {part: _names(notebook["metadata"].get(part)) for part in ("kernelspec", "language_info")}
    return Outline(cells, tuple(declared), named)


def _names(part: object) -> dict[str, str]:
    if not isinstance(part, Mapping):
        return {}
    return {name: str(part[name])[:_LONGEST_NAME] for name in ("name", "language") if part.get(name)}


def _check_format(notebook: Mapping[str, Any]) -> None:
    version = (notebook.get("nbformat"), notebook.get("nbformat_minor"))
    if version[0] != _MAJOR or not isinstance(version[1], int) or version[1] < _MINOR:
        raise InvalidNotebook("This is not a notebook of format 4.5 or later.", "Open and save it in JupyterLab.")
    problem = next(iter(iter_validate(notebook)), None)
    if problem is not None:
        where = ".".join(str(part) for part in getattr(problem, "path", ()))[:_LONGEST_COMPLAINT]
        complaint = str(getattr(problem, "message", problem))[:_LONGEST_COMPLAINT].splitlines()[0]
        raise InvalidNotebook(f"This is not a valid notebook: {complaint}", f"Look at {where}." if where else "")
    counts = Counter(cell["id"] for cell in notebook["cells"])
    if repeated := [cell for cell, count in counts.items() if count > 1]:
        raise InvalidNotebook(f"Two cells have the id '{repeated[0]}'.", "Save it in JupyterLab, which mends that.")
    if not any(cell["cell_type"] == "code" for cell in notebook["cells"]):
        raise InvalidNotebook("The notebook has no code cell to run.")
