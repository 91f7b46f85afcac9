"""The processes of one data directory: found by what they were started with, whoever their parent is now."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

#: What a platform starts. Others may well name its directory: an editor, or `tail -f` on its log.
_PROGRAMS = ("jupyterhub", "configurable-http-proxy", "perijove_hub", "perijove_agent", "redis-server", "ipykernel")


def _belongs(process: psutil.Process, directory: str) -> bool:
    """Return whether a process is a platform's, and was started with or works in `directory`."""
    try:
        command = process.cmdline()
        if not any(program in word for word in command[:4] for program in _PROGRAMS):
            return False
        return any(directory in place for place in (*command, *process.environ().values(), process.cwd()))
    except psutil.Error:
        return False  # ended meanwhile, or another person's


def processes_of(directory: Path) -> list[psutil.Process]:
    """Return the processes of the platform on `directory`, oldest first, leaving out this one and its ancestors."""
    me = psutil.Process()
    mine = {os.getpid(), *(parent.pid for parent in me.parents())}
    needle = str(directory.resolve())
    found = [p for p in psutil.process_iter() if p.pid not in mine and _belongs(p, needle)]
    return sorted(found, key=lambda process: process.pid)


def end(processes: list[psutil.Process], patience: float = 10) -> list[str]:
    """Terminate processes, then kill those that are left after `patience` seconds; name the ones that were killed."""
    for process in processes:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(processes, timeout=patience)
    names = [str(process) for process in alive]
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=patience)
    return names


def _signal(process: psutil.Process, verb: str) -> None:
    with suppress(psutil.NoSuchProcess):
        getattr(process, verb)()
