"""The worker's half of the wire, as a protocol: Redis implements it, and so does the in-memory twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perijove.model.control import Control
from perijove.model.events import Archived, Event
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket

#: Seconds without a renewal after which a worker counts as lost, unless the platform sets another, and between two
#: renewals. Whatever the lease, a worker renews it this often in its time.
LEASE = 30.0
RENEWALS_A_LEASE = 6
RENEW_EVERY = LEASE / RENEWALS_A_LEASE
#: Why an attempt ended that its worker holds and cannot run.
NO_TICKET = "Its worker has no ticket for it, or none that it can read."


@dataclass(frozen=True)
class Held:
    """One attempt a worker holds."""

    execution: str
    attempt: int


@dataclass(frozen=True)
class Renewal:
    """What a renewal told the worker.

    Attributes
    ----------
    superseded : list of Held
        Attempts the worker named that are no longer its: kill them, report nothing.
    forgotten : list of Held
        Attempts the worker named that Redis does not know (it was flushed), or has on offer again. The renewal has
        already written them back and emitted a ``held`` event for each: keep on running them.
    orphans : list of Ticket
        Tickets claimed in this worker's name, at least five seconds ago, that it did not name: the reply to its claim
        was lost. Run them. One whose ticket a flush took has been ended as ``agent_failed``.
    draining : bool
        The worker was told to take nothing new.
    """

    superseded: list[Held] = field(default_factory=list)
    forgotten: list[Held] = field(default_factory=list)
    orphans: list[Ticket] = field(default_factory=list)
    draining: bool = False


@dataclass(frozen=True)
class Appended:
    """The answer to an append: the stream's last record number now.

    If it is smaller than what was sent, Redis lost records (flushed or restarted): send again from ``last + 1``.
    """

    last: int


class AgentWire(Protocol):
    """What a worker may do on Redis: register, claim, renew, report, listen, leave. All of it fenced and repeatable.

    Every method raises `perijove.errors.Unavailable` when Redis cannot be reached or does not know our scripts yet;
    the caller backs off with jitter and repeats. None of them blocks the event loop.

    Attributes
    ----------
    event_key : str
        What the worker's events are sealed with.
    """

    event_key: str

    async def register(self, capacity: Resources, version: str, host: str) -> None:
        """Write this worker's hash and first renewal; repeating it is harmless and keeps a draining state."""

    async def claim(self, free: Resources) -> Ticket | None:
        """Take the oldest offered ticket that fits `free`, or mark this worker idle and return None.

        The worker says that it claimed it by a sealed `Claimed` event, which nobody waits for, and which goes before
        any other event of the attempt. A ticket that cannot be read ends its attempt as ``agent_failed``; then None is
        returned.

        A draining or fenced worker gets None. A ticket that was passed over ten times because it did not fit may not
        be passed again, so a large one is not starved by small ones; one that this worker could not take even when it
        is empty does not hold it up. Withdrawn and stale tickets are dropped.
        """

    async def renew(self, held: Sequence[Held]) -> Renewal:
        """Renew this worker and the tickets it names; call it every `RENEW_EVERY` seconds."""

    async def close(self, event: Event) -> bool:
        """End an attempt: drop its ticket and emit `event` (`Finished`) in one step.

        Returns False, and emits nothing, when the ticket is another attempt's or another worker's. Where Redis does not
        know the ticket (it was flushed) the event is emitted all the same: SQL fences it, and that an attempt ended
        says that it was claimed. A renewal that finds Redis flushed before the master has applied the event emits it
        again.
        """

    async def hand_back(self, held: Held, reason: Reason = Reason.WORKER_DRAINED) -> bool:
        """Give an attempt back unfinished: `close` with that reason."""

    async def emit(self, events: Sequence[Event]) -> None:
        """Append events to the group's event stream.

        A renewal that finds Redis flushed before the master has applied an `Archived` event emits it again.
        """

    async def applied(self, event: Archived) -> None:
        """Wait until the master has applied an event that was emitted; renewals find that out."""

    async def append(self, held: Held, first: int, lines: Sequence[bytes], covered: int = 0) -> Appended:
        """Append records `first`, `first` + 1, … (JSON lines without their newline) to the attempt's stream.

        Records the stream already has are left out; nothing is appended when `first` would leave a gap. Those up to
        number `covered` are no gap: the object store has them, and a stream that lacks them was lost with its Redis.
        """

    async def listen(self, after: str, timeout: float) -> list[tuple[str, Control]]:
        """Wait up to `timeout` seconds for control messages after entry `after` (``"0"`` for all); return them."""

    async def leave(self) -> None:
        """Remove this worker, which holds nothing, and emit a `Stopped` event."""

    async def aclose(self) -> None:
        """Close the connections."""
