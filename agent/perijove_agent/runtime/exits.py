"""How the end of a child process is learnt, while the event loop does other things."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress

from perijove_agent.runtime.spawn import Child


def exited(child: Child) -> asyncio.Future[int]:
    """Return what becomes a program's exit status when the program itself ended, whoever still holds its pipes.

    asyncio's own `~asyncio.subprocess.Process.wait` also waits for the pipes on some Pythons, which a process that the
    program left in the background may hold open for ever (https://github.com/python/cpython/issues/119710).
    """
    loop = asyncio.get_running_loop()
    status: asyncio.Future[int] = loop.create_future()
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        # Linux has these descriptors from 5.3 on, and not every sandbox passes the call on.
        threading.Thread(target=_wait, args=(child, loop, status), name=f"exit-{child.pid}", daemon=True).start()
        return status

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        status.set_result(child.wait())

    loop.add_reader(descriptor, ended)
    return status


def _wait(child: Child, loop: asyncio.AbstractEventLoop, status: asyncio.Future[int]) -> None:
    code = child.wait()
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(status.set_result, code)
