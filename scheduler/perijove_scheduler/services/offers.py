"""Put attempts on the queue, with the notebooks they run where these are small."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from perijove.errors import NotFound
from perijove.model.records import INLINE_LIMIT
from perijove.model.tickets import Ticket
from perijove_scheduler.files.protocol import Files, notebook_key
from perijove_scheduler.queue.protocol import Queue
from perijove_scheduler.store.outcomes import Offer

_CACHED = 32


class Offers:
    """Makes tickets and offers them. Offering twice is harmless, so whoever is in doubt offers."""

    def __init__(self, queue: Queue, files: Files) -> None:
        self._queue = queue
        self._files = files
        self._notebooks: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def make(self, offers: Sequence[Offer]) -> int:
        """Offer a ticket for each of `offers`; return how many were not on the queue before.

        Called outside of any database session, as it reads files and talks to Redis.
        """
        if not offers:
            return 0
        tickets = await asyncio.gather(*(self._ticket(offer) for offer in offers))
        return sum(await self._queue.offer_many(tickets))

    def remember(self, sha256: str, body: bytes) -> None:
        """Keep a document that is at hand, if it is small enough to travel along: it need not be read to be offered."""
        if len(body) < INLINE_LIMIT and sha256 not in self._notebooks:
            self._keep(sha256, json.loads(body))

    def _keep(self, sha256: str, document: dict[str, Any]) -> None:
        self._notebooks[sha256] = document
        if len(self._notebooks) > _CACHED:
            self._notebooks.popitem(last=False)

    async def _ticket(self, offer: Offer) -> Ticket:
        ticket = offer.ticket()
        if ticket.spec.notebook is None or ticket.spec.notebook.sha256 is None:
            return ticket
        return ticket.model_copy(update={"notebook": await self._notebook(ticket.spec.notebook.sha256)})

    async def _notebook(self, sha256: str) -> dict[str, Any] | None:
        """Return a small notebook document; None for one that the worker fetches by itself."""
        if sha256 in self._notebooks:
            self._notebooks.move_to_end(sha256)
            return self._notebooks[sha256]
        document = await self._read(notebook_key(sha256))
        if document is None:
            return None
        self._keep(sha256, document)
        return document

    async def _read(self, key: str) -> dict[str, Any] | None:
        stored = await self._files.stat(key)
        if stored is None or stored.size >= INLINE_LIMIT:
            return None
        try:
            document = json.loads(b"".join([part async for part in self._files.get(key)]))
        except (NotFound, ValueError, RecursionError):
            return None  # the worker will not be able to fetch it either, and says so with the right reason
        return document if isinstance(document, dict) else None
