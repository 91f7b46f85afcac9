"""Every group's machines, whichever provider they are of."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, cast

from perijove.errors import PerijoveError, Unavailable
from perijove_scheduler.providers.protocol import LastWords, Machine, Order, Provider
from perijove_scheduler.store.tables import WorkerRow

#: Saves what a provider says of a worker's machine.
Checkpoint = Callable[[str, dict[str, Any]], Awaitable[None]]


class Machines:
    """The providers by name, as a group's settings name them. A group of none is started by hand.

    A worker's machine is kept in its row, with the provider's name, so that it is ended by who started it.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers

    def has(self, provider: str) -> bool:
        """Return whether `provider` starts machines by itself."""
        return provider in self._providers

    async def start(self, provider: str, order: Order, save: Checkpoint) -> None:
        """Start a worker's machine, saving every state it goes through; one that can't be saved is ended."""
        async with aclosing(cast("AsyncGenerator[Machine, None]", self._providers[provider].start(order))) as states:
            async for machine in states:
                try:
                    await save(order.worker, {**machine, "provider": provider})
                except PerijoveError:
                    # Nobody would know of it: the database is away, or another replica leads by now.
                    await self._providers[provider].terminate(machine)
                    raise

    async def gone(self, rows: Iterable[WorkerRow]) -> set[str]:
        """Return those workers whose machines are known to have ended; each provider is asked once for all its own."""
        of: defaultdict[str, list[WorkerRow]] = defaultdict(list)
        for row in rows:
            of[row.machine.get("provider", "")].append(row)
        known = [(self._providers[name], own) for name, own in of.items() if name in self._providers]
        alive = await asyncio.gather(*(provider.alive([row.machine for row in own]) for provider, own in known))
        pairs = (pair for (_, own), each in zip(known, alive, strict=True) for pair in zip(own, each, strict=True))
        return {row.id for row, is_alive in pairs if not is_alive}

    async def terminate(self, row: WorkerRow) -> None:
        """End the machine of a worker, where we started it.

        Raises
        ------
        perijove.errors.Unavailable
            Its provider can't end it now, or is not configured any more.
        """
        name = row.machine.get("provider")
        if name is None:
            return
        if name not in self._providers:
            raise Unavailable(f"There is no provider named {name} any more, and a machine that it started is left.")
        await self._providers[name].terminate(row.machine)

    async def last_words(self, row: WorkerRow) -> str:
        """Return what the machine said last, where its provider can tell."""
        provider = self._of(row)
        return await provider.last_words(row.machine) if isinstance(provider, LastWords) else ""

    async def aclose(self) -> None:
        """Let go of all machines without ending them."""
        for provider in self._providers.values():
            await provider.aclose()

    def _of(self, row: WorkerRow) -> Provider | None:
        return self._providers.get(row.machine.get("provider", ""))
