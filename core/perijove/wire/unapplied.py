"""What a worker reported about attempts that ended, kept until the master has applied it: Redis may forget events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from perijove.model.events import Archived, Finished
from perijove.wire.protocol import Held

#: The id of an entry of the event stream: a time and a number.
Entry = tuple[int, int]
#: How an attempt ended, and that its records are archived: nothing else would say so again.
Kept: TypeAlias = "Finished | Archived"


def entry(name: str) -> Entry:
    """Read an entry's id as Redis writes it."""
    time, _, number = name.partition("-")
    return int(time), int(number)


@dataclass
class _Emitted:
    """An event that was emitted: its entry, or one after it, and whether it is applied."""

    entry: Entry
    event: Kept
    applied: asyncio.Event
    place: int


@dataclass
class Unapplied:
    """The last events about attempts that a worker emitted, and that the master may not have applied yet.

    Applied events leave the stream, so what is older than the stream's oldest entry has been applied. A worker's hash
    that was born anew says that Redis was flushed, and then everything here is emitted again.

    Attributes
    ----------
    born : str
        When Redis made this worker's hash, as far as what follows from that is done.
    count : int
        How many events were noted so far.
    """

    born: str = ""
    count: int = 0
    _emitted: dict[tuple[str, Held], _Emitted] = field(default_factory=dict)

    def emitted(self, event: Kept, name: str) -> None:
        """Note that an event was emitted, not after the entry `name`."""
        before = self._emitted.get(_key(event))
        applied = before.applied if before else asyncio.Event()
        self.count += 1
        self._emitted[_key(event)] = _Emitted(entry(name), event, applied, self.count)

    def applied_before(self, oldest: str, count: int) -> None:
        """Forget what was emitted before the stream's oldest entry, as it was when `count` events had been noted.

        An empty name says that the stream had none. What was noted since may have come after that look at it.
        """
        for key, each in [*self._emitted.items()]:
            if each.place <= count and (not oldest or each.entry < entry(oldest)):
                self._forget(key)

    def again(self) -> list[Kept]:
        """Return everything that may have to be emitted again."""
        return [each.event for each in self._emitted.values()]

    def settle(self, event: Kept) -> None:
        """Forget one: somebody else's attempt has taken its place."""
        self._forget(_key(event))

    async def applied(self, event: Kept) -> None:
        """Wait until the master has applied an event that was emitted."""
        if found := self._emitted.get(_key(event)):
            await found.applied.wait()

    def _forget(self, key: tuple[str, Held]) -> None:
        if found := self._emitted.pop(key, None):
            found.applied.set()


def _key(event: Kept) -> tuple[str, Held]:
    return event.kind, Held(event.execution, event.attempt)
