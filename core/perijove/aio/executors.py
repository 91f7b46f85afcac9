"""Executors: which work runs beside the event loop, where, and how much of it at a time.

Nothing of the service, of the agents, of the Jupyter Server extension and of the clients runs on asyncio's default
executor. It has a handful of threads that everybody shares, the look-up of host names included: whatever blocks there
for long holds up all the rest, and two calls of which one waits for the other hang for good once enough of them are
under way.

=============  ==========================================================================  =======================
executor       what runs there                                                             how long a call may take
=============  ==========================================================================  =======================
`FILES`        short calls on this machine's disk: open, read a piece, write a piece       milliseconds
`COMPUTING`    what takes a CPU: compressing, converting, packing, scanning and removing  seconds
               folders
`READING`      unpacking logs that somebody else's work may have written                  a tenth of a second
`WAITING`      what waits for the system: a process that ends, a lock                      seconds
`FORKING`      starting programs, one at a time                                            milliseconds
`DOCUMENTS`    parsing what people sent, where it is large                                 `DOCUMENT_SECONDS`
`SNAPSHOTS`    reading people's archives                                                   `SNAPSHOT_SECONDS`
`UNPACKING`    laying out, for an attempt, an archive that the service has read            minutes, or until its
                                                                                           file is revoked
=============  ==========================================================================  =======================

The rules
---------
* No call waits for another call, nor for the other side of a connection or of a pipe. What arrives from outside is
  awaited on the event loop and handed over piece by piece.
* Each executor has a name, a number of workers, and a bound on what waits for one; beyond it a caller gets
  `perijove.errors.Unavailable`, which clients take for "ask again".
* What runs until it has understood somebody else's document runs in a process: the kernel ends it when its time or its
  memory is used up, whatever it is doing, and nobody else's work with it. An agent unpacks in threads: the service has
  understood the archive before, and a revoked file ends the thread.
* A call that is cancelled before it began never begins. One that has begun is waited for, so that whoever is cancelled
  can remove the files it works on. What a call opens or makes is held by `Threads.holding`, which releases it then.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import resource
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, suppress
from functools import partial
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from typing_extensions import ParamSpec

from perijove.errors import TooLarge, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds that one document, or one snapshot, may take to be read.
DOCUMENT_SECONDS, SNAPSHOT_SECONDS = 60, 600
_GIBIBYTE = 1024**3


class Threads:
    """A bounded number of threads for one kind of work, started when they are first needed.

    Parameters
    ----------
    name : str
        The kind of work; the threads carry it.
    workers : int
        How many calls run at a time.
    waiting : int
        How many calls may wait for their turn.
    """

    def __init__(self, name: str, workers: int, waiting: int = 10_000) -> None:
        self.name = name
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=f"perijove-{name}")
        self._places = threading.BoundedSemaphore(workers + waiting)

    async def run(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call `function` in a thread and return what it returns.

        Raises
        ------
        perijove.errors.Unavailable
            Too many calls wait already.
        """
        if not self._places.acquire(blocking=False):
            raise Unavailable(f"There is more to do at a time than can be taken in here ({self.name}).")
        context = contextvars.copy_context()
        queued = self._pool.submit(lambda: context.run(function, *args, **options))
        queued.add_done_callback(lambda _: self._places.release())
        call = asyncio.wrap_future(queued)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            if not queued.cancel():
                await _ended(call)
                call.exception()  # seen; the cancellation is what the caller gets
            raise

    @asynccontextmanager
    async def holding(self, make: Callable[[], T], release: Callable[[T], object]) -> AsyncIterator[T]:
        """Give what `make` returns in a thread; release it, in a thread too, at the end of the context.

        It is released as well where the caller was cancelled while it was being made.
        """
        made: list[T] = []
        try:
            await self.run(lambda: made.append(make()))
            yield made[0]
        finally:
            for each in made:
                # It takes no place, and no cancellation keeps it from happening.
                released = asyncio.wrap_future(self._pool.submit(release, each))
                try:
                    await asyncio.shield(released)
                except asyncio.CancelledError:
                    await _ended(released)
                    raise


class Processes:
    """A bounded number of processes that read what other people wrote, each of them alone with one document.

    Functions and arguments are pickled: a function is a module's, and its module is imported there.

    Parameters
    ----------
    name : str
        The kind of document, for messages.
    workers : int
        How many are read at a time.
    seconds : int
        How long one may take.
    memory : int
        The most bytes of address space that a process may take.
    waiting : int
        How many may wait for their turn.
    """

    def __init__(self, name: str, workers: int, seconds: int, memory: int = 4 * _GIBIBYTE, waiting: int = 200) -> None:
        self.name = name
        self.workers = workers
        self.seconds = seconds
        self._memory = memory
        # Each thread has a process of its own: one that is ended takes nobody else's document along.
        self._threads = Threads(name, workers, waiting)
        self._own = threading.local()

    async def run(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call `function` in a process and return what it returns.

        Raises
        ------
        perijove.errors.TooLarge
            It took too much time or memory, and the process was ended.
        perijove.errors.Unavailable
            Too many calls wait already.
        """
        return await self._threads.run(self._call, partial(function, *args, **options))

    def _call(self, function: Callable[[], T]) -> T:
        pool = self._process()
        try:
            return pool.submit(_within, self.seconds, function).result()
        except BrokenProcessPool:
            self._own.pool = None
            pool.shutdown(wait=False)
            raise self._too_large() from None
        except MemoryError:
            raise self._too_large() from None

    def _process(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            # Spawned: a copy of this process would hold its locks, sockets and secrets.
            pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, (self._memory,))
            self._own.pool = pool
        return pool

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"Reading it took longer than {self.seconds} seconds, or too much memory ({self.name}).",
            "Send something smaller or simpler.",
        )


async def _ended(call: asyncio.Future[T]) -> None:
    """Wait until a call has ended, however often that is cancelled."""
    while not call.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([call])


def _begin(memory: int) -> None:
    """Prepare a process: it has a bound, ends with its parent, and leaves Ctrl-C to it."""
    with suppress(ValueError, OSError):  # not every system has it
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _within(seconds: int, function: Callable[[], T]) -> T:
    """Call a function; the kernel ends the process if it is not through in time, whatever it is doing."""
    signal.alarm(seconds)
    try:
        return function()
    finally:
        signal.alarm(0)


FILES = Threads("files", 16)
COMPUTING = Threads("computing", 4, waiting=1_000)
READING = Threads("reading", 2)
WAITING = Threads("waiting", 16, waiting=1_000)
FORKING = Threads("forking", 1, waiting=1_000)
DOCUMENTS = Processes("documents", 2, DOCUMENT_SECONDS)
SNAPSHOTS = Processes("snapshots", 2, SNAPSHOT_SECONDS)
UNPACKING = Threads("unpacking", 4, waiting=1_000)
