"""How long a person waits: a notebook through a warm worker over REST, and through the peers, in turn."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager

from benchmarks import peers
from benchmarks.figures import Figure, Result, median, percentile
from benchmarks.site import Site
from perijove.client.client import Client
from perijove.client.events import Recorded
from perijove.model.records import OutputRecord
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status


def through_perijove(client: Client, cells: int = 1) -> tuple[float, float]:
    """Return the seconds from submit to the first output and to complete."""
    spec = Spec(notebook=Notebook(path="notebook.ipynb"), group="local")
    began, first = time.perf_counter(), None
    execution = client.executions.create(spec, notebook=peers.document(cells))
    for event in client.executions.events(execution.id):
        if first is None and isinstance(event, Recorded) and isinstance(event.record, OutputRecord):
            first = time.perf_counter() - began
        elif not isinstance(event, Recorded) and event.execution.status is Status.COMPLETE:
            complete = time.perf_counter() - began
            assert first is not None
            return first, complete
    raise SystemExit(f"perijove: {client.executions.get(execution.id).sentence}")


def measure(site: Site) -> Result:
    """Run one notebook of one cell, and one of 100, through Perijove and papermill in turn, some through the third."""
    rounds = site.size(5, 1)
    client, folder = site.client, site.folder / "notebooks"
    folder.mkdir()
    for cells in (1, 100):
        nbformat.write(peers.document(cells), folder / f"{cells}.ipynb")
    series: dict[str, list[float]] = {name: [] for name in
                                      ("perijove 1", "papermill 1", "jupyter-scheduler 1", "perijove 100",
                                       "papermill 100")}  # fmt: skip
    _warm(client)
    with peers.jupyter_scheduler(folder) as scheduler:
        for _ in range(rounds):
            series["perijove 1"].append(through_perijove(client)[1])
            series["papermill 1"].append(peers.papermill(folder / "1.ipynb", folder / "out.ipynb"))
            series["perijove 100"].append(through_perijove(client, 100)[1])
            series["papermill 100"].append(peers.papermill(folder / "100.ipynb", folder / "out.ipynb"))
        for _ in range(site.size(3, 1)):
            series["jupyter-scheduler 1"].append(peers.scheduler_job(scheduler, folder, "1.ipynb"))
            time.sleep(site.size(4, 0))
            series["perijove 1"].append(through_perijove(client)[1])
    middle = {name: median(values) for name, values in series.items()}
    ours = middle["perijove 1"]
    peers_took = f"papermill {middle['papermill 1']:.2f} s; jupyter-scheduler {middle['jupyter-scheduler 1']:.2f} s"
    limit = f"Perijove {ours * 1000:.0f} ms; {peers_took}"
    hundred = f"Perijove {middle['perijove 100']:.2f} s; papermill {middle['papermill 100']:.2f} s"
    return Result(
        [
            Figure("one-cell notebook ÷ papermill", ours / middle["papermill 1"], "", 0.035, limit=limit),
            Figure("one-cell notebook ÷ jupyter-scheduler", ours / middle["jupyter-scheduler 1"], "", 0.05),
            Figure("100-cell notebook ÷ papermill", middle["perijove 100"] / middle["papermill 100"], "", 0.35,
                   limit=hundred),
        ],
        series,
    )  # fmt: skip


def measure_first_output(site: Site) -> Result:
    """Submit notebooks one after the other, and ask a warm kernel of this machine for the same."""
    count = site.size(40, 2)
    client = site.client
    _warm(client)
    remote, complete = [], []
    for _ in range(count):
        first, done = through_perijove(client)
        remote.append(first)
        complete.append(done)
        # Until the agent has refilled its warm kernel: what is measured is a warm worker.
        time.sleep(site.size(3, 0))
    local = asyncio.run(_local(count))
    alone = median(local)
    over = [(value - alone) * 1000 for value in remote]
    limit = f"the same kernel locally: {alone * 1000:.1f} ms"
    return Result(
        [
            Figure("submit → first output, over the local kernel, median", median(over), "ms", 45, limit=limit),
            Figure("submit → first output, over the local kernel, p99", percentile(over, 99), "ms", 150),
            Figure("submit → complete, median", median(complete) * 1000, "ms"),
        ],
        {"first output": remote, "complete": complete, "local kernel": local},
    )


def _warm(client: Client) -> None:
    """Wait for the local worker and its first kernel."""
    through_perijove(client)
    time.sleep(3)


async def _local(count: int) -> list[float]:
    """Return the seconds from an execute request to its first output, on a warm kernel over IPC."""
    manager = AsyncKernelManager(kernel_name="python3", transport="ipc")
    manager.ip = str(Path("/tmp") / f"pj-bench-{time.time_ns()}")
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    found = []
    try:
        await client.wait_for_ready(timeout=60)
        for number in range(count + 1):
            began = time.perf_counter()
            request = client.execute(f"print({number})")
            while True:
                message = await client.get_iopub_msg(timeout=30)
                if message["parent_header"].get("msg_id") == request and message["msg_type"] == "stream":
                    break
            found.append(time.perf_counter() - began)
            await client.get_shell_msg(timeout=30)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    return found[1:]
