"""How soon a remote output is in the page, and how busy the page gets: JupyterLab in Chromium, on a warm worker.

``make bench-lab`` runs it. It prints the median and the slowest of the times from the press of *Run remotely* to the
first output in the page, and the longest task of the page while a cell brings 10,000 short outputs.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from perijove_local.home import ROOT, Home
from perijove_local.hub import Hub
from perijove_local.ports import free_ports
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(ROOT / "tests" / "support"))
from lab_page import KERNEL, USER, LabPage, sign_in, write_settings

_RUNS = 10
_TEXTS = "for n in range(10_000):\n    print(n, flush=True)"
_DISPLAYS = "from IPython.display import display\nfor n in range(10_000):\n    display(n)"

# Resolves with the milliseconds from the press to the cell's first output of this run.
_FIRST_OUTPUT = """() => new Promise(resolve => {
  const cell = document.querySelector('.jp-CodeCell');
  const began = performance.now();
  const known = cell.querySelector('.jp-OutputArea-output');
  const look = new MutationObserver(() => {
    const output = cell.querySelector('.jp-OutputArea-output');
    if (output && output !== known && output.textContent) {
      look.disconnect();
      resolve(performance.now() - began);
    }
  });
  look.observe(cell, { childList: true, subtree: true, characterData: true });
  document.querySelector("[data-jp-item-name='perijove-run'] jp-button").click();
})"""
_WATCH_TASKS = """() => {
  window.longTasks = [];
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) { window.longTasks.push(entry.duration); }
  }).observe({ type: 'longtask' });
}"""


def main() -> None:
    """Measure, and print the figures."""
    program = shutil.which("chromium") or sys.exit("bench-lab needs Chromium: apt install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        hub = Hub(Home(Path(folder)), free_ports(1)[0])
        hub.start()
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            state = sign_in(browser, hub)
            home = hub.home.path / "home" / USER
            write_settings(home, "notification", '{"fetchNews": "false"}')
            page = browser.new_context(storage_state=state).new_page()  # type: ignore[arg-type]
            _measure(LabPage(page, f"{hub.url}user/{USER}/"), home)
            browser.close()
        finally:
            hub.stop()


def _measure(lab: LabPage, home: Path) -> None:
    _open(lab, home, "first", "print('hello')")
    lab.run_remotely()
    lab.expect_state("complete")
    times = [_first_output(lab) for _ in range(_RUNS)]
    print(
        f"press to first output: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms ({_RUNS} runs)"
    )
    for name, source in (("texts", _TEXTS), ("displays", _DISPLAYS)):
        _open(lab, home, name, source)
        lab.page.evaluate(_WATCH_TASKS)
        lab.run_remotely()
        lab.expect_state("complete")
        print(f"10,000 {name}: longest task {_longest(lab.page):.0f} ms", flush=True)


def _open(lab: LabPage, home: Path, name: str, source: str) -> None:
    cell = nbformat.v4.new_code_cell(source)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": KERNEL}), home / f"{name}.ipynb")
    lab.open(f"{name}.ipynb")
    expect(lab.page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")


def _first_output(lab: LabPage) -> float:
    took = float(lab.page.evaluate(_FIRST_OUTPUT))
    lab.expect_state("complete")
    return took


def _longest(page: Page) -> float:
    return float(page.evaluate("Math.max(0, ...window.longTasks)"))


if __name__ == "__main__":
    main()
