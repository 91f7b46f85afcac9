"""What a document says of itself: its language, and its cells' tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The tags of the cell that declares parameters, and of the one that sets them.
TAG, INJECTED_TAG = "parameters", "injected-parameters"
_PYTHON = frozenset({"python", "ipython", "python3"})
#: Kernels whose name says in which language papermill sets parameters, whatever the notebook's language.
_PYTHON_KERNELS = frozenset({"python", "pysparkkernel"})
_OTHER_KERNELS = frozenset({
    "R", "scala", "julia", "matlab", ".net-csharp", ".net-fsharp", ".net-powershell", "sparkkernel", "sparkrkernel",
    "bash",
})  # fmt: skip


def language_of(document: Mapping[str, Any]) -> str:
    """Return the language of a notebook's code, as its metadata name it: ``python``, ``R``, ``julia``."""
    found = _named(document, "language_info", "name") or _named(document, "kernelspec", "language")
    return str(found or "python")


def kernel_of(document: Mapping[str, Any]) -> str:
    """Return the name of a notebook's own kernelspec; empty if it names none."""
    return str(_named(document, "kernelspec", "name") or "")


def is_python(document: Mapping[str, Any], kernel: str = "") -> bool:
    """Return whether a notebook's parameters are set in Python; `kernel` is the kernelspec's name, if not its own."""
    name = kernel or kernel_of(document)
    return name in _PYTHON_KERNELS or (name not in _OTHER_KERNELS and language_of(document).lower() in _PYTHON)


def tags_of(cell: Mapping[str, Any]) -> list[str]:
    """Return a cell's tags."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def _named(document: Mapping[str, Any], part: str, name: str) -> Any:
    metadata = document.get("metadata")
    found = metadata.get(part) if isinstance(metadata, Mapping) else None
    return found.get(name) if isinstance(found, Mapping) else None
