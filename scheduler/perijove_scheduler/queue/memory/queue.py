"""The in-memory queue: what the master does, without Redis. For tests of what stands above, and for reading."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from uuid import uuid4

from perijove.errors import Unavailable
from perijove.model.control import Control, Drain
from perijove.model.tickets import Ticket
from perijove.wire import limits
from perijove.wire.protocol import LEASE
from perijove_scheduler.queue.memory import tickets
from perijove_scheduler.queue.memory.agent import MemoryAgentWire
from perijove_scheduler.queue.memory.state import EventStream, GroupState, Signal
from perijove_scheduler.queue.protocol import Attempt, Delivery, Gap, Glance, TicketState, WorkerLiveness


class MemoryQueue:
    """A `Queue` in this process's memory, with the semantics of the one on Redis.

    Parameters
    ----------
    clock : callable, optional
        What stands for Redis' clock, in seconds; a `ManualClock` lets a test advance it. Time-outs of blocking calls
        are real time.

    Attributes
    ----------
    lease : float
        Seconds a worker may be silent.
    reachable : bool
        Set it to False and every call raises `perijove.errors.Unavailable`, as when Redis is down.
    granted : dict
        Worker id → (group, SHA-256 of its password) of the users that `grant` made.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lease = LEASE
        self.reachable = True
        self.granted: dict[str, tuple[str, str]] = {}
        self.signal = Signal()
        self._groups: dict[str, GroupState] = {}
        self._generation = uuid4().hex
        self._subscribers: set[asyncio.Queue[list[str]]] = set()
        self._ringers: set[asyncio.Queue[list[str]]] = set()

    def agent(self, group: str, worker: str, event_key: str = "") -> MemoryAgentWire:
        """Return the worker's half, for one worker."""
        return MemoryAgentWire(self, group, worker, event_key)

    def flush(self) -> None:
        """Lose everything, as ``FLUSHALL`` and a restart without a snapshot do."""
        self._groups.clear()
        self.granted.clear()
        self._generation = uuid4().hex
        self.signal.ring()

    def state(self, group: str) -> GroupState:
        """Return what is kept of one group. Raises `Unavailable` while the queue is not `reachable`."""
        self._check()
        state = self._groups.setdefault(group, GroupState())
        state.expire(self.clock())
        return state

    def _check(self) -> None:
        if not self.reachable:
            raise Unavailable("Redis cannot be reached.")

    async def prepare(self) -> None:
        """There are no scripts to load."""
        self._check()

    async def generation(self) -> str:
        """Return a value that changes with every flush."""
        self._check()
        return self._generation

    async def now(self) -> float:
        """Return the clock's time."""
        self._check()
        return self.clock()

    async def offer(self, ticket: Ticket) -> bool:
        """Put a ticket on its group's queue and wake an idle worker."""
        offered = tickets.offer(self.state(ticket.spec.group), ticket, self.clock())
        self.signal.ring()
        return offered

    async def offer_many(self, tickets: Sequence[Ticket]) -> list[bool]:
        """Offer each ticket."""
        return [await self.offer(ticket) for ticket in tickets]

    async def withdraw(self, group: str, execution: str, attempt: int) -> bool:
        """Take back an offered ticket."""
        return tickets.withdraw(self.state(group), execution, attempt, self.clock())

    async def withdraw_many(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Take back each."""
        return [await self.withdraw(*attempt) for attempt in attempts]

    async def ticket(self, group: str, execution: str) -> TicketState | None:
        """Return where a ticket stands."""
        entry = self.state(group).tickets.get(execution)
        return TicketState(entry.attempt, entry.state, entry.worker) if entry and entry.state != "forgotten" else None

    async def tickets(self, group: str, executions: Sequence[str]) -> list[TicketState | None]:
        """Return where each ticket stands."""
        return [await self.ticket(group, execution) for execution in executions]

    async def forget(self, group: str, execution: str, attempt: int) -> None:
        """Drop a ticket of this or an older attempt."""
        tickets.forget(self.state(group), execution, attempt, self.clock())

    async def forget_many(self, attempts: Sequence[Attempt]) -> None:
        """Drop each."""
        for attempt in attempts:
            await self.forget(*attempt)

    async def tell(self, group: str, worker: str, message: Control) -> None:
        """Append a control message to a worker's stream."""
        self.state(group).tell(worker, message)
        self.signal.ring()

    async def tell_many(self, messages: Sequence[tuple[str, str, Control]]) -> None:
        """Append each message."""
        for message in messages:
            await self.tell(*message)

    async def drain(self, group: str, worker: str, only_idle: bool = False) -> bool:
        """Fence a worker and tell it to drain."""
        drained = tickets.drain(self.state(group), worker, only_idle)
        if drained:
            await self.tell(group, worker, Drain())
        return drained

    async def workers(self, group: str) -> list[WorkerLiveness]:
        """Return the group's registered workers."""
        state, now = self.state(group), self.clock()
        return [
            WorkerLiveness(
                worker=name,
                silent_for=now - entry.renewed,
                state=entry.state,
                capacity=entry.capacity,
                host=entry.host,
                version=entry.version,
                held=dict(state.held[name]),
            )
            for name, entry in state.workers.items()
        ]

    async def glance(self, groups: Collection[str]) -> dict[str, dict[str, Glance]]:
        """Return the registered workers of groups, in short."""
        return {
            group: {w.worker: Glance(w.silent_for, w.state, bool(w.held)) for w in await self.workers(group)}
            for group in groups
        }

    async def remove_worker(self, group: str, worker: str) -> None:
        """Forget a worker."""
        tickets.remove(self.state(group), worker)

    async def depths(self, groups: Collection[str]) -> dict[str, int]:
        """Return how many tickets of each group are offered."""
        return {group: len(self.state(group).queue) for group in groups}

    async def read_events(
        self,
        groups: Sequence[str],
        consumer: str,
        timeout: float,
        limit: int,
    ) -> list[Delivery]:
        """Wait for events; what was delivered and not acknowledged comes first."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            found = [d for group in groups for d in self._deliver(group, consumer)[:limit]]
            left = deadline - asyncio.get_running_loop().time()
            if found or left <= 0:
                self._mark(found, consumer)
                return found
            await self.signal.wait(left)

    def _deliver(self, group: str, consumer: str) -> list[Delivery]:
        stream, now = self.state(group).events, self.clock()
        pending, fresh = [], []
        for entry, envelope in stream.entries.items():
            owner, since = stream.delivered.get(entry, ("", now))
            if owner == consumer or (owner and now - since > limits.CONSUMER_IDLE):
                pending.append(Delivery(group, entry, envelope))
            elif not owner:
                fresh.append(Delivery(group, entry, envelope))
        return pending or fresh

    def _mark(self, deliveries: Sequence[Delivery], consumer: str) -> None:
        for delivery in deliveries:
            self._stream(delivery).delivered[delivery.entry] = (consumer, self.clock())

    def _stream(self, delivery: Delivery) -> EventStream:
        return self.state(delivery.group).events

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remove applied events."""
        for delivery in deliveries:
            stream = self._stream(delivery)
            stream.entries.pop(delivery.entry, None)
            stream.delivered.pop(delivery.entry, None)

    async def publish_changes(self, executions: Sequence[str]) -> None:
        """Tell every subscriber that these executions changed."""
        self._check()
        for subscriber in self._subscribers if executions else ():
            subscriber.put_nowait(list(executions))

    def changes(self) -> AsyncIterator[list[str]]:
        """Iterate over what is published; first comes an empty list."""
        return _follow(self._subscribers)

    async def ring(self, loops: Sequence[str]) -> None:
        """Tell every subscriber that these loops have something to do."""
        self._check()
        for ringer in self._ringers if loops else ():
            ringer.put_nowait(list(loops))

    def rings(self) -> AsyncIterator[list[str]]:
        """Iterate over what `ring` sends; first comes an empty list."""
        return _follow(self._ringers)

    async def records(
        self, group: str, execution: str, attempt: int, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Return up to `limit` records after number `after`."""
        stream = self.state(group).logs.get((execution, attempt))
        if stream is None or after >= stream.last:
            return []
        if after + 1 < stream.first:
            raise Gap(stream.first)
        start = after + 1 - stream.first
        return list(enumerate(stream.lines[start : start + limit], after + 1))

    async def last_record(self, group: str, execution: str, attempt: int) -> int:
        """Return the number of the stream's last record."""
        stream = self.state(group).logs.get((execution, attempt))
        return stream.last if stream else 0

    async def trim_records(self, trims: Sequence[tuple[Attempt, int]]) -> None:
        """Drop the records of each attempt before the given number."""
        for (group, execution, attempt), number in trims:
            stream = self.state(group).logs.get((execution, attempt))
            if stream and number > stream.first:
                dropped = min(number, stream.last) - stream.first
                stream.lines, stream.first = stream.lines[dropped:], stream.first + dropped

    async def expire_records(self, attempts: Sequence[Attempt], seconds: float) -> None:
        """Drop the streams of archived attempts after `seconds`."""
        for group, execution, attempt in attempts:
            if stream := self.state(group).logs.get((execution, attempt)):
                stream.expires = self.clock() + seconds

    async def grant(self, group: str, worker: str, password_sha256: str) -> None:
        """Note the user; memory has no rights to enforce."""
        self._check()
        self.granted[worker] = (group, password_sha256)

    def worker_url(self, worker: str, password: str) -> str:
        """Return an address that names this worker."""
        return f"memory://{worker}:{password}@"

    async def revoke(self, worker: str) -> None:
        """Forget the user."""
        self._check()
        self.granted.pop(worker, None)

    async def aclose(self) -> None:
        """Nothing is open."""


async def _follow(subscribers: set[asyncio.Queue[list[str]]]) -> AsyncIterator[list[str]]:
    mine: asyncio.Queue[list[str]] = asyncio.Queue()
    subscribers.add(mine)
    try:
        yield []
        while True:
            yield await mine.get()
    finally:
        subscribers.discard(mine)
