"""Perijove follows JupyterLab's theme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_page import LabPage, WriteNotebook, write_settings
from playwright.sync_api import expect

_LIGHTNESS = """element => {
  const [r, g, b] = getComputedStyle(element).color.match(/[\\d.]+/g).map(Number);
  return (r + g + b) / 3;
}"""


@pytest.fixture
def dark(folder: Path) -> Iterator[None]:
    """JupyterLab's settings say dark for the length of a test."""
    file = write_settings(folder, "themes", '{"theme": "JupyterLab Dark"}')
    yield
    file.unlink()


@pytest.mark.usefixtures("dark")
def test_the_dark_theme_makes_everything_light_on_dark(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("print('hello')"))
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    lab.button("perijove-run").click()
    form = lab.dialog.locator(".pj-RunForm")
    expect(form).to_be_visible()
    assert form.evaluate(_LIGHTNESS) > 128
    assert form.locator("select").first.evaluate(_LIGHTNESS) > 128
    lab.page.screenshot(path=Path(__file__).with_name("screenshots") / "dark_dialog.png")
    lab.accept()
    lab.expect_state("complete")
    assert lab.badge(0).evaluate(_LIGHTNESS) > 128
    assert lab.state.evaluate(_LIGHTNESS) > 128
