"""The master's half of the wire, as a protocol: Redis implements it, and so does the in-memory twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from perijove.model.control import Control
from perijove.model.events import Event
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire.envelopes import Envelope

#: One attempt: its group, its execution and its number.
Attempt = tuple[str, str, int]


@dataclass(frozen=True)
class Delivery:
    """One entry of a group's event stream, with what is needed to acknowledge it.

    `event` is what it says, whoever says it: whose it is shows the envelope's seal. None where it cannot be read.
    """

    group: str
    entry: str
    envelope: Envelope

    @property
    def event(self) -> Event | None:
        """The event in the envelope."""
        return self.envelope.event


@dataclass(frozen=True)
class WorkerLiveness:
    """One registered worker by Redis' clock.

    `silent_for` is the seconds since its last renewal; `state` is ``active``, ``draining`` or ``fenced``; `held` maps
    execution id → attempt.
    """

    worker: str
    silent_for: float
    state: str
    capacity: Resources
    host: str
    version: str
    held: Mapping[str, int]


@dataclass(frozen=True)
class Glance:
    """What scaling wants to know of a registered worker; `silent_for` and `state` are a `WorkerLiveness`'."""

    silent_for: float
    state: str
    busy: bool


@dataclass(frozen=True)
class TicketState:
    """Where a ticket stands, whose attempt, and by which worker.

    `state` is ``offered``, ``claimed``, ``ended`` or ``withdrawn``.
    """

    attempt: int
    state: str
    worker: str


class Gap(Exception):
    """A stream does not hold the records that were asked for, and holds later ones: they were trimmed, or lost.

    Attributes
    ----------
    first : int
        The number of the first record it holds after what is missing.
    """

    def __init__(self, first: int) -> None:
        super().__init__(first)
        self.first = first


class Queue(Protocol):
    """What the master does on Redis.

    Every method raises `perijove.errors.Unavailable` when Redis cannot be reached.

    Attributes
    ----------
    lease : float
        Seconds a worker may be silent before it counts as lost.
    """

    lease: float

    async def prepare(self) -> None:
        """Load the scripts. Repeated by the sweeper, so that a restarted Redis gets them back."""

    async def generation(self) -> str:
        """Return a value that changes when Redis was restarted or flushed (a marker key that we write ourselves)."""

    async def now(self) -> float:
        """Return Redis' clock, in seconds."""

    async def offer(self, ticket: Ticket) -> bool:
        """Put a ticket on its group's queue and wake one idle worker.

        Returns False, and changes nothing, when the same or a later attempt is already offered, claimed, ended or
        withdrawn.
        A ticket of an older attempt is replaced. So offering twice is harmless. The worker woken is one that has room
        for the ticket and renewed within its lease.
        """

    async def offer_many(self, tickets: Sequence[Ticket]) -> list[bool]:
        """`offer` each ticket, pipelined."""

    async def withdraw(self, group: str, execution: str, attempt: int) -> bool:
        """Take back an offered ticket; False when a worker already claimed it (or there is none).

        For a minute it stays known as withdrawn, also where there was none, so that an offer of this attempt that was
        under way meanwhile is refused when it comes.
        """

    async def withdraw_many(self, attempts: Sequence[Attempt]) -> list[bool]:
        """`withdraw` each, pipelined."""

    async def ticket(self, group: str, execution: str) -> TicketState | None:
        """Return where a ticket stands, or None."""

    async def tickets(self, group: str, executions: Sequence[str]) -> list[TicketState | None]:
        """Return where each ticket stands, pipelined."""

    async def forget(self, group: str, execution: str, attempt: int) -> None:
        """Drop a ticket of this or an older attempt, whoever holds it: the attempt is superseded or ended.

        Its holder learns so at its next renewal. The attempt may be offered again, also where it had been withdrawn,
        but not where it had ended.
        """

    async def forget_many(self, attempts: Sequence[Attempt]) -> None:
        """`forget` each, pipelined."""

    async def tell(self, group: str, worker: str, message: Control) -> None:
        """Append a control message to a worker's stream."""

    async def tell_many(self, messages: Sequence[tuple[str, str, Control]]) -> None:
        """`tell` each worker: its group, its id and the message; pipelined."""

    async def drain(self, group: str, worker: str, only_idle: bool = False) -> bool:
        """Fence a worker in one step: from now on a claim gives it nothing. Also tells it to drain.

        With `only_idle`, a worker that holds anything is left alone and False is returned: the scaler uses it, so that
        scaling down never kills work. A worker that is not registered cannot be drained: False.
        """

    async def workers(self, group: str) -> list[WorkerLiveness]:
        """Return the group's registered workers."""

    async def glance(self, groups: Collection[str]) -> dict[str, dict[str, Glance]]:
        """Return the registered workers of groups, by group and worker, in short: many groups cost little more."""

    async def remove_worker(self, group: str, worker: str) -> None:
        """Forget a worker that is lost or gone, with its control stream and what it held."""

    async def depths(self, groups: Collection[str]) -> dict[str, int]:
        """Return how many tickets of each group are offered and not yet claimed."""

    async def read_events(self, groups: Sequence[str], consumer: str, timeout: float, limit: int) -> list[Delivery]:
        """Wait for events of these groups, at most `limit` of each, as one consumer group named ``master``.

        Of each group, what was delivered before but not acknowledged (by a consumer that died) comes first.
        """

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge applied events and remove them from their streams."""

    async def publish_changes(self, executions: Sequence[str]) -> None:
        """Tell every replica that these executions' rows changed."""

    def changes(self) -> AsyncIterator[list[str]]:
        """Iterate over what `publish_changes` sends. An empty list means: some may have been missed, look again.

        It comes first and after every new connection, which the iterator makes by itself; so this never raises
        `Unavailable`.
        """

    async def ring(self, loops: Sequence[str]) -> None:
        """Tell the replica that leads that these loops have something to do."""

    def rings(self) -> AsyncIterator[list[str]]:
        """Iterate over what `ring` sends, as `changes` does."""

    async def records(
        self, group: str, execution: str, attempt: int, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Return up to about `limit` records after number `after`: ``(n, JSON line)``, without waiting.

        They are without a gap. Raises `Gap` where the next record that the stream holds is not number `after` + 1.
        """

    async def last_record(self, group: str, execution: str, attempt: int) -> int:
        """Return the number of the stream's last record; 0 when there is no stream."""

    async def trim_records(self, trims: Sequence[tuple[Attempt, int]]) -> None:
        """Drop the records of each attempt before the given number; its stream's last records always stay."""

    async def expire_records(self, attempts: Sequence[Attempt], seconds: float) -> None:
        """Drop the streams of archived attempts after `seconds`, so that live viewers can finish; pipelined."""

    async def grant(self, group: str, worker: str, password_sha256: str) -> None:
        """Make (or make again, after Redis lost it) the Redis user of a worker, named after it.

        The user may touch what the agent's half needs of its group's keys, which of `ctl`, `worker` and `held` are its
        own only, with the commands the agent's half needs, and may not load scripts.
        """

    def worker_url(self, worker: str, password: str) -> str:
        """Return the URL, credentials included, under which a worker reaches this Redis."""

    async def revoke(self, worker: str) -> None:
        """Delete the Redis user of a worker."""

    async def aclose(self) -> None:
        """Close the connections."""
