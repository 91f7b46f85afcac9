"""Notebook documents as they are submitted: checked, and written in one canonical way."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from nbformat.validator import iter_validate

from perijove.errors import InvalidNotebook, TooLarge, UnknownCell
from perijove.model.canonical import encode
from perijove.model.spec import Notebook

_MAJOR, _MINOR = 4, 5
_LONGEST_COMPLAINT = 300


@dataclass(frozen=True)
class Document:
    """A valid notebook document: its bytes and their digest."""

    body: bytes
    sha256: str


async def checked(notebook: dict[str, Any], limit: int) -> Document:
    """Return a document in canonical form; the work is done in a thread, as large ones take a while.

    Raises
    ------
    perijove.errors.InvalidNotebook
        It is not a notebook of format 4.5 or a later 4, or has nothing to run.
    perijove.errors.TooLarge
        It has more than `limit` bytes.
    """
    return await asyncio.to_thread(_checked, notebook, limit)


async def with_parameters(
    notebook: dict[str, Any], spec: Notebook, parameters: dict[str, Any], limit: int
) -> tuple[Document, dict[str, Any]]:
    """Return a document with these parameters set in a cell of their own, and the parameters with their types.

    A document that already sets them, as those of our clients do, comes out as it is.

    Raises
    ------
    perijove.errors.InvalidParameter
        The notebook has no such parameter, or the value is not of its type.
    """
    return await asyncio.to_thread(_with_parameters, notebook, spec, parameters, limit)


def _with_parameters(
    notebook: dict[str, Any], spec: Notebook, parameters: dict[str, Any], limit: int
) -> tuple[Document, dict[str, Any]]:
    # It takes seconds and 30 MB to import, and most services never need it.
    from perijove.notebooks import convert, load_notebook  # noqa: PLC0415

    loaded = load_notebook(notebook, spec.path)
    converted = convert(loaded.document, spec.path, parameters=parameters, kernel=spec.kernel)
    return _checked(converted.document, limit), converted.parameters


def check_cells(notebook: dict[str, Any], chosen: list[str] | None) -> None:
    """Check that the cells a spec names are in the document.

    Raises
    ------
    perijove.errors.UnknownCell
        One is not.
    """
    known = {cell["id"] for cell in notebook["cells"]}
    if missing := [cell for cell in chosen or [] if cell not in known]:
        raise UnknownCell(f"The notebook has no cell '{missing[0]}'.")


def _checked(notebook: dict[str, Any], limit: int) -> Document:
    try:
        body = encode(notebook)
    except ValueError as error:
        raise InvalidNotebook("The notebook holds a value that JSON cannot.") from error
    if len(body) > limit:
        raise TooLarge(
            f"The notebook has {len(body):,} bytes; the limit is {limit:,}.",
            "Clear its outputs before you submit it, or keep data in files.",
        )
    _check_format(notebook)
    return Document(body, hashlib.sha256(body).hexdigest())


def _check_format(notebook: dict[str, Any]) -> None:
    version = (notebook.get("nbformat"), notebook.get("nbformat_minor"))
    if version[0] != _MAJOR or not isinstance(version[1], int) or version[1] < _MINOR:
        raise InvalidNotebook("This is not a notebook of format 4.5 or later.", "Open and save it in JupyterLab.")
    problem = next(iter(iter_validate(notebook)), None)  # type: ignore[no-untyped-call]  # nbformat has no types
    if problem is not None:
        where = ".".join(str(part) for part in getattr(problem, "path", ()))
        complaint = str(getattr(problem, "message", problem)).splitlines()[0][:_LONGEST_COMPLAINT]
        raise InvalidNotebook(f"This is not a valid notebook: {complaint}", f"Look at {where}." if where else "")
    counts = Counter(cell["id"] for cell in notebook["cells"])
    if repeated := [cell for cell, count in counts.items() if count > 1]:
        raise InvalidNotebook(f"Two cells have the id '{repeated[0]}'.", "Save it in JupyterLab, which mends that.")
    if not any(cell["cell_type"] == "code" for cell in notebook["cells"]):
        raise InvalidNotebook("The notebook has no code cell to run.")
