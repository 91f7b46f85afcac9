"""The peers, each as its own documentation runs it, on this machine and in this run."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import nbformat
import redis
from perijove_local.home import ROOT

from perijove.ports import free_ports


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def papermill(source: Path, target: Path) -> float:
    """Return the wall time of papermill's command line, in seconds."""
    began = time.perf_counter()
    command = [_program("papermill"), "--no-progress-bar", str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


@contextmanager
def jupyter_scheduler(folder: Path) -> Iterator[httpx.Client]:
    """Run a Jupyter server with jupyter-scheduler in `folder`; return a client of it."""
    port, token = free_ports(1)[0], secrets.token_hex(16)
    command = [
        sys.executable, "-m", "jupyter_server", f"--ServerApp.port={port}", f"--IdentityProvider.token={token}",
        "--ServerApp.open_browser=False", f"--ServerApp.root_dir={folder}", "--allow-root",
        "--ServerApp.jpserver_extensions", "jupyter_scheduler=True",
        f"--SchedulerApp.db_url=sqlite:///{folder}/scheduler.sqlite",
    ]  # fmt: skip
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    with (folder / "jupyter-scheduler.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    headers = {"Authorization": f"token {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            _wait_for(client)
            yield client
    finally:
        process.terminate()
        process.wait()


def _wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if client.get("/scheduler/jobs").is_success:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit("jupyter-scheduler does not answer.")
        time.sleep(0.1)


def scheduler_job(client: httpx.Client, folder: Path, name: str) -> float:
    """Return the seconds from a job's creation to its end, by its own clock where it ended."""
    environments = client.get("/scheduler/runtime_environments").raise_for_status().json()
    body = {"name": name, "input_uri": name, "runtime_environment_name": environments[0]["name"]}
    created = client.post("/scheduler/jobs", json=body).raise_for_status().json()
    query = "SELECT status, status_message, create_time, end_time FROM jobs WHERE job_id = ?"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        # Over REST, jupyter-scheduler 2.12 stops a job that is asked after before its process is up. Its table calls
        # one stopped that has not begun.
        with closing(sqlite3.connect(f"file:{folder}/scheduler.sqlite?mode=ro", uri=True)) as database:
            status, message, began, ended = database.execute(query, (created["job_id"],)).fetchone()
        if status == "COMPLETED":
            return float(ended - began) / 1000
        if status == "FAILED":
            raise SystemExit(f"jupyter-scheduler: the job failed: {message}")
        time.sleep(0.1)
    raise SystemExit(f"jupyter-scheduler: the job stays {status}.")


def celery_rate(url: str, count: int) -> float:
    """Return Celery's no-op tasks a second: one worker as it comes, results kept, from the first send to the last."""
    environment = {**os.environ, "PERIJOVE_BENCH_REDIS": url}
    command = [
        sys.executable, "-m", "celery", "-A", "benchmarks.noop", "worker", "--loglevel=ERROR", "--without-gossip",
        "--without-mingle",
    ]  # fmt: skip
    sender = [sys.executable, "-m", "benchmarks.peers", "celery", str(count)]
    worker = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _told(sender, environment)
    finally:
        worker.terminate()
        worker.wait()


def rq_rate(url: str, count: int) -> float:
    """Return RQ's no-op jobs a second: one worker that runs jobs in its own process, which is its fastest."""
    environment = {**os.environ, "PERIJOVE_BENCH_REDIS": url}
    command = [_program("rq"), "worker", "--url", f"{url}/2", "--worker-class", "rq.SimpleWorker", "--quiet"]
    sender = [sys.executable, "-m", "benchmarks.peers", "rq", str(count)]
    worker = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return _told(sender, environment)
    finally:
        worker.terminate()
        worker.wait()


def _told(command: list[str], environment: dict[str, str]) -> float:
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["rate"])


def _send_to_celery(count: int) -> float:
    from benchmarks.noop import celery_noop  # noqa: PLC0415 - only this process needs it

    for one in [celery_noop.delay() for _ in range(10)]:
        one.get(timeout=60)
    began = time.perf_counter()
    for one in [celery_noop.delay() for _ in range(count)]:
        one.get(timeout=120, interval=0.005)
    return count / (time.perf_counter() - began)


def _send_to_rq(count: int) -> float:
    import rq  # noqa: PLC0415 - only this process needs it

    from benchmarks.noop import rq_noop  # noqa: PLC0415

    queue = rq.Queue(connection=redis.Redis.from_url(f"{os.environ['PERIJOVE_BENCH_REDIS']}/2"))
    _drain(queue, [queue.enqueue(rq_noop) for _ in range(10)])
    began = time.perf_counter()
    _drain(queue, [queue.enqueue(rq_noop) for _ in range(count)])
    return count / (time.perf_counter() - began)


def _drain(queue: Any, jobs: list[Any]) -> None:
    """Wait until the last job has finished: one worker takes them in order."""
    while jobs[-1].get_status(refresh=True).value != "finished":
        time.sleep(0.005)
    if queue.count:
        raise SystemExit("RQ's worker left jobs.")


def document(cells: int) -> Any:
    """Return a notebook of so many cells, each of which prints its number."""
    made = [nbformat.v4.new_code_cell(f"print({number})", id=f"cell-{number}") for number in range(1, cells + 1)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec})


if __name__ == "__main__":
    send = {"celery": _send_to_celery, "rq": _send_to_rq}[sys.argv[1]]
    print(json.dumps({"rate": send(int(sys.argv[2]))}))
