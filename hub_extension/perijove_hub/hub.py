"""What the web service is made of; every handler gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from tornado.web import RequestHandler

from perijove.errors import Unavailable
from perijove_hub.bodies import Health
from perijove_hub.identity import Identity, caller_of, is_user
from perijove_hub.inflight import InFlight
from perijove_hub.metrics import Metrics
from perijove_hub.viewers import Viewers
from perijove_scheduler.platform import Platform
from perijove_scheduler.services.caller import Caller


@dataclass(frozen=True)
class Hub:
    """The parts the handlers use.

    Attributes
    ----------
    prefix : str
        The service's address on the Hub, with a slash at both ends.
    document : str
        The OpenAPI document.
    open_metrics : bool
        Whether Prometheus may scrape without a token.
    keeps_recreated : bool
        Whether another account of a name is taken for the same person.
    patience : float
        Seconds within which a sender of a body has to get on.
    started : asyncio.Event
        Set once the platform runs; the service listens before, as the Hub gives up on one that is silent for long.
    """

    platform: Platform
    identity: Identity
    prefix: str
    document: str
    open_metrics: bool = False
    patience: float = 60.0
    keeps_recreated: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    viewers: Viewers = field(default_factory=Viewers)
    requests: InFlight = field(default_factory=InFlight)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def check_started(self) -> None:
        """Raise `Unavailable` while the platform is being started."""
        if not self.started.is_set():
            raise Unavailable("Perijove is starting.")

    async def caller(self, handler: RequestHandler) -> tuple[Caller, dict[str, Any]]:
        """Return who sent a request, and the Hub's model of them.

        Before anything is done for them it is seen to that a new account of an old name gets nothing of the old one's.
        """
        model = await self.identity.of(handler)
        caller = caller_of(model)
        if is_user(model):
            created = await self.identity.created(caller.name, handler)
            if created is not None:
                await self.platform.services.accounts.meet(caller.name, created, keeps=self.keeps_recreated)
        return caller, model

    async def health(self) -> Health:
        """Return whether the database and Redis answer."""
        database = await _answers(self.platform.store.ping())
        redis = await _answers(self.platform.queue.now())
        return Health(
            status="ok" if database and redis else "unavailable",
            database=database,
            redis=redis,
            leading=self.platform.leader.term is not None,
        )


async def _answers(question: Awaitable[object]) -> bool:
    try:
        await question
    except Unavailable:
        return False
    return True
