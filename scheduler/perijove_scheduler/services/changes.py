"""One reader of the changes for this process, however many viewers wait for some."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from perijove.errors import PerijoveError
from perijove.patience import set_within, spread
from perijove_scheduler.queue.protocol import Queue

_log = logging.getLogger(__name__)
#: Seconds after which a watcher looks again although nobody told it to.
LOOK_AGAIN = 15.0


class Watch:
    """Waits for changes of one execution. Many changes between two waits are one, so a slow viewer collects none."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Say that there was a change."""
        self._changed.set()

    async def wait(self) -> None:
        """Wait for the next change, or until it is time to look again."""
        await set_within(self._changed, spread(LOOK_AGAIN))
        self._changed.clear()


class Changes:
    """Hands out what `Queue.changes` tells. It reads while somebody watches."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, execution: str) -> Iterator[Watch]:
        """Watch an execution for the length of a block."""
        watch = Watch()
        self._watches[execution].add(watch)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name="perijove-changes")
        try:
            yield watch
        finally:
            self._leave(execution, watch)

    def _leave(self, execution: str, watch: Watch) -> None:
        self._watches[execution].discard(watch)
        if not self._watches[execution]:
            del self._watches[execution]
        if not self._watches and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> None:
        try:
            async for executions in self._queue.changes():
                self._notify(executions)
        except PerijoveError as error:
            # Watchers look again by themselves every now and then, and the next one starts another reader.
            _log.warning("changes can no longer be read: %s", error)
            self._notify([])

    def _notify(self, executions: list[str]) -> None:
        """Wake who watches these; an empty list says that any may have changed."""
        for execution in executions or list(self._watches):
            for watch in self._watches.get(execution, ()):
                watch.notify()
