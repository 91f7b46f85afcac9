"""How the end of a child process is learnt, while the event loop does other things."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from contextlib import suppress


def exited(popen: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """Return what becomes a program's exit status when the program itself ended, whoever still holds its pipes.

    asyncio's own `~asyncio.subprocess.Process.wait` also waits for the pipes on some Pythons, which a process that the
    program left in the background may hold open for ever (https://github.com/python/cpython/issues/119710).
    """
    loop = asyncio.get_running_loop()
    status: asyncio.Future[int] = loop.create_future()
    try:
        descriptor = os.pidfd_open(popen.pid)
    except (AttributeError, OSError):
        # Linux has these descriptors from 5.3 on, and not every sandbox passes the call on.
        threading.Thread(target=_wait, args=(popen, loop, status), name=f"exit-{popen.pid}", daemon=True).start()
        return status

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        status.set_result(popen.wait())

    loop.add_reader(descriptor, ended)
    return status


def _wait(popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, status: asyncio.Future[int]) -> None:
    code = popen.wait()
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(status.set_result, code)
