"""What a person writes in a cell: `%%remote`, the widgets, and what they show in the page."""

from __future__ import annotations

from gates import Gate
from lab_page import LabPage, WriteNotebook
from playwright.sync_api import expect

_METRICS = """
import json
for epoch in range(1, steps + 1):
    print(json.dumps({"epoch": epoch, "loss": round(1 / epoch, 3)}), flush=True)
"""


def test_a_remote_cell_streams_brings_its_variable_back_and_raises_here(
    lab: LabPage, write_notebook: WriteNotebook, gate: Gate
) -> None:
    path = write_notebook(
        "%load_ext perijove\ndata = [1, 2, 3]",
        f"%%remote --in data --out model\n{gate.source('begun', 'the end')}\nmodel = sum(data)",
        "print('here', model * 7)",
        "%%remote\nwrong = 1 / 0",
    )
    lab.open(path)
    lab.run_here(0)
    lab.run_here(1)
    expect(lab.output(1)).to_contain_text("begun")
    expect(lab.output(1)).not_to_contain_text("the end")
    gate.open()
    expect(lab.output(1)).to_contain_text("the end")
    lab.run_here(2)
    expect(lab.output(2)).to_have_text("here 42")
    lab.run_here(3)
    expect(lab.output(3)).to_contain_text("RemoteError")
    expect(lab.output(3)).to_contain_text("wrong = 1 / 0")
    expect(lab.output(3)).to_contain_text("ZeroDivisionError: division by zero")
    expect(lab.cells.nth(3).locator(".jp-InputPrompt")).to_have_text("[4]:")


def test_the_widgets_follow_stop_and_launch_executions(lab: LabPage, write_notebook: WriteNotebook, gate: Gate) -> None:
    write_notebook("print('first')", gate.source("begun"), name="waits")
    write_notebook("steps = 3", _METRICS, name="train", parameters=True)
    path = write_notebook(
        "import perijove\nfrom perijove.widgets import ExecutionView, Launcher\n"
        "ExecutionView(perijove.run('waits.ipynb'))",
        "Launcher('train.ipynb')",
    )
    lab.open(path)
    lab.run_here(0)
    view = lab.output(0)
    expect(view.get_by_label("Log")).to_contain_text("begun")
    expect(view.get_by_role("status")).to_have_text("started")
    expect(view.locator(".widget-label", has_text="1 of 2")).to_be_visible()
    view.get_by_role("button", name="Stop").click()
    expect(view.get_by_role("status")).to_have_text("stopped")
    expect(view.get_by_label("Log")).to_contain_text("first")
    lab.run_here(1)
    form = lab.output(1)
    form.get_by_label("steps").fill("5")
    form.get_by_label("steps").press("Enter")
    form.get_by_role("button", name="Run remotely").click()
    expect(form.get_by_role("status")).to_have_text("complete")
    expect(form.get_by_role("table", name="Metrics")).to_contain_text("0.2")
