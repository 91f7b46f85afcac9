"""The worker's half of the in-memory queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from perijove.model.control import Control
from perijove.model.events import Archived, Claimed, Event, Finished, Stopped
from perijove.model.events import Held as HeldEvent
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire.envelopes import Envelope, sealed
from perijove.wire.protocol import NO_TICKET, Appended, Held, Renewal
from perijove.wire.unapplied import Unapplied
from perijove_scheduler.queue.memory import tickets
from perijove_scheduler.queue.memory.state import GroupState, LogStream, WorkerEntry

if TYPE_CHECKING:
    from perijove_scheduler.queue.memory.queue import MemoryQueue


class MemoryAgentWire:
    """One worker's `AgentWire` on a `MemoryQueue`; made by `MemoryQueue.agent`."""

    def __init__(self, queue: MemoryQueue, group: str, worker: str, event_key: str = "") -> None:
        self.event_key = event_key
        self._queue = queue
        self._group = group
        self._worker = worker
        self._registered: WorkerEntry | None = None
        self._unapplied = Unapplied()

    def _seal(self, event: Event) -> Envelope:
        return sealed(event, self.event_key)

    def _state(self) -> GroupState:
        return self._queue.state(self._group)

    async def register(self, capacity: Resources, version: str, host: str) -> None:
        """Write this worker's entry; a draining state is kept."""
        self._registered = WorkerEntry(capacity, version, host)
        worker = self._enter()
        worker.capacity, worker.version, worker.host = capacity, version, host

    def _enter(self) -> WorkerEntry:
        """Renew this worker's entry, or make it anew as the worker knows itself."""
        if self._registered is None:
            raise RuntimeError("register first")
        worker = self._state().workers.setdefault(self._worker, replace(self._registered, born=uuid4().hex))
        worker.renewed = self._queue.clock()
        return worker

    async def claim(self, free: Resources) -> Ticket | None:
        """Take the oldest ticket that fits, or mark this worker idle."""
        ticket = tickets.claim(self._state(), self._worker, free, self._queue.clock())
        if ticket is not None:
            self._tell_claim(ticket)
        self._queue.signal.ring()
        return ticket

    def _tell_claim(self, ticket: Ticket) -> None:
        claim = Claimed(worker=self._worker, execution=ticket.execution, attempt=ticket.attempt)
        self._state().emit(self._seal(claim))

    def _held(self, held: Held) -> Envelope:
        return self._seal(HeldEvent(worker=self._worker, execution=held.execution, attempt=held.attempt))

    def _end(self, held: Held, reason: Reason, detail: str = "") -> Finished:
        identity = {"worker": self._worker, "execution": held.execution, "attempt": held.attempt}
        return Finished(**identity, reason=reason, detail=detail)

    async def renew(self, held: Sequence[Held]) -> Renewal:
        """Renew this worker and the tickets it names."""
        me = self._enter()
        now = self._queue.clock()
        renewal, lost = tickets.renew(self._state(), self._worker, list(held), self._held, now)
        if renewal.draining and self._registered is not None:
            self._registered.state = "draining"
        if me.born == self._unapplied.born:
            self._unapplied.applied_before(next(iter(self._state().events.entries), ""), self._unapplied.count)
        else:
            for event in self._unapplied.again():
                await (self.close(event) if isinstance(event, Finished) else self.emit([event]))
            self._unapplied.born = me.born
        for ticket in renewal.orphans:
            self._tell_claim(ticket)
        for each in lost:
            await self.close(self._end(each, Reason.AGENT_FAILED, NO_TICKET))
        self._queue.signal.ring()
        return renewal

    async def close(self, event: Event) -> bool:
        """Drop the attempt's ticket and emit how it ended."""
        if not isinstance(event, Finished):
            raise TypeError("an attempt is closed by a Finished event")
        name = tickets.close(self._state(), event, self._seal(event), self._queue.clock())
        if name:
            self._unapplied.emitted(event, name)
        else:
            self._unapplied.settle(event)
        self._queue.signal.ring()
        return bool(name)

    async def hand_back(self, held: Held, reason: Reason = Reason.WORKER_DRAINED) -> bool:
        """Close an attempt unfinished."""
        return await self.close(self._end(held, reason))

    async def emit(self, events: Sequence[Event]) -> None:
        """Append events to the group's stream."""
        state = self._state()
        for event in events:
            name = state.emit(self._seal(event))
            if isinstance(event, Archived):
                self._unapplied.emitted(event, name)
        self._queue.signal.ring()

    async def applied(self, event: Archived) -> None:
        """Wait until the master has applied an event that was emitted."""
        await self._unapplied.applied(event)

    async def append(self, held: Held, first: int, lines: Sequence[bytes], covered: int = 0) -> Appended:
        """Append the records the stream does not have yet, unless that would leave a gap."""
        logs = self._state().logs
        stream = logs.get((held.execution, held.attempt), LogStream())
        if stream.last < covered:
            logs.pop((held.execution, held.attempt), None)
            stream = LogStream(first=covered + 1)
        last = stream.last
        fresh = lines[max(0, last + 1 - first) :]
        if first <= last + 1 and fresh:
            stream.lines.extend(fresh)
            logs[held.execution, held.attempt] = stream
            self._queue.signal.ring()
        return Appended(stream.last)

    async def listen(self, after: str, timeout: float) -> list[tuple[str, Control]]:
        """Wait for control messages after entry `after`."""
        seen = int(after.partition("-")[0])
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            messages = self._state().control.get(self._worker, [])
            found = [(f"{n}-0", message) for n, message in messages if n > seen]
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0:
                return found
            await self._queue.signal.wait(left)

    async def leave(self) -> None:
        """Remove this worker and say so."""
        tickets.leave(self._state(), self._worker, self._seal(Stopped(worker=self._worker)))
        self._queue.signal.ring()

    async def aclose(self) -> None:
        """Nothing is open."""
