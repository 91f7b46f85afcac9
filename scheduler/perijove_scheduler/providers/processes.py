"""Find and end operating-system processes that an earlier start of the service may have made."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import psutil

from perijove_scheduler.providers.protocol import Machine

#: Seconds by which two readings of one process's time of creation may differ.
_SAME_TIME = 0.1
_KILL_WAIT = 5.0


def created(pid: int) -> float | None:
    """Return when the process was made, in seconds since the epoch; None if it is gone already."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def find(machine: Machine) -> psutil.Process | None:
    """Return the process of a machine, or None if it has ended.

    A process id may have been given to somebody else since: the process must have been made at the same time, or name
    the worker on its command line (the time of creation is derived from the clock, which may have been set). A machine
    without one was interrupted between its making and its saving, and is looked for by its command line.
    """
    if "pid" not in machine:
        return next(_by_worker(machine.get("worker", "")), None)
    try:
        process = psutil.Process(machine["pid"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        same = abs(process.create_time() - (machine.get("created") or 0)) <= _SAME_TIME
        return process if same or _names(process, machine["worker"]) else None
    except psutil.Error:
        return None


def end(machine: Machine, grace: float) -> None:
    """End a machine's process: SIGTERM, `grace` seconds, then SIGKILL to it and all its descendants. Blocks."""
    process = find(machine)
    if process is None:
        return
    with contextlib.suppress(psutil.Error):
        process.terminate()
        _, alive = psutil.wait_procs([process], timeout=grace)
        if alive:
            _kill([*process.children(recursive=True), process])


def _kill(family: list[psutil.Process]) -> None:
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(family, timeout=_KILL_WAIT)


def _by_worker(worker: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _names(process, worker) and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _names(process: psutil.Process, worker: str) -> bool:
    command = process.cmdline()
    return bool(worker) and ("--worker", worker) in itertools.pairwise(command)
