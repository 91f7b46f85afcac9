"""Work, as a protocol: what an attempt runs."""

from __future__ import annotations

from typing import Protocol

from perijove_agent.ending import Ending
from perijove_agent.runtime import Process


class Work(Protocol):
    """Commands or a notebook."""

    @property
    def process(self) -> Process | None:
        """The process that runs just now, if any: what is measured."""

    async def run(self) -> Ending:
        """Run to the end. `kill` makes it return soon."""

    def interrupt(self) -> None:
        """Ask it, as Ctrl-C does, to end."""

    def kill(self) -> None:
        """End it at once."""
