"""Notebooks of which JupyterLab keeps only what is in sight in the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_page import LabPage, WriteNotebook, write_settings
from playwright.sync_api import Locator, expect

_CELLS = 220


@pytest.fixture
def windowed(folder: Path) -> Iterator[None]:
    """JupyterLab with its full windowing."""
    file = write_settings(folder, "tracker", '{"windowingMode": "full"}', "notebook-extension")
    yield
    file.unlink()


def _cell(lab: LabPage, index: int) -> Locator:
    """Return a cell, which is brought into sight."""
    lab.page.evaluate("index => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, 'center')", index)
    return lab.page.locator(f".jp-CodeCell[data-windowed-list-index='{index}']")


def _expect_outputs(lab: LabPage) -> None:
    for index in (0, _CELLS // 2, _CELLS - 1, _CELLS // 3):
        cell = _cell(lab, index)
        expect(cell.locator(".jp-Cell-outputArea")).to_have_text(f"number {index}")
        expect(cell.locator(".pj-Badge")).to_have_attribute("data-state", "done")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(f"[{index + 1}]:")


@pytest.mark.usefixtures("windowed")
def test_cells_out_of_sight_get_their_outputs_too(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook(*(f"print('number', {n})" for n in range(_CELLS))))
    lab.run_remotely()
    lab.expect_state("complete")
    assert lab.cells.count() < _CELLS
    _expect_outputs(lab)
    lab.page.keyboard.press("Control+S")
    lab.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    lab.reload()
    _expect_outputs(lab)
