"""The example notebook is what the documentation says it is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest


@pytest.fixture(scope="module")
def example(root: Path) -> Any:
    return nbformat.read(root / "examples" / "digits.ipynb", as_version=nbformat.NO_CONVERT)


def test_it_is_a_valid_notebook_without_outputs(example: Any) -> None:
    nbformat.validate(example)
    assert (example.nbformat, example.nbformat_minor) == (4, 5)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in example.cells)


def test_its_parameters_are_plain_assignments(example: Any) -> None:
    (cell,) = [cell for cell in example.cells if "parameters" in cell.metadata.get("tags", [])]
    names = [statement.targets[0].id for statement in ast.parse(cell.source).body]
    assert names == ["epochs", "learning_rate", "hidden", "seed"]


def test_every_code_cell_is_introduced(example: Any) -> None:
    kinds = [cell.cell_type for cell in example.cells]
    assert all(kinds[place - 1] == "markdown" for place, kind in enumerate(kinds) if kind == "code")
