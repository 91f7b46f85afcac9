"""Turns a kernel that was started for nobody into the kernel of one execution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Runs in the kernel, in a namespace of its own, so that the notebook sees none of its names.
_CODE = """
import os, tempfile
os.environ.update(environment)
os.chdir(folder)
tempfile.tempdir = None
thread = getattr(getattr(getattr(shell, "kernel", None), "iopub_socket", None), "io_thread", None)
if thread is not None:
    import zmq
    # ZeroMQ's publisher drops messages beyond a thousand that wait; an execution's output must be whole.
    thread.schedule(lambda: thread.socket.setsockopt(zmq.SNDHWM, 0))
"""


def adoption_code(environment: Mapping[str, str], folder: Path) -> str:
    """Return Python source that sets a started ipykernel's environment variables and working folder.

    IPython puts ``''`` at the front of ``sys.path``, so modules beside the notebook are found as well.
    """
    names = f"{{'environment': {dict(environment)!r}, 'folder': {str(folder)!r}, 'shell': get_ipython()}}"
    return f"exec({_CODE!r}, {names})"


def needs_fresh_start(environment: Mapping[str, str]) -> bool:
    """Return whether the variables only work when they are set before the interpreter starts."""
    return any(name.startswith(("PYTHON", "LD_", "MALLOC_", "GLIBC_")) for name in environment)
