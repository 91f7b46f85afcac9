"""A long notebook of which JupyterLab shows only the cells in sight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gates import Gate
from lab_page import LabPage, WriteNotebook, write_settings
from playwright.sync_api import Locator, expect

_CELLS = 31
#: Makes a cell more than a hundred pixels high.
_LINES = "\n# a line" * 6


@pytest.fixture(params=["full", "contentVisibility"])
def windowed(request: pytest.FixtureRequest, folder: Path) -> Iterator[None]:
    """JupyterLab's settings say so for the length of a test."""
    settings = json.dumps({"windowingMode": request.param})
    file = write_settings(folder, "tracker", settings, "notebook-extension")
    yield
    file.unlink()


@pytest.mark.usefixtures("windowed")
def test_what_is_out_of_sight_has_its_outputs_when_it_is_gone_to(
    lab: LabPage, write_notebook: WriteNotebook, gate: Gate
) -> None:
    sources = [f"print('output of', {n})" for n in range(_CELLS)]
    sources[-1] = gate.source("begun", "the rest")
    lab.open(write_notebook(*(source + _LINES for source in sources)))
    lab.run_remotely()
    lab.cells.first.locator(".jp-InputPrompt").click()
    last = _CELLS - 1
    _walk(lab, last)
    _expect(_cell(lab, "time.sleep"), "begun", "running")
    _walk(lab, -last // 2)
    _expect(_cell(lab, f"print('output of', {last // 2})"), f"output of {last // 2}", "done")
    _walk(lab, -last)
    _expect(_cell(lab, "print('output of', 0)"), "output of 0", "done")
    gate.open()
    lab.expect_state("complete")
    _walk(lab, last)
    _expect(_cell(lab, "time.sleep"), "begun\nthe rest", "done")


def _cell(lab: LabPage, source: str) -> Locator:
    return lab.cells.filter(has=lab.page.locator(".jp-InputArea", has_text=source))


def _walk(lab: LabPage, steps: int) -> None:
    """Go down or up by so many cells with the keyboard; JupyterLab brings the one it ends at into sight."""
    for _ in range(abs(steps)):
        lab.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")


def _expect(cell: Locator, output: str, state: str) -> None:
    expect(cell).to_be_in_viewport()
    expect(cell.locator(".jp-Cell-outputArea")).to_have_text(output)
    expect(cell.locator(".pj-Badge")).to_have_attribute("data-state", state)
