"""A process that outlives its agent by a moment, to clear up after one that was killed.

It reads on its standard input, one line each, what the agent started: ``+ <process group>`` and
``- <process group>``, and ``d <folder>`` for a folder of sockets and other things that mean nothing without the agent.
``m <mark> <number>`` comes first: every process that the agent starts has the mark at the beginning of the variable
`MARK` in its environment, and a soft limit of file locks between the number and `SPAN` beyond it; so have those which
that starts in turn. When the input ends the agent is gone: what is still registered or marked is killed, and what is
registered is deleted.

The mark is for what is not registered: the agent may be killed between starting a process and registering it. The
input ends no earlier than such a process has its environment, as until then it holds the input's other end open.

Only the standard library is imported, as it is run by its path, without the agent's packages; and `perijove.trees`,
which removes what work filled, by the path that is its argument.
"""

from __future__ import annotations

import contextlib
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

#: The environment variable that holds the mark of whose a process is.
MARK = "PERIJOVE_GUARD"
#: The resource limit that holds the mark's number: of file locks. No kernel since Linux 2.4 looks at it (getrlimit(2)).
#: Unlike the environment it survives ``env -i`` and an exec with variables of one's own.
LIMIT = 10
#: How many numbers an agent has, one for each program that it starts.
SPAN = 1 << 32
#: Seconds in which what is marked has to be gone; the kernel may hold a process that was killed for longer.
_PATIENCE = 10.0


def watch(lines: Iterable[str], remove: Callable[[str], object]) -> None:
    """Read `lines` to their end, then clear up."""
    groups: set[int] = set()
    folders: set[str] = set()
    marks: set[str] = set()
    numbers: set[int] = set()
    for line in lines:
        sign, _, what = line.rstrip("\n").partition(" ")
        if sign == "+":
            groups.add(int(what))
        elif sign == "-":
            groups.discard(int(what))
        elif sign == "d":
            folders.add(what)
        elif sign == "m":
            mark, _, number = what.partition(" ")
            marks.add(mark)
            numbers.update([int(number)] if number else [])
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    end = time.monotonic() + _PATIENCE
    while _kill_marked(marks, numbers) and time.monotonic() < end:
        time.sleep(0.01)
    for folder in folders:
        remove(folder)


def variable_of(process: int) -> str:
    """Return what a process had as `MARK` when it was executed; empty where that is not known."""
    with contextlib.suppress(OSError):  # it has ended, is somebody else's, or the system shows no environments
        for item in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            name, _, value = item.partition(b"=")
            if name == MARK.encode():
                return value.decode(errors="replace")
    return ""


def number_of(process: int) -> int:
    """Return the number a process has in its soft limit of file locks; 0 where it has none.

    What forks for ever is only caught by who asks faster than it forks: a system call takes a microsecond, reading what
    the system shows of a process fifty.
    """
    with contextlib.suppress(OSError, AttributeError, ValueError):  # another user's, or this is not Linux
        return max(0, resource.prlimit(process, LIMIT)[0])
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/limits").read_text(errors="replace").splitlines():
            if line.startswith("Max file locks"):
                soft = line.split()[3]
                return int(soft) if soft.isdigit() else 0
    return 0


def _kill_marked(marks: set[str], numbers: set[int]) -> bool:
    """Kill the processes that have one of these marks; return whether there was any.

    One that is forked during the scan may not be seen by it, and one that was killed is there for a moment yet: only a
    scan that finds none says that all are gone, and that none makes a folder again.
    """
    found = False
    for process in _marked(marks, numbers):
        found = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    return found


def _marked(marks: set[str], numbers: set[int]) -> Iterator[int]:
    """Iterate over the living processes that have one of these marks, where the system shows them (Linux)."""
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        if process == os.getpid():
            continue
        number = number_of(process)
        ours = variable_of(process).partition(".")[0] in marks or any(0 <= number - first < SPAN for first in numbers)
        if ours and not _ended(process):
            yield process


def _ended(process: int) -> bool:
    """Return whether nothing of a process is left but its exit status, which its parent has not asked for yet."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    return True


if __name__ == "__main__":
    # The agent's terminal and its supervisor signal the agent; the guard ends when the agent does.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(sys.stdin, runpy.run_path(sys.argv[1])["remove"])
