"""Who descends from whom, by what Linux shows below /proc; elsewhere by psutil."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

#: prctl(2): orphans among the caller's descendants become its children, instead of the first process's.
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """Make this process the parent of every orphan among its descendants; return whether the system can."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def adopted() -> list[int]:
    """Return this process's children of its main thread: among them every orphan that it has adopted."""
    found = _children_of_thread(os.getpid(), os.getpid())
    return [] if found is None else found


def descendants(roots: Iterable[int]) -> list[int]:
    """Return `roots` and everything that descends from them."""
    found = list(roots)
    for process in found:  # which grows meanwhile
        found.extend(_children(process))
    return found


def descends_from(process: int, ancestor: int) -> bool:
    """Return whether `process` is, or was before it ended a moment ago, a descendant of `ancestor`."""
    seen: set[int] = set()
    while process > 1 and process not in seen:
        seen.add(process)
        try:
            process = int(Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            return False
        if process == ancestor:
            return True
    return False


def _children(process: int) -> list[int]:
    try:
        threads = [int(thread.name) for thread in Path(f"/proc/{process}/task").iterdir()]
    except OSError:
        return [] if Path("/proc/self/task").exists() else _children_by_psutil(process)
    found: list[int] = []
    for thread in threads:
        children = _children_of_thread(process, thread)
        if children is None:
            return _children_by_psutil(process)
        found += children
    return found


def _children_of_thread(process: int, thread: int) -> list[int] | None:
    """Return a thread's children; None where the system does not list them."""
    folder = Path(f"/proc/{process}/task/{thread}")
    try:
        return [int(child) for child in (folder / "children").read_text().split()]
    except OSError:
        return [] if not folder.exists() else None


def _children_by_psutil(process: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(process).children()]
    except psutil.Error:
        return []
