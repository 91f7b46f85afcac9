"""Turns a kernel that was started for nobody into the kernel of one execution.

A request of its own would cost as much as a cell. So the kernel learns when it starts how to become an execution's,
and becomes it within the request of the first cell, before that cell's code runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

#: The name of the user expression that asks for it. It is taken out of the request before expressions are evaluated.
_NAME = "perijove_adoption"
# Runs in the kernel at its start, in a namespace of its own, so that the notebook sees none of its names. What cannot
# become an execution's kernel must not run its cells.
_CODE = """
import json, os, pathlib, sys, tempfile, time, traceback

def adopt():
    asked = shell.parent_header["content"]["user_expressions"].pop(name, None)
    if asked is None:
        return
    shell.events.unregister("pre_execute", adopt)
    try:
        become(**json.loads(asked))
    except BaseException:
        # ipykernel reads what the process writes to its standard error; this is what it had before.
        real = getattr(sys.stderr, "_original_stdstream_copy", None) or 2
        os.write(real, traceback.format_exc().encode(errors="replace"))
        os._exit(1)

def become(environment, removed, folder):
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

shell.parent_header["content"]["user_expressions"]  # where it looks has to be there
shell.events.register("pre_execute", adopt)
"""
#: Run in the kernel before anybody's work is.
PREPARE = f"exec({_CODE!r}, {{'shell': get_ipython(), 'name': {_NAME!r}}})"
#: What only counts when it is set before an interpreter and the libraries it loads at once start: what variables
#: with these names, or names that begin so, are about.
_EARLY = (
    "PYTHON", "LD_", "MALLOC_", "GLIBC_", "GCONV_PATH", "LOCPATH", "LC_", "LANG", "HOME", "XDG_", "IPYTHON",
    "JUPYTER", "JPY_", "PYDEVD_", "DEBUGPY_", "OPENSSL_", "ZMQ_", "TERM", "COLORTERM", "NO_COLOR",
    "FORCE_COLOR", "CLICOLOR",
)  # fmt: skip


def adoption(environment: Mapping[str, str], before: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the user expressions with which a prepared ipykernel becomes one started in `folder` with `environment`.

    Parameters
    ----------
    before : mapping
        The environment it was started with.
    """
    asked = {
        "environment": {**environment, "PWD": str(folder)},
        "removed": sorted(before.keys() - environment.keys() - {"PWD"}),
        "folder": str(folder),
    }
    return {_NAME: json.dumps(asked)}


def needs_fresh_start(environment: Mapping[str, str]) -> bool:
    """Return whether the variables only work when they are set before the interpreter starts."""
    return any(name.startswith(_EARLY) for name in environment)
