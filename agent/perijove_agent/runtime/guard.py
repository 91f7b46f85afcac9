"""A process that outlives its agent by a moment, to clear up after one that was killed.

It is told on its standard input, one line each, what the agent started: ``+ <process group>`` and
``- <process group>``, and ``d <folder>`` for a folder of sockets and other things that mean nothing without the agent.
``m <mark>`` comes first: every process that the agent starts has it in its environment as `MARK`, as have those which
that starts in turn. When the input ends the agent is gone: what is still registered or marked is killed, and what is
registered is deleted.

The mark is for what the agent could not tell any more: it may be killed between starting a process and saying so. The
input ends no earlier than such a process has its environment, as until then it holds the input's other end open.

Only the standard library is imported, as it is run by its path, without the agent's packages.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

#: The environment variable that holds the mark of whose a process is.
MARK = "PERIJOVE_GUARD"
#: Seconds in which what is marked has to be gone; the kernel may hold a process that was killed for longer.
_PATIENCE = 10.0


def watch(lines: Iterable[str]) -> None:
    """Read `lines` to their end, then clear up."""
    groups: set[int] = set()
    folders: set[str] = set()
    marks: set[str] = set()
    for line in lines:
        sign, _, what = line.rstrip("\n").partition(" ")
        if sign == "+":
            groups.add(int(what))
        elif sign == "-":
            groups.discard(int(what))
        elif sign == "d":
            folders.add(what)
        elif sign == "m":
            marks.add(what)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    end = time.monotonic() + _PATIENCE
    while _kill_marked(marks) and time.monotonic() < end:
        time.sleep(0.01)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _kill_marked(marks: set[str]) -> bool:
    """Kill the processes that have one of these marks; return whether there was any.

    One that is forked during the scan may not be seen by it, and one that was killed is there for a moment yet: only a
    scan that finds none says that all are gone, and that none makes a folder again.
    """
    found = False
    for process in _marked(marks):
        found = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    return found


def _marked(marks: set[str]) -> Iterator[int]:
    """Iterate over the processes that have one of these marks, where the system shows environments (Linux)."""
    wanted = {f"{MARK}={mark}".encode() for mark in marks}
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            if wanted.intersection(environment.read_bytes().split(b"\0")):
                yield int(environment.parent.name)


if __name__ == "__main__":
    # The agent's terminal and its supervisor signal the agent; the guard ends when the agent does.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(sys.stdin)
