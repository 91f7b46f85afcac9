"""A process that outlives its agent by a moment, to clear up after one that was killed.

It is told on its standard input, one line each, what the agent started: ``+ <process group>`` and
``- <process group>``, and ``d <folder>`` for a folder of sockets and other things that mean nothing without the agent.
When the input ends the agent is gone: what is still registered is killed and deleted. Only the standard library is
imported, as it is run by its path, without the agent's packages.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> None:
    """Read `lines` to their end, then clear up."""
    groups: set[int] = set()
    folders: set[str] = set()
    for line in lines:
        sign, _, what = line.rstrip("\n").partition(" ")
        if sign == "+":
            groups.add(int(what))
        elif sign == "-":
            groups.discard(int(what))
        elif sign == "d":
            folders.add(what)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # The agent's terminal and its supervisor signal the agent; the guard ends when the agent does.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(sys.stdin)
