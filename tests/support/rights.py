"""Being an ordinary user in a test that root runs: root may read and write whatever it likes."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from perijove.aio.executors import Threads

#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)).
_OVERRIDING = 1 << 1 | 1 << 2
_VERSION = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Have file modes count for this thread, those that it starts, and their threads and programs' own files.

    Executors begin with new threads: a thread has the rights of the one that started it.
    """
    if sys.platform != "linux":
        yield
        return
    library, header, data = ctypes.CDLL(None, use_errno=True), _Header(_VERSION, 0), (_Data * 2)()
    _call(library.capget, header, data)
    effective = data[0].effective
    data[0].effective &= ~_OVERRIDING
    _call(library.capset, header, data)
    _start_threads_anew()
    try:
        yield
    finally:
        data[0].effective = effective
        _call(library.capset, header, data)
        _start_threads_anew()


def _start_threads_anew() -> None:
    for threads in [each for each in gc.get_objects() if isinstance(each, Threads)]:
        threads._pool.shutdown(wait=False)
        threads._pool = ThreadPoolExecutor(threads.workers, thread_name_prefix=f"perijove-{threads.name}")


def _call(function: object, header: _Header, data: object) -> None:
    if function(ctypes.byref(header), ctypes.byref(data)):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be changed")
