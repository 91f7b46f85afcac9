"""How long a person waits: a small notebook through a warm local worker over REST, and through papermill, in turn.

Both run on this machine in this run, A B A B …, so that a busy machine slows both. What is compared is what a person
does: `papermill in.ipynb out.ipynb` from a shell, and a submit over REST followed to its end. Quote the ratios; the
absolute figures are this machine's.

    python benchmarks/latency.py [--rounds 5] [--json results.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook
from perijove_local.home import Home
from perijove_local.hub import Hub
from perijove_local.ports import free_ports
from perijove_local.processes import processes_of

from perijove.client.client import Client
from perijove.client.events import Recorded
from perijove.model.records import OutputRecord
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status

_MEBIBYTE = 2**20


@dataclass
class Series:
    """The figures of one notebook, in seconds."""

    cells: int
    target: float
    first_output: list[float] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)
    papermill: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Submit to complete, as a part of papermill's wall time."""
        return statistics.median(self.complete) / statistics.median(self.papermill)


def document(cells: int) -> Any:
    """Return a notebook of so many cells, each of which prints its number."""
    made = [new_code_cell(f"print({number})", id=f"cell-{number}") for number in range(1, cells + 1)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": spec})


def through_perijove(client: Client, cells: int) -> tuple[float, float]:
    """Return the seconds from submit to the first output and to complete."""
    notebook = {**document(cells)}
    spec = Spec(notebook=Notebook(path="notebook.ipynb"), group="local")
    began, first = time.perf_counter(), None
    execution = client.executions.create(spec, notebook=notebook)
    for event in client.executions.events(execution.id):
        if first is None and isinstance(event, Recorded) and isinstance(event.record, OutputRecord):
            first = time.perf_counter() - began
        elif not isinstance(event, Recorded) and event.execution.status is Status.COMPLETE:
            complete = time.perf_counter() - began
            assert first is not None
            return first, complete
    raise SystemExit(f"perijove: {client.executions.get(execution.id).sentence}")


def through_papermill(folder: Path, cells: int) -> float:
    """Return the wall time of papermill's command line."""
    source = folder / f"{cells}.ipynb"
    nbformat.write(document(cells), source)
    program = Path(sys.executable).with_name("papermill")
    began = time.perf_counter()
    subprocess.run(
        [str(program), "--no-progress-bar", str(source), str(folder / "out.ipynb")], check=True, capture_output=True
    )
    return time.perf_counter() - began


def measure(client: Client, folder: Path, series: list[Series], rounds: int, show: Callable[[str], None]) -> None:
    """Run every notebook in turn through both, `rounds` times; the first, unmeasured round warms both up."""
    for number in range(rounds + 1):
        for one in series:
            first, complete = through_perijove(client, one.cells)
            papermill = through_papermill(folder, one.cells)
            show(f"  round {number}: {one.cells:>3} cells  perijove {complete:.3f} s  papermill {papermill:.3f} s")
            if number:
                one.first_output.append(first)
                one.complete.append(complete)
                one.papermill.append(papermill)


def service_memory(hub: Hub) -> int:
    """Return the resident memory of the service's process, in bytes."""
    service = next(p for p in processes_of(hub.home.path) if "perijove_hub" in " ".join(p.cmdline()))
    return int(psutil.Process(service.pid).memory_info().rss)


def verdict(value: float, target: float) -> str:
    """Return whether a figure is within its target."""
    return "within" if value <= target else "MISSES"


def report(series: list[Series], memory: int) -> str:
    """Return the table a person reads."""
    lines = ["", "medians                           measured    target"]
    for one in series:
        first, complete = statistics.median(one.first_output), statistics.median(one.complete)
        name = f"{one.cells} cell" + "s" * (one.cells > 1)
        if one.cells == 1:
            lines.append(f"{name}: submit → first output    {first * 1000:7.0f} ms   ≤ 150 ms  {verdict(first, 0.15)}")
        lines.append(f"{name}: submit → complete        {complete * 1000:7.0f} ms")
        lines.append(f"{name}: papermill, wall          {statistics.median(one.papermill) * 1000:7.0f} ms")
        lines.append(
            f"{name}: ratio                    {one.ratio:7.3f}      ≤ {one.target:<6} {verdict(one.ratio, one.target)}"
        )
    mebibytes = memory / _MEBIBYTE
    lines.append(f"service, resident memory         {mebibytes:7.0f} MiB   < 200 MB  {verdict(memory, 200e6)}")
    return "\n".join(lines)


def main() -> int:
    """Start a platform in a temporary folder, measure, print, and stop it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (5)")
    parser.add_argument("--json", type=Path, help="also write every figure to this file")
    chosen = parser.parse_args()
    series = [Series(1, 0.1), Series(100, 0.35)]
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Home(Path(folder) / "platform"), free_ports(1)[0])
        print("starting a platform …", flush=True)
        hub.start()
        try:
            with Client(hub.service_url, hub.token("demo")) as client:
                measure(client, Path(folder), series, chosen.rounds, lambda line: print(line, flush=True))
            memory = service_memory(hub)
        finally:
            hub.stop()
    print(report(series, memory))
    if chosen.json:
        chosen.json.write_text(json.dumps({"series": [asdict(one) for one in series], "memory": memory}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
