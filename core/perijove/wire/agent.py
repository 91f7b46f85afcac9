"""The worker's half of the wire on Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from perijove.errors import Unavailable
from perijove.model.control import CONTROL, Control
from perijove.model.events import Archived, Claimed, Event, Finished, Stopped
from perijove.model.events import Held as HeldEvent
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire import limits, logs
from perijove.wire.connection import COMMAND_TIMEOUT, connect, execute, reach
from perijove.wire.envelopes import Envelope, sealed
from perijove.wire.keys import GroupKeys
from perijove.wire.protocol import LEASE, NO_TICKET, Appended, Held, Renewal
from perijove.wire.scripts import call
from perijove.wire.unapplied import Unapplied

_ORPHAN_MS = int(limits.ORPHAN_AFTER * 1000)

log = logging.getLogger(__name__)


@dataclass
class _Registration:
    """What a worker said when it registered, to say it again after Redis forgot it."""

    capacity: Resources
    version: str
    host: str
    state: str = "active"

    def arguments(self) -> tuple[str | int | float, ...]:
        return (self.state, *room(self.capacity), self.version, self.host)


class RedisAgentWire:
    """An `AgentWire` on Redis.

    Parameters
    ----------
    url : str
        Of Redis, with the credentials the worker got when it enrolled.
    group, worker : str
        Whose wire this is.
    lease : float
        Seconds a renewal is good for.
    event_key : str
        What the worker's events are sealed with; it is given when the worker enrols.
    """

    def __init__(self, url: str, group: str, worker: str, lease: float = LEASE, event_key: str = "") -> None:
        self.event_key = event_key
        self._keys = GroupKeys(group)
        self._worker = worker
        self._lease = int(lease * 1000)
        self._redis = connect(url, worker)
        # A blocking read holds its connection, and is limited by `listen` itself.
        self._listening = connect(url, worker, timeout=None, connections=1)
        self._registered: _Registration | None = None
        self._unapplied = Unapplied()
        # Claims that the master may not have been told yet. They go before whatever else is told.
        self._untold: list[Claimed] = []
        self._emitting = asyncio.Lock()
        self._telling: set[asyncio.Task[None]] = set()

    def _seal(self, event: Event) -> Envelope:
        return sealed(event, self.event_key)

    async def _call(self, script: str, *arguments: str | bytes | float) -> Any:
        return await execute(self._redis, *call(script, self._keys.prefix, *arguments))

    async def register(self, capacity: Resources, version: str, host: str) -> None:
        """Write this worker's hash and first renewal; repeating it is harmless and keeps a draining state."""
        self._registered = _Registration(capacity, version, host)
        await self._call("register", self._worker, *self._registered.arguments())

    async def claim(self, free: Resources) -> Ticket | None:
        """Take the oldest offered ticket that fits `free`, or mark this worker idle and return None."""
        found = await self._call("claim", self._worker, *room(free), self._lease, limits.CLAIM_SCAN, limits.PASSES)
        return None if found is None else await self._taken(*found)

    async def _taken(self, execution: bytes, attempt: bytes, document: bytes) -> Ticket | None:
        """Read a ticket that is this worker's now, and say so; end its attempt where it cannot be read."""
        held = Held(execution.decode(), int(attempt))
        try:
            ticket = Ticket.model_validate_json(document)
        except ValidationError:
            log.warning("execution %s, attempt %s cannot be run: %s", held.execution, held.attempt, NO_TICKET)
            await self.close(self._end(held, Reason.AGENT_FAILED, NO_TICKET))
            return None
        self._untold.append(Claimed(worker=self._worker, execution=held.execution, attempt=held.attempt))
        # Nobody waits for it: the work may begin meanwhile.
        self._telling.add(task := asyncio.create_task(self._tell_claims()))
        task.add_done_callback(self._telling.discard)
        return ticket

    def _end(self, held: Held, reason: Reason, detail: str = "") -> Finished:
        identity = {"worker": self._worker, "execution": held.execution, "attempt": held.attempt}
        return Finished(**identity, reason=reason, detail=detail)

    async def _tell_claims(self) -> None:
        try:
            await self.emit([])
        except Unavailable as error:
            log.debug("claims are told with the next renewal: %s", error)

    async def renew(self, held: Sequence[Held]) -> Renewal:
        """Renew this worker and the tickets it names; call it every `RENEW_EVERY` seconds."""
        if self._registered is None:
            raise RuntimeError("register first")
        named: list[str | bytes | int] = []
        for item in held:
            named += [item.execution, item.attempt, *self._held(item).parts[1:]]
        noted = self._unapplied.count
        draining, superseded, forgotten, orphans, born, oldest = await self._call(
            "renew", self._worker, self._lease, _ORPHAN_MS, *self._registered.arguments(), *named
        )
        if draining:
            self._registered.state = "draining"
        if born.decode() == self._unapplied.born:
            self._unapplied.applied_before(oldest.decode(), noted)
        else:
            for event in self._unapplied.again():
                await (self.close(event) if isinstance(event, Finished) else self.emit([event]))
            self._unapplied.born = born.decode()
        if self._untold:
            await self.emit([])
        tickets = [await self._taken(*orphan) for orphan in orphans]
        by_execution = {item.execution.encode(): item for item in held}
        return Renewal(
            superseded=[by_execution[execution] for execution in superseded],
            forgotten=[by_execution[execution] for execution in forgotten],
            orphans=[ticket for ticket in tickets if ticket is not None],
            draining=bool(draining),
        )

    def _held(self, held: Held) -> Envelope:
        return self._seal(HeldEvent(worker=self._worker, execution=held.execution, attempt=held.attempt))

    async def close(self, event: Event) -> bool:
        """End an attempt: drop its ticket and emit `event` in one step; False when it is no longer this worker's."""
        if not isinstance(event, Finished):
            raise TypeError("an attempt is closed by a Finished event")
        _, header, seal, document = self._seal(event).parts
        async with self._emitting:
            # That it ended says that it was claimed.
            self._untold = [claim for claim in self._untold if _of(claim) != _of(event)]
            ended = (event.execution, event.attempt, event.worker, header, seal, document)
            name = await self._call("close", *ended, int(limits.ENDED_FOR * 1000))
        if not name:
            self._unapplied.settle(event)
            return False
        self._unapplied.emitted(event, name.decode())
        return True

    async def hand_back(self, held: Held, reason: Reason = Reason.WORKER_DRAINED) -> bool:
        """Give an attempt back unfinished."""
        return await self.close(self._end(held, reason))

    async def emit(self, events: Sequence[Event]) -> None:
        """Append events to the group's event stream, after what was claimed and not told yet."""
        async with self._emitting:
            claims = list(self._untold)
            envelopes = [self._seal(event) for event in (*claims, *events)]
            if not envelopes:
                return
            name = await self._call("emit", *(part for envelope in envelopes for part in envelope.parts))
            for event in events:
                if isinstance(event, Archived):
                    self._unapplied.emitted(event, name.decode())
            self._untold = [claim for claim in self._untold if claim not in claims]

    async def applied(self, event: Archived) -> None:
        """Wait until the master has applied an event that was emitted."""
        await self._unapplied.applied(event)

    async def append(self, held: Held, first: int, lines: Sequence[bytes], covered: int = 0) -> Appended:
        """Append records `first`, `first` + 1, … to the attempt's stream; what it has already is left out."""
        last = 0
        # Without lines it only asks for the stream's last number.
        for start, end, payload in logs.entries(first, lines) if lines else [(first, first - 1, b"")]:
            last = int(await self._call("append", held.execution, held.attempt, start, end, payload, covered))
            if last < end:
                break
        return Appended(last)

    async def listen(self, after: str, timeout: float) -> list[tuple[str, Control]]:
        """Wait up to `timeout` seconds for control messages after entry `after`."""
        after_control: Any = {self._keys.control(self._worker): after}
        read: Any = self._listening.xread(after_control, block=max(1, int(timeout * 1000)))
        streams = await reach(read, timeout + COMMAND_TIMEOUT)
        return [message for _, entries in streams for message in map(_message, entries) if message is not None]

    async def leave(self) -> None:
        """Remove this worker, which holds nothing, and emit a `Stopped` event."""
        await self._call("leave", *self._seal(Stopped(worker=self._worker)).parts)

    async def aclose(self) -> None:
        """Close the connections."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await reach(self._redis.aclose())
        await reach(self._listening.aclose())


def room(resources: Resources) -> tuple[float, int, int]:
    """Return resources in the order in which the scripts take them."""
    return resources.cpus, resources.memory, resources.gpus


def _of(event: Claimed | Finished) -> Held:
    return Held(event.execution, event.attempt)


def _message(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[str, Control] | None:
    """Read one entry of a control stream; a message that a newer master invented is passed over."""
    name, fields = entry
    try:
        return name.decode(), CONTROL.validate_json(fields.get(b"m", b""))
    except ValidationError:
        return None
