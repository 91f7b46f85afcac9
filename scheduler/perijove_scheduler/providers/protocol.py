"""A source of machines, as a protocol: processes implement it, and clouds will.

What a provider can do beyond this is a type of its own, such as `LastWords`; there are no flags that say so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from perijove.model.spec import Resources

#: What a provider needs to find and end a machine again, after any restart: a JSON object, kept in the worker's row.
Machine: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """One machine to start, whose agent enrols in `group` as `worker` with the enrolment token `token`."""

    group: str
    worker: str
    token: str = field(repr=False)
    capacity: Resources


class Provider(Protocol):
    """Starts machines that run one agent each, and ends them."""

    def start(self, order: Order) -> AsyncIterator[Machine]:
        """Start a machine that offers `order.capacity`.

        Every state it yields is saved before it goes on, so that a crash halfway leaves nothing that can't be found
        and ended: the first one is yielded before anything is made.

        Raises
        ------
        perijove.errors.Unavailable
            The machine can't be started just now.
        """

    async def alive(self, machines: Sequence[Machine]) -> list[bool]:
        """Return of each machine whether it still runs. True as well where that can't be told."""

    async def terminate(self, machine: Machine) -> None:
        """End the machine, kindly at first. It is no error if it is gone, or was never made."""

    async def aclose(self) -> None:
        """Let go of the machines without ending them: the next start of the service finds them again."""


@runtime_checkable
class LastWords(Protocol):
    """A provider that can still read what a machine said, when its agent never enrolled."""

    async def last_words(self, machine: Machine) -> str:
        """Return the last lines the machine printed, or an empty string."""
