"""Reads notebook files: whatever their age, as nbformat 4.5 with a sound id on every cell."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from perijove import errors
from perijove.model.sizes import describe_size
from perijove.safe_json import repaired

#: The largest notebook file that is read, in bytes.
NOTEBOOK_LIMIT = 64 << 20
_MAJOR, _MINOR = 4, 5
_CELL_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_HINT = "Open it in JupyterLab and save it again, or give another file."


@dataclass(frozen=True)
class LoadedNotebook:
    """A notebook as nbformat 4.5.

    Attributes
    ----------
    document : NotebookNode
        The notebook.
    notes : list of str
        What was changed to make it so, in sentences for the person.
    """

    document: NotebookNode
    notes: list[str] = field(default_factory=list)


def read_notebook(path: str | Path, limit: int = NOTEBOOK_LIMIT) -> LoadedNotebook:
    """Read a notebook file.

    Parameters
    ----------
    path : str or Path
        The file.
    limit : int
        The most bytes it may have.

    Raises
    ------
    perijove.errors.InvalidNotebook
        There is no such file, it is not a notebook, or it has no code cells.
    perijove.errors.TooLarge
        It has more than `limit` bytes.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise errors.InvalidNotebook(
            f"The notebook {file.name!r} can't be read: {error.strerror}.", "Check the path."
        ) from None
    if len(content) > limit:
        raise errors.TooLarge(
            f"The notebook {file.name!r} is larger than the limit of {describe_size(limit)}.",
            "Clear its outputs and save it.",
        )
    return load_notebook(content, file.name)


def load_notebook(content: bytes | str | dict[str, Any], name: str = "notebook") -> LoadedNotebook:
    """Return a notebook from its JSON text, or from the object that text stands for; `name` is for messages.

    Raises
    ------
    perijove.errors.InvalidNotebook
        It is not a notebook, or it has no code cells.
    """
    data = _parsed(content, name)
    notes: list[str] = []
    if not _is_unicode(data):
        data = repaired(data)
        notes.append("Text that is no Unicode (half of a character) was replaced; the file is as it was.")
    try:
        document = _upgraded(data, notes)
        notes += _mend_ids(document)
        nbformat.validate(document)
    except (nbformat.ValidationError, KeyError, AttributeError, TypeError, ValueError, RecursionError) as error:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise errors.InvalidNotebook(f"{name!r} is not a valid notebook: {what[:200]}", _HINT) from None
    if not any(cell.cell_type == "code" for cell in document.cells):
        raise errors.InvalidNotebook(f"The notebook {name!r} has no code cells.", "Add one; there is nothing to run.")
    return LoadedNotebook(document, notes)


def _parsed(content: bytes | str | dict[str, Any], name: str) -> dict[str, Any]:
    try:
        data = content if isinstance(content, dict) else json.loads(content)
    except (ValueError, RecursionError):
        raise errors.InvalidNotebook(f"{name!r} is not a notebook: it is not JSON.", _HINT) from None
    if not isinstance(data, dict) or not isinstance(data.get("nbformat"), int):
        raise errors.InvalidNotebook(f"{name!r} is JSON, but not a notebook: it names no nbformat.", _HINT)
    if not 1 <= data["nbformat"] <= _MAJOR:
        raise errors.InvalidNotebook(f"{name!r} is of nbformat {data['nbformat']}, which is not known here.", _HINT)
    return data


def _is_unicode(data: dict[str, Any]) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True  # not for that reason: what reads it next says what is wrong
    return True


def _upgraded(data: dict[str, Any], notes: list[str]) -> NotebookNode:
    document: NotebookNode = nbformat.reader.reads(json.dumps(data))
    major, minor = nbformat.reader.get_version(document)
    if (major, minor) < (_MAJOR, _MINOR):
        document = nbformat.convert(document, _MAJOR) if major < _MAJOR else nbformat.v4.upgrade(document)
        for cell in document.cells:  # nbformat draws them by lot; the same file shall give the same document
            cell.pop("id", None)
        notes.append(
            f"The notebook was upgraded from nbformat {major}.{minor} to {_MAJOR}.{_MINOR}; the file is as it was."
        )
    document.nbformat_minor = _MINOR
    for item in ("orig_nbformat", "orig_nbformat_minor"):
        document.metadata.pop(item, None)
    return document


def _mend_ids(document: NotebookNode) -> list[str]:
    """Give every cell an id of its own, by its position, where it has none or another cell's; return notes."""
    notes = []
    taken = {cell.get("id") for cell in document.cells}
    seen: set[str] = set()
    for number, cell in enumerate(document.cells, start=1):
        found = cell.get("id")
        if not isinstance(found, str) or not _CELL_ID.fullmatch(found) or found in seen:
            cell["id"] = next(new for new in _position_ids(number) if new not in taken)
            taken.add(cell["id"])
            if found is not None:
                notes.append(f"Cell {number} got a new id: {str(found)[:64]!r} is another cell's, or not valid.")
        seen.add(cell["id"])
    return notes


def _position_ids(number: int) -> Iterator[str]:
    text = f"perijove cell {number}"
    while True:
        text = hashlib.sha256(text.encode()).hexdigest()
        yield text[:8]
