"""Executions in JupyterLab: the sidebar, the tab of one, some beside each other, and the card in a cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from executions_page import ExecutionsPage
from gates import Gate
from lab_page import LabPage, WriteNotebook, write_settings
from playwright.sync_api import Response, expect

_METRICS = """
import json
for epoch in range(1, steps + 1):
    print(json.dumps({"epoch": epoch, "loss": round(1 / epoch, 3)}), flush=True)
"""


@pytest.fixture
def trained(lab: LabPage, write_notebook: WriteNotebook, folder: Path) -> LabPage:
    """A notebook with parameters that has run remotely."""
    path = write_notebook("steps = 3\nname = 'plain'", _METRICS)
    notebook = nbformat.read(folder / path, as_version=4)
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, folder / path)
    lab.open(path)
    lab.run_remotely()
    lab.expect_state("complete")
    return lab


def test_the_sidebar_shows_a_run_as_it_goes(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook(gate.source("begun"), "print('after')"))
    executions.show()
    lab.run_remotely()
    row = executions.row(executions.number_of(lab))
    expect(row).to_contain_text("running")
    expect(row.locator(".pj-Advance")).to_be_visible()
    gate.open()
    expect(row).to_contain_text("done")
    expect(row.locator(".pj-Status")).to_have_attribute("data-status", "complete")
    expect(row.locator(".pj-Advance")).to_have_count(0)


def test_the_list_is_filtered_by_notebook_state_and_words(
    lab: LabPage, write_notebook: WriteNotebook, folder: Path
) -> None:
    executions = ExecutionsPage(lab.page)
    file = folder / write_notebook("1 / 0")
    lab.open(str(file.rename(file.with_name("only-this.ipynb")).relative_to(folder)))
    lab.run_remotely()
    lab.expect_state("error")
    executions.show()
    row = executions.row(executions.number_of(lab))
    executions.choose("Whose executions", "notebook")
    expect(executions.rows).to_have_count(1)
    expect(row).to_contain_text("failed")
    executions.choose("Which state", "complete")
    expect(executions.panel).to_contain_text("Nothing matches the filter.")
    executions.choose("Which state", "failed")
    expect(row).to_be_visible()
    executions.search("nowhere to be found")
    expect(executions.panel).to_contain_text("Nothing matches the filter.")
    executions.search("only-this")
    expect(row).to_be_visible()


def test_an_execution_has_a_tab_with_its_log_metrics_and_stages(
    lab: LabPage, write_notebook: WriteNotebook, gate: Gate
) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("steps = 8", _METRICS, gate.source("\x1b[31mred words\x1b[0m", "the end")))
    lab.run_remotely()
    expect(lab.output(2)).to_contain_text("red words")
    executions.show()
    detail = executions.open(executions.number_of(lab))
    expect(detail.locator(".pj-Log .ansi-red-fg")).to_have_text("red words")
    loss = detail.locator(".pj-Figure", has_text="loss")
    expect(loss.locator("canvas")).to_be_visible()
    expect(loss.locator("b")).to_have_text("0.125")
    expect(detail.locator(".pj-Cells li[data-state='running']")).to_have_count(1)
    expect(detail.locator(".pj-Stages-words")).to_contain_text("Running")
    gate.open()
    expect(detail.locator(".pj-Log")).to_contain_text("the end")
    expect(detail.locator(".pj-Cells")).to_contain_text("3 of 3 cells done")
    detail.get_by_label("Search the log").fill("RED")
    expect(detail.locator(".pj-Log-bar [role='status']")).to_have_text("1 line")
    expect(detail.locator(".pj-Log")).not_to_contain_text("the end")
    detail.get_by_label("Search the log").fill("")
    expect(detail.locator(".pj-Outputs")).to_contain_text("work.ipynb")


def test_a_failure_says_why_and_what_helps(lab: LabPage, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("1 / 0"))
    lab.run_remotely()
    lab.expect_state("error")
    executions.show()
    words = executions.open(executions.number_of(lab)).locator(".pj-Header-words")
    expect(words).to_have_attribute("data-failed", "true")
    expect(words).to_contain_text("ZeroDivisionError")
    expect(words.locator(".pj-Quiet")).not_to_be_empty()


def test_an_execution_is_stopped_from_its_tab(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook(gate.source("begun")))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    executions.show()
    number = executions.number_of(lab)
    executions.open(number)
    executions.press("Stop")
    expect(executions.row(number)).to_contain_text("stopped")


def test_a_run_again_with_another_parameter_is_compared(trained: LabPage) -> None:
    lab, executions = trained, ExecutionsPage(trained.page)
    executions.show()
    first = executions.number_of(lab)
    executions.open(first)
    executions.press("Run again…")
    expect(lab.dialog.get_by_label("steps")).to_have_value("3")
    lab.dialog.get_by_label("steps").fill("6")
    lab.accept()
    expect(executions.detail).not_to_contain_text(f"#{first}")
    expect(executions.detail.locator(".pj-Header")).to_contain_text("It completed")
    second = executions.shown
    compare = executions.compare(first, second)
    parameter = compare.get_by_role("table", name="Parameters").locator("tr", has_text="steps")
    expect(parameter).to_have_attribute("data-differs", "true")
    expect(parameter.locator("td").last).to_have_text("6")
    loss = compare.locator(".pj-Figure", has_text="loss")
    expect(loss.locator("canvas")).to_be_visible()
    expect(loss.locator("small")).to_have_count(2)


def test_the_notebook_that_ran_is_opened(lab: LabPage, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("print('as it ran')"))
    lab.run_remotely()
    lab.expect_state("complete")
    executions.show()
    number = executions.number_of(lab)
    executions.open(number)
    executions.press("Open notebook")
    opened = lab.page.locator(".jp-NotebookPanel:visible")
    expect(opened.locator(".jp-OutputArea")).to_contain_text("as it ran")
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabLabel")).to_contain_text(f"{number}.ipynb")


def test_tabs_come_back_with_the_page(lab: LabPage, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("print('{\"loss\": 0.5}')"))
    lab.run_remotely()
    lab.expect_state("complete")
    first = executions.number_of(lab)
    lab.button("perijove-run").click()
    expect(lab.state).not_to_contain_text(f"#{first}")
    lab.expect_state("complete")
    second = executions.number_of(lab)
    executions.show()
    with lab.page.expect_response(_saves_tabs("perijove-execution", "perijove-compare")):
        lab.state.click()
        expect(executions.detail.locator("h2")).to_contain_text(f"#{second}")
        expect(executions.compare(first, second).get_by_role("table", name="Results")).to_be_visible()
    lab.page.goto(f"{lab.url}lab")
    comparison = lab.page.locator(".pj-Compare:visible")
    for number in (first, second):
        expect(comparison).to_contain_text(f"#{number}")
        expect(executions.row(number)).to_be_visible()
    lab.page.get_by_role("tab", name=f"#{second} work.ipynb").click()
    expect(executions.detail.locator(".pj-Log")).to_contain_text("loss")


def _saves_tabs(*kinds: str) -> Callable[[Response], bool]:
    """Return what recognises that JupyterLab has saved its layout with tabs of these kinds."""

    def saves(answer: Response) -> bool:
        if answer.request.method != "PUT" or "/api/workspaces/" not in answer.url:
            return False
        layout = answer.request.post_data_json["data"].get("layout-restorer:data", {})
        tabs = json.dumps(layout.get("main", {}))
        return answer.ok and all(kind in tabs for kind in kinds)

    return saves


def test_a_cell_displays_a_card_that_lives_and_survives_a_reload(lab: LabPage, write_notebook: WriteNotebook) -> None:
    source = "import perijove\nperijove.run(command='echo hello', group='local', title='From a cell')"
    lab.open(write_notebook(source))
    expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("Idle")
    lab.cells.first.locator(".cm-content").click()
    lab.page.keyboard.press("Control+Enter")
    card = lab.output(0).locator(".pj-Card")
    expect(card).to_contain_text("From a cell")
    expect(card.locator(".pj-Status")).to_have_attribute("data-status", "complete")
    with lab.page.expect_response(lambda answer: answer.request.method == "PUT" and "/contents/" in answer.url):
        lab.page.keyboard.press("Control+S")
    lab.reload()
    expect(card.locator(".pj-Status")).to_have_attribute("data-status", "complete")
    card.locator(".pj-Link").click()
    expect(ExecutionsPage(lab.page).detail.locator(".pj-Log")).to_contain_text("hello")


def test_everything_is_reached_with_the_keyboard(lab: LabPage, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("print(1)"))
    lab.run_remotely()
    lab.expect_state("complete")
    executions.show()
    row = executions.row(executions.number_of(lab))
    row.get_by_role("checkbox").focus()
    lab.page.keyboard.press("Space")
    expect(executions.panel).to_contain_text("1 selected")
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Enter")
    expect(executions.detail.locator(".pj-Header")).to_be_visible()


@pytest.fixture
def themes(folder: Path) -> Iterator[None]:
    """The person's theme is JupyterLab's own again when the test is over."""
    file = write_settings(folder, "themes", "{}")
    yield
    file.unlink()


@pytest.mark.usefixtures("themes")
def test_plots_are_drawn_anew_in_another_theme(lab: LabPage, write_notebook: WriteNotebook) -> None:
    executions = ExecutionsPage(lab.page)
    lab.open(write_notebook("steps = 8", _METRICS))
    lab.run_remotely()
    lab.expect_state("complete")
    executions.show()
    detail = executions.open(executions.number_of(lab))
    expect(detail.locator(".pj-Figure canvas").first).to_be_visible()
    light = detail.evaluate("node => node.querySelector('canvas').toDataURL()")
    executions.use_theme("JupyterLab Dark")
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    expect(lab.page.locator("#jupyterlab-splash")).to_have_count(0)
    lab.page.wait_for_function("light => document.querySelector('.pj-Figure canvas').toDataURL() !== light", arg=light)
