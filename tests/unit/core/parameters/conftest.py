"""Notebooks, written down as their cells' sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def notebook(*sources: str, tags: dict[int, list[str]] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return a notebook of code cells, whose ids are ``c1``, ``c2``…, as JSON has it."""
    cells = [
        {"cell_type": "code", "id": f"c{number}", "source": source, "outputs": [], "execution_count": None,
         "metadata": {"tags": tags[number]} if number in (tags or {}) else {}}
        for number, source in enumerate(sources, start=1)
    ]  # fmt: skip
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def make() -> Callable[..., dict[str, Any]]:
    """Return `notebook`."""
    return notebook
