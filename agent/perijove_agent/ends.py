"""The ends of attempts on their way to the master: each is sent once, and no attempt that has ended runs again."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from perijove.model.events import Finished
from perijove.wire.ends import failed, sendable
from perijove.wire.protocol import AgentWire, Held
from perijove_agent.persistence import persist

log = logging.getLogger(__name__)

#: How many ends are remembered, and how many outputs they may name in all: an end can name tens of thousands. A ticket
#: of one of them that comes again comes within seconds.
_REMEMBERED, _OUTPUTS = 64, 50_000


class Ends:
    """Closes attempts.

    Parameters
    ----------
    wire : AgentWire
        Where to.
    worker : str
        Whose attempts they are.
    fence : asyncio.Lock
        Held while a close is under way.
    on_close : callable
        Called, still within the fence, when an attempt is closed.
    """

    def __init__(self, wire: AgentWire, worker: str, fence: asyncio.Lock, on_close: Callable[[Held], object]) -> None:
        self._wire = wire
        self._worker = worker
        self._fence = fence
        self._on_close = on_close
        self._known: OrderedDict[Held, Finished] = OrderedDict()

    def of(self, held: Held) -> Finished | None:
        """Return how an attempt ended, if it did so here lately."""
        return self._known.get(held)

    def failed(self, held: Held, detail: str, records: int = 0) -> Finished:
        """Return the end of an attempt in which the agent itself failed."""
        return failed(self._worker, held.execution, held.attempt, detail, records)

    @property
    def _outputs(self) -> int:
        return sum(len(end.outputs) for end in self._known.values())

    async def close(self, finished: Finished) -> bool:
        """Send an end, however often Redis has to be asked; return whether the attempt was still this worker's."""
        held = Held(finished.execution, finished.attempt)
        finished = self._known[held] = sendable(finished)
        while len(self._known) > 1 and (len(self._known) > _REMEMBERED or self._outputs > _OUTPUTS):
            self._known.popitem(last=False)

        async def close() -> bool:
            async with self._fence:
                closed = await self._wire.close(finished)
                self._on_close(held)
                return closed

        log.info("execution %s, attempt %s: %s", held.execution, held.attempt, finished.reason)
        return await persist(f"the end of {held.execution}", close, most=5.0)
