"""The queue on Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from perijove.model.control import Control
from perijove.model.tickets import Ticket
from perijove.wire.keys import BELLS, CHANGES
from perijove.wire.protocol import LEASE
from perijove_scheduler.queue.protocol import Attempt, Delivery, Glance, TicketState, WorkerLiveness
from perijove_scheduler.queue.redis.channel import Channel
from perijove_scheduler.queue.redis.events import Events
from perijove_scheduler.queue.redis.link import RedisLink
from perijove_scheduler.queue.redis.records import Records
from perijove_scheduler.queue.redis.rights import Rights
from perijove_scheduler.queue.redis.tickets import Tickets
from perijove_scheduler.queue.redis.workers import Workers


class RedisQueue:
    """A `Queue` on Redis; each subject is a module of its own beside this one.

    Parameters
    ----------
    url : str
        Of Redis (6.2 or later), with the master's credentials.
    lease : float
        Seconds a worker may be silent.
    worker_url : str
        Its address as workers reach it, where that is another.
    """

    def __init__(self, url: str, lease: float = LEASE, worker_url: str = "") -> None:
        self.lease = lease
        self._link = RedisLink(url)
        self._tickets = Tickets(self._link, lease)
        self._workers = Workers(self._link)
        self._events = Events(self._link)
        self._records = Records(self._link)
        self._changes = Channel(self._link, CHANGES)
        self._bells = Channel(self._link, BELLS)
        self._rights = Rights(self._link, worker_url or url)

    async def prepare(self) -> None:
        """Load the scripts."""
        await self._link.prepare()

    async def generation(self) -> str:
        """Return a value that changes when Redis was restarted or flushed."""
        return await self._link.generation()

    async def now(self) -> float:
        """Return Redis' clock, in seconds."""
        return await self._link.now()

    async def offer(self, ticket: Ticket) -> bool:
        """Put a ticket on its group's queue and wake one idle worker."""
        return (await self._tickets.offer_many([ticket]))[0]

    async def offer_many(self, tickets: Sequence[Ticket]) -> list[bool]:
        """Offer each ticket, pipelined."""
        return await self._tickets.offer_many(tickets)

    async def withdraw(self, group: str, execution: str, attempt: int) -> bool:
        """Take back an offered ticket; False when a worker already claimed it (or there is none)."""
        return (await self._tickets.withdraw_many([(group, execution, attempt)]))[0]

    async def withdraw_many(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Take back each, pipelined."""
        return await self._tickets.withdraw_many(attempts)

    async def ticket(self, group: str, execution: str) -> TicketState | None:
        """Return where a ticket stands, or None."""
        return (await self._tickets.states(group, [execution]))[0]

    async def tickets(self, group: str, executions: Sequence[str]) -> list[TicketState | None]:
        """Return where each ticket stands, pipelined."""
        return await self._tickets.states(group, executions)

    async def forget(self, group: str, execution: str, attempt: int) -> None:
        """Drop a ticket of this or an older attempt, whoever holds it."""
        await self._tickets.forget_many([(group, execution, attempt)])

    async def forget_many(self, attempts: Sequence[Attempt]) -> None:
        """Drop each, pipelined."""
        await self._tickets.forget_many(attempts)

    async def tell(self, group: str, worker: str, message: Control) -> None:
        """Append a control message to a worker's stream."""
        await self._workers.tell_many([(group, worker, message)])

    async def tell_many(self, messages: Sequence[tuple[str, str, Control]]) -> None:
        """Append each message to its worker's stream, pipelined."""
        await self._workers.tell_many(messages)

    async def drain(self, group: str, worker: str, only_idle: bool = False) -> bool:
        """Fence a worker in one step and tell it to drain."""
        return await self._workers.drain(group, worker, only_idle)

    async def workers(self, group: str) -> list[WorkerLiveness]:
        """Return the group's registered workers."""
        return await self._workers.list(group)

    async def glance(self, groups: Collection[str]) -> dict[str, dict[str, Glance]]:
        """Return the registered workers of groups, in short: one script a group, pipelined."""
        return await self._workers.glance(groups)

    async def remove_worker(self, group: str, worker: str) -> None:
        """Forget a worker that is lost or gone."""
        await self._workers.remove(group, worker)

    async def depths(self, groups: Collection[str]) -> dict[str, int]:
        """Return how many tickets of each group are offered and not yet claimed, pipelined."""
        return await self._tickets.depths(groups)

    async def read_events(self, groups: Sequence[str], consumer: str, timeout: float, limit: int) -> list[Delivery]:
        """Wait for events of these groups; what was not acknowledged comes first."""
        return await self._events.read(groups, consumer, timeout, limit)

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge applied events and remove them from their streams."""
        await self._events.acknowledge(deliveries)

    async def publish_changes(self, executions: Sequence[str]) -> None:
        """Tell every replica that these executions' rows changed."""
        await self._changes.publish(executions)

    def changes(self) -> AsyncIterator[list[str]]:
        """Iterate over what `publish_changes` sends. An empty list means: look again."""
        return self._changes.follow()

    async def ring(self, loops: Sequence[str]) -> None:
        """Tell the replica that leads that these loops have something to do."""
        await self._bells.publish(loops)

    def rings(self) -> AsyncIterator[list[str]]:
        """Iterate over what `ring` sends. An empty list means: some may have been missed."""
        return self._bells.follow()

    async def records(
        self, group: str, execution: str, attempt: int, after: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Return up to about `limit` records after number `after`, without waiting."""
        return await self._records.read(group, execution, attempt, after, limit)

    async def last_record(self, group: str, execution: str, attempt: int) -> int:
        """Return the number of the stream's last record; 0 when there is no stream."""
        return await self._records.last(group, execution, attempt)

    async def trim_records(self, trims: Sequence[tuple[Attempt, int]]) -> None:
        """Drop the records of each attempt before the given number, pipelined."""
        await self._records.trim(trims)

    async def expire_records(self, attempts: Sequence[Attempt], seconds: float) -> None:
        """Drop the streams of archived attempts after `seconds`, pipelined."""
        await self._records.expire(attempts, seconds)

    async def grant(self, group: str, worker: str, password_sha256: str) -> None:
        """Make, or make again, the Redis user of a worker."""
        await self._rights.grant(group, worker, password_sha256)

    def worker_url(self, worker: str, password: str) -> str:
        """Return the URL, credentials included, under which a worker reaches this Redis."""
        return self._rights.worker_url(worker, password)

    async def revoke(self, worker: str) -> None:
        """Delete the Redis user of a worker."""
        await self._rights.revoke(worker)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._link.aclose()
