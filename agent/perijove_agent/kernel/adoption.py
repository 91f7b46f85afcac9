"""Turns a kernel that was started for nobody into the kernel of one execution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Runs in the kernel, in a namespace of its own, so that the notebook sees none of its names.
_CODE = """
import os, pathlib, tempfile, time
for name in removed:
    os.environ.pop(name, None)
os.environ.update(environment)
time.tzset()
os.chdir(folder)
shell.user_ns["_dh"][:] = shell.history_manager.dir_hist[:] = [pathlib.Path(folder)]
tempfile.tempdir = None
thread = getattr(getattr(getattr(shell, "kernel", None), "iopub_socket", None), "io_thread", None)
if thread is not None:
    import zmq
    # ZeroMQ's publisher drops messages beyond a thousand that wait; an execution's output must be whole.
    thread.schedule(lambda: thread.socket.setsockopt(zmq.SNDHWM, 0))
"""
#: What only counts when it is set before an interpreter and the libraries it loads at once start: what variables
#: with these names, or names that begin so, are about.
_EARLY = (
    "PYTHON", "LD_", "MALLOC_", "GLIBC_", "GCONV_PATH", "LOCPATH", "LC_", "LANG", "HOME", "XDG_", "IPYTHON",
    "JUPYTER", "JPY_", "PYDEVD_", "DEBUGPY_", "OPENSSL_", "ZMQ_", "TERM", "COLORTERM", "NO_COLOR",
    "FORCE_COLOR", "CLICOLOR",
)  # fmt: skip


def adoption_code(environment: Mapping[str, str], before: Mapping[str, str], folder: Path) -> str:
    """Return Python source that makes a started ipykernel one that was started in `folder` with `environment`.

    Parameters
    ----------
    before : mapping
        The environment it was started with.
    """
    names = {
        "environment": {**environment, "PWD": str(folder)},
        "removed": sorted(before.keys() - environment.keys() - {"PWD"}),
        "folder": str(folder),
    }
    return f"exec({_CODE!r}, {{**{names!r}, 'shell': get_ipython()}})"


def needs_fresh_start(environment: Mapping[str, str]) -> bool:
    """Return whether the variables only work when they are set before the interpreter starts."""
    return any(name.startswith(_EARLY) for name in environment)
