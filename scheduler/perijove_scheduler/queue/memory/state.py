"""What Redis would hold, as plain objects: one `GroupState` a worker group."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from perijove.model.control import Control
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire.envelopes import Envelope


class ManualClock:
    """A clock that stands still until it is advanced; for tests."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += seconds


class Signal:
    """Wakes everybody who waits, once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, timeout: float | None = None) -> None:
        """Return at the next ring, or after `timeout` seconds."""
        # Not `asyncio.wait_for`: before Python 3.12 it may swallow a cancellation.
        ringing = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({ringing}, timeout=timeout)
        finally:
            ringing.cancel()


@dataclass
class TicketEntry:
    """A ``ticket:`` hash. `ticket` is None when a renewal wrote it back after a flush; `event` says how it ended."""

    attempt: int
    state: str
    ticket: Ticket | None = None
    worker: str = ""
    claimed: float = 0.0
    lease: float = 0.0
    passed: int = 0
    expires: float | None = None
    event: str = ""


@dataclass
class WorkerEntry:
    """A ``worker:`` hash with its scores in ``workers`` and ``idle``. `idle` is None for one that is not waiting."""

    capacity: Resources
    version: str
    host: str
    state: str = "active"
    renewed: float = 0.0
    idle: float | None = None
    free: Resources = field(default_factory=Resources)
    born: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class EventStream:
    """An ``events`` stream with its consumer group: entries, and what was delivered to whom and when."""

    entries: dict[str, Envelope] = field(default_factory=dict)
    delivered: dict[str, tuple[str, float]] = field(default_factory=dict)
    counter: int = 0

    def add(self, envelope: Envelope) -> str:
        """Append an entry; return its id."""
        self.counter += 1
        self.entries[f"{self.counter}-0"] = envelope
        return f"{self.counter}-0"


@dataclass
class LogStream:
    """A ``log:`` stream: its lines, of records `first`, `first` + 1 and so on."""

    lines: list[bytes] = field(default_factory=list)
    first: int = 1
    expires: float | None = None

    @property
    def last(self) -> int:
        """The number of the last record."""
        return self.first + len(self.lines) - 1


class GroupState:
    """Everything under one group's prefix."""

    def __init__(self) -> None:
        self.queue: list[str] = []
        self.tickets: dict[str, TicketEntry] = {}
        self.workers: dict[str, WorkerEntry] = {}
        self.held: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.control: defaultdict[str, list[tuple[int, Control]]] = defaultdict(list)
        # As in Redis, entries are younger than those before a flush: who listens after one of them hears of the next.
        self.messages = time.monotonic_ns()
        self.events = EventStream()
        self.logs: dict[tuple[str, int], LogStream] = {}

    def expire(self, now: float) -> None:
        """Drop what has outlived its time."""
        self.tickets = {k: t for k, t in self.tickets.items() if t.expires is None or t.expires > now}
        self.logs = {k: s for k, s in self.logs.items() if s.expires is None or s.expires > now}

    def tell(self, worker: str, message: Control) -> None:
        """Append a control message to a worker's stream."""
        self.messages += 1
        self.control[worker].append((self.messages, message))

    def emit(self, envelope: Envelope) -> str:
        """Append an event to the stream; return its id."""
        return self.events.add(envelope)

    def unqueue(self, execution: str) -> None:
        """Take an execution off the queue, if it is there."""
        with suppress(ValueError):
            self.queue.remove(execution)

    def release(self, execution: str, worker: str) -> None:
        """Take an execution out of what a worker holds."""
        self.held[worker].pop(execution, None)
