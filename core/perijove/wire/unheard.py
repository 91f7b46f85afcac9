"""How attempts ended, kept by their worker until the master has heard of it: Redis may forget what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field

from perijove.model.events import Finished
from perijove.wire.protocol import Held

#: The id of an entry of the event stream: a time and a number.
Entry = tuple[int, int]


def entry(name: str) -> Entry:
    """Read an entry's id as Redis writes it."""
    time, _, number = name.partition("-")
    return int(time), int(number)


@dataclass
class Unheard:
    """The last words on attempts that a worker told Redis, and that nobody may have read yet.

    Applied events leave the stream, so what is older than the stream's oldest entry has been heard. A worker's hash
    that was born anew says that Redis was flushed, and then everything here is told again.

    Attributes
    ----------
    born : str
        When Redis made this worker's hash, as far as what follows from that is done.
    """

    born: str = ""
    _told: dict[Held, tuple[Entry, Finished]] = field(default_factory=dict)

    def told(self, event: Finished, name: str) -> None:
        """Note that Redis was told how an attempt ended, by the entry `name`."""
        self._told[Held(event.execution, event.attempt)] = (entry(name), event)

    def heard(self, oldest: str) -> None:
        """Forget what was told before the stream's oldest entry; an empty name says that it has none."""
        self._told = {held: each for held, each in self._told.items() if oldest and each[0] >= entry(oldest)}

    def again(self) -> list[Finished]:
        """Return everything that may have to be told again."""
        return [event for _, event in self._told.values()]

    def settle(self, event: Finished) -> None:
        """Forget one: somebody else's attempt has taken its place."""
        self._told.pop(Held(event.execution, event.attempt), None)
