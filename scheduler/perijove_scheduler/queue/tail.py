"""Follow many attempts' records with one Redis reader, however many viewers there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol


class Tail(Protocol):
    """One reader over all attempts somebody is watching."""

    def follow(
        self, group: str, execution: str, attempt: int, after: int
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """Iterate over batches of records after number `after`, waiting for more, until the caller stops.

        A viewer that is slow reads from where it stopped, and never holds the others up. While Redis is away it waits;
        nothing is raised. Who stops early closes the iterator (`contextlib.aclosing`).

        Raises
        ------
        perijove_scheduler.queue.protocol.Gap
            The stream holds later records only: those before were trimmed, or lost.
        """

    async def aclose(self) -> None:
        """Stop the reader."""
