"""What runs remotely outlives the page, the notebook server and the code as it was."""

from __future__ import annotations

from gates import Gate
from lab_page import LabPage, WriteNotebook, cull_server, start_server
from perijove_local.hub import Hub
from playwright.sync_api import expect


def test_a_page_that_is_reloaded_mid_run_shows_the_rest(
    lab: LabPage, write_notebook: WriteNotebook, gate: Gate
) -> None:
    lab.open(write_notebook("print('before')", gate.source("begun", "the rest"), "print('after')"))
    lab.run_remotely()
    expect(lab.output(1)).to_have_text("begun")
    lab.reload()
    expect(lab.output(0)).to_have_text("before")
    expect(lab.badge(1)).to_have_attribute("data-state", "running")
    gate.open()
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("before")
    expect(lab.output(1)).to_have_text("begun\nthe rest")
    expect(lab.output(2)).to_have_text("after")


def test_a_run_goes_on_while_the_page_is_closed(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    path = write_notebook(gate.source("begun", "the rest"))
    lab.open(path)
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    lab.leave()
    gate.open()
    lab.open(path)
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("begun\nthe rest")
    expect(lab.badge(0)).to_have_attribute("data-state", "done")


def test_a_culled_server_takes_nothing_with_it(
    lab: LabPage, hub: Hub, write_notebook: WriteNotebook, gate: Gate
) -> None:
    lab.open(write_notebook(gate.source("begun", "the rest")))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    lab.leave()
    cull_server(hub)
    start_server(hub)
    gate.open()
    lab.open("test_a_culled_server_takes_nothing_with_it/work.ipynb")
    lab.expect_state("complete")
    expect(lab.output(0)).to_have_text("begun\nthe rest")


def test_a_cell_that_was_changed_is_offered_its_result(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    lab.open(write_notebook(gate.source("begun"), "print('as it was sent')", "print('unchanged')"))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    lab.edit(1, "print('as it is now')")
    gate.open()
    lab.expect_state("complete")
    expect(lab.output(2)).to_have_text("unchanged")
    expect(lab.badge(1)).to_contain_text("The code has changed")
    expect(lab.output(1)).to_have_text("")
    lab.page.keyboard.press("Control+S")
    expect(lab.page.locator(".jp-NotebookPanel")).to_be_visible()
    lab.page.wait_for_function("!document.querySelector('.lm-TabBar-tab.jp-mod-current.jp-mod-dirty')")
    lab.reload()
    lab.badge(1).get_by_role("button", name="Show result").click()
    expect(lab.dialog).to_contain_text("as it was sent")
    lab.accept()
    expect(lab.output(1)).to_have_text("as it was sent")
    expect(lab.badge(1)).not_to_contain_text("The code has changed")


def test_an_offer_is_dismissed_for_good(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    lab.open(write_notebook(gate.source("begun"), "print('as it was sent')"))
    lab.run_remotely()
    expect(lab.output(0)).to_have_text("begun")
    lab.edit(1, "print('as it is now')")
    gate.open()
    lab.expect_state("complete")
    lab.badge(1).get_by_role("button", name="Dismiss").click()
    expect(lab.badge(1)).not_to_contain_text("The code has changed")
    expect(lab.output(1)).to_have_text("")
