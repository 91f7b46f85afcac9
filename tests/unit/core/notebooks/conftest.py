"""Notebooks, written down as their cells' sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

Make = Callable[..., NotebookNode]
_TEXT = "# "


def notebook(*sources: str, tags: dict[int, list[str]] | None = None, **metadata: Any) -> NotebookNode:
    """Return a notebook whose cells' ids are ``c1``, ``c2``…; a source starting with ``# `` is a text cell's."""
    cells = []
    for number, source in enumerate(sources, start=1):
        make = new_markdown_cell if source.startswith(_TEXT) else new_code_cell
        cells.append(make(source, id=f"c{number}", metadata={"tags": tags[number]} if number in (tags or {}) else {}))
    return new_notebook(cells=cells, metadata=metadata)


@pytest.fixture
def make() -> Make:
    """Return `notebook`."""
    return notebook


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a notebook into a project folder."""

    def write(document: NotebookNode, name: str = "train.ipynb") -> Path:
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, path)
        return path

    return write
