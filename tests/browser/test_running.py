"""Running a notebook and its cells from JupyterLab."""

from __future__ import annotations

from pathlib import Path

from gates import Gate
from lab_page import LabPage, WriteNotebook
from playwright.sync_api import expect


def test_run_remotely_brings_a_plot_into_the_cell(lab: LabPage) -> None:
    lab.open("examples/digits.ipynb")
    lab.button("perijove-run").click()
    form = lab.dialog.locator(".pj-RunForm")
    expect(form.get_by_label("epochs")).to_have_value("30")
    form.get_by_label("epochs").fill("12")
    lab.accept()
    lab.expect_state("complete")
    expect(lab.output(3).locator("img")).to_be_visible()
    expect(lab.output(2)).to_contain_text('"epoch": 12')
    expect(lab.badge(3)).to_have_attribute("data-state", "done")
    expect(lab.cells.nth(3).locator(".jp-InputPrompt")).not_to_have_text("[ ]:")
    plot = lab.output(3).locator("img")
    plot.scroll_into_view_if_needed()
    expect(plot).to_be_in_viewport()


def test_the_second_click_runs_at_once(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("print('hello from afar')"))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("hello from afar")
    lab.expect_state("complete")
    first = lab.badge(0).locator(".pj-Badge-number").inner_text()
    lab.button("perijove-run").click()
    expect(lab.badge(0).locator(".pj-Badge-number")).not_to_have_text(first)
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("hello from afar")
    lab.button("perijove-configure").click()
    expect(lab.dialog.locator(".pj-RunForm")).to_be_visible()


def test_a_large_output_appears_while_the_run_goes_on(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    display = "from IPython.display import HTML, display\ndisplay(HTML('<b>large</b>' + ' ' * 300_000))\n"
    lab.open(write_notebook(display + gate.source("begun", "ended")))
    lab.run_remotely()
    expect(lab.output(0)).to_contain_text("begun")
    expect(lab.output(0).locator("b")).to_have_text("large")
    gate.open()
    lab.expect_state("complete")
    expect(lab.output(0)).to_contain_text("ended")


def test_a_stopped_run_says_so_and_lets_its_cells_go(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    lab.open(write_notebook(gate.source("begun"), "print('never')"))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    expect(lab.cells.nth(0).locator(".jp-InputPrompt")).to_have_text("[*]:")
    lab.page.locator(".pj-RunState-stop").click()
    lab.expect_state("stopped")
    expect(lab.badge(0)).to_have_attribute("data-state", "stopped")
    expect(lab.badge(1)).to_have_attribute("data-state", "skipped")
    expect(lab.output(0)).to_contain_text("begun")
    expect(lab.cells.nth(0).locator(".jp-InputPrompt")).not_to_have_text("[*]:")


def test_a_cell_runs_with_what_it_needs(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("base = 20", "print('not needed')", "print(base + 2)"))
    lab.cells.nth(2).click()
    lab.cells.nth(2).locator("[data-jp-item-name='perijove-run-cell'] jp-button").click()
    expect(lab.dialog.get_by_label("With what it needs")).to_be_checked()
    expect(lab.cells.nth(0)).to_contain_class("pj-mod-along")
    expect(lab.cells.nth(1)).not_to_contain_class("pj-mod-along")
    lab.page.screenshot(path=Path(__file__).with_name("screenshots") / "along.png")
    lab.accept()
    expect(lab.output(2)).to_have_text("22")
    expect(lab.badge(0)).to_have_attribute("data-state", "done")
    expect(lab.badge(1)).to_have_count(0)
    expect(lab.cells.nth(0)).not_to_contain_class("pj-mod-along")


def test_a_failing_cell_shows_its_traceback(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("1 / 0", "print('never')"))
    lab.run_remotely()
    lab.expect_state("error")
    expect(lab.output(0).locator(".jp-RenderedText")).to_contain_text("ZeroDivisionError: division by zero")
    expect(lab.output(0).locator(".ansi-red-fg").first).to_be_visible()
    expect(lab.badge(0)).to_have_attribute("data-state", "failed")
    expect(lab.badge(1)).to_have_attribute("data-state", "skipped")


def test_displays_are_cleared_and_updated_as_a_local_kernel_would(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(
        write_notebook(
            "from IPython.display import HTML, clear_output, display, display_markdown\n"
            "handle = display(HTML('<b>first</b>'), display_id=True)",
            "print('to be cleared')\nclear_output(wait=True)\nprint('kept')",
            "handle.update(HTML('<i>second</i>'))",
            "from tqdm import tqdm\nfor _ in tqdm(range(200), ncols=60): pass",
            "print('\\x1b[32mgreen\\x1b[0m')",
        )
    )
    lab.run_remotely()
    lab.expect_state("complete")
    expect(lab.output(0).locator("i")).to_have_text("second")
    expect(lab.output(0)).not_to_contain_text("first")
    expect(lab.output(1)).to_have_text("kept")
    expect(lab.output(3)).to_contain_text("100%")
    expect(lab.output(3)).not_to_contain_text("| 0/200")
    expect(lab.output(4).locator(".ansi-green-fg")).to_have_text("green")


def test_a_notebook_without_a_kernel_runs_and_gets_none(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open_without_kernel(
        write_notebook(
            "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 1))\nplt.plot([1, 3, 2])\nplt.show()", "7 * 6"
        )
    )
    expect(lab.page.locator(".jp-KernelName")).to_contain_text("No Kernel")
    lab.run_remotely()
    lab.expect_state("complete")
    expect(lab.output(0).locator("img")).to_have_count(1)
    expect(lab.output(1).locator(".jp-OutputArea-executeResult")).to_contain_text("42")
    expect(lab.page.locator(".jp-KernelName")).to_contain_text("No Kernel")


def test_the_local_kernel_is_untouched_and_takes_its_cell_back(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("import os\nplace = os.environ.get('PERIJOVE_EXECUTION', 'here')", "print(place)"))
    lab.run_here(0)
    expect(lab.cells.nth(0).locator(".jp-InputPrompt")).to_have_text("[1]:")
    lab.run_remotely()
    lab.expect_state("complete")
    expect(lab.badge(1)).to_have_attribute("data-state", "done")
    expect(lab.output(1)).not_to_have_text("here")
    lab.run_here(1)
    expect(lab.output(1)).to_have_text("here")
    # The remote run has not counted here.
    expect(lab.cells.nth(1).locator(".jp-InputPrompt")).to_have_text("[2]:")
    expect(lab.badge(1)).to_have_count(0)
    expect(lab.badge(0)).to_have_count(1)


def test_the_keyboard_opens_the_dialog_and_leaves_it(lab: LabPage, write_notebook: WriteNotebook) -> None:
    lab.open(write_notebook("print(1)"))
    lab.cells.nth(0).locator(".jp-InputPrompt").click()
    lab.page.keyboard.press("Control+Alt+R")
    # JupyterLab hands the dialog the keyboard a moment after it shows it.
    expect(lab.dialog.locator(".jp-Dialog-footer .jp-mod-accept")).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(lab.dialog).to_have_count(0)
    expect(lab.badge(0)).to_have_count(0)
