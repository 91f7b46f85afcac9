"""Perijove follows JupyterLab's theme."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from executions_page import ExecutionsPage
from lab_page import LabPage, WriteNotebook, write_settings
from playwright.sync_api import expect

_LIGHTNESS = """element => {
  const [r, g, b] = getComputedStyle(element).color.match(/[\\d.]+/g).map(Number);
  return (r + g + b) / 3;
}"""


@pytest.fixture(params=["JupyterLab Dark", "JupyterLab Dark High Contrast"])
def dark(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """JupyterLab's settings say dark for the length of a test."""
    theme = str(request.param)
    file = write_settings(folder, "themes", json.dumps({"theme": theme}))
    yield theme
    file.unlink()


def test_dark_themes_make_everything_light_on_dark(lab: LabPage, dark: str, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("print('hello')", "1 / 0"))
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", dark)
    executions.show()
    lab.button("perijove-run").click()
    form = lab.dialog.locator(".pj-RunForm")
    expect(form).to_be_visible()
    assert form.evaluate(_LIGHTNESS) > 128
    assert form.locator("select").first.evaluate(_LIGHTNESS) > 128
    lab.page.screenshot(path=Path(__file__).with_name("screenshots") / f"{dark} dialog.png")
    lab.accept()
    lab.expect_state("error")
    assert lab.badge(0).evaluate(_LIGHTNESS) > 128
    assert lab.state.evaluate(_LIGHTNESS) > 128
    row = executions.row(executions.number_of(lab))
    expect(row).to_contain_text("failed")
    assert row.evaluate(_LIGHTNESS) > 128
