"""Whether this replica leads: it keeps the lease, starts the loops when it has got it, and stops them without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

from perijove.errors import Unavailable
from perijove_scheduler.loops.base import Loop
from perijove_scheduler.platform.loops import Loops
from perijove_scheduler.platform.relay import Relay
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.leadership import Leadership, Term
from perijove_scheduler.store.store import Store

#: Seconds the lease lasts without a renewal, and between two looks at it. A successor is there within their sum.
LEASE = 10.0
LOOK_EVERY = 2.5

#: Makes the loops of a term, not yet started.
MakeLoops = Callable[[Term], Awaitable[Loops]]


async def refuse_double(leadership: Leadership, replica: str, seconds: float = LOOK_EVERY * 1.5) -> None:
    """Refuse a name under which another replica leads now.

    A lease of that name may also be what a predecessor left that was killed: that one is not renewed any more.

    Parameters
    ----------
    seconds : float
        For how long to watch whether it is renewed; longer than from one renewal to the next.

    Raises
    ------
    perijove.errors.Unavailable
        It is.
    """
    before = await leadership.leader()
    if before.holder != replica or before.remaining <= 0:
        return
    await asyncio.sleep(seconds)
    now = await leadership.leader()
    if now.holder == replica and now.remaining > before.remaining - seconds / 2:
        raise Unavailable(
            f"Another replica named {replica} leads this platform.", "Give each replica a Platform.replica of its own."
        )


class Leader(Loop):
    """Campaigns while another replica leads; leads while it may.

    Time is the database's. By its own clock it only stops early: where it could not renew for a whole lease, another
    replica may lead already. What it still writes then is refused (`Store.fenced`).

    Attributes
    ----------
    replica : str
        This replica's name.
    term : Term, optional
        The term in which this replica leads; None while it does not.
    known : str
        The name of the replica that leads, as last seen; empty for none.
    loops : Loops, optional
        The loops of the latest term.
    """

    name: ClassVar[str] = "leader"
    period: float = LOOK_EVERY

    def __init__(
        self,
        bell: Bell,
        store: Store,
        relay: Relay,
        replica: str,
        make_loops: MakeLoops,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(bell)
        self._clock = clock
        self.replica = replica
        self._store = store
        self._relay = relay
        self._make_loops = make_loops
        self._until = 0.0
        self._resigning = False
        self.term: Term | None = None
        self.known = ""
        self.loops: Loops | None = None

    async def turn(self) -> None:
        """Renew the lease, or try to get it."""
        began = self._clock()
        try:
            await (self._campaign() if self.term is None else self._renew(self.term))
        except Unavailable as error:
            # Not raised: a loop that fails waits longer and longer, and this one has little time.
            self.log.warning("leader: %s", error.message)
            if self.term is not None and self._clock() >= self._until:
                await self._step_down("it could not renew its lease")
            return
        if self.term is not None:
            self._until = began + LEASE

    async def resign(self, end_machines: bool) -> None:
        """Stop leading, and let another replica lead at once."""
        self._resigning = True
        if self.term is not None and self.loops is not None:
            # The lease is renewed meanwhile: machines may take longer to end than it lasts.
            await self.loops.stop(end_machines)
        await self.stop()
        term, self.term = self.term, None
        if term is None:
            return
        try:
            await self._store.leadership.resign(term)
            await self._relay.send(self.name)
        except Unavailable as error:
            self.log.warning("leader: the lease is not given back, and ends by itself: %s", error.message)

    async def _campaign(self) -> None:
        if self._resigning:
            return
        term = await self._store.leadership.campaign(self.replica, LEASE)
        if term is None:
            self._observe((await self._store.leadership.leader()).holder)
            return
        self.log.info("leader: %s leads, term %d", self.replica, term.epoch)
        self.loops = await self._make_loops(term)
        self.term = term
        self._observe(self.replica)
        self.bell.pass_on = None
        self.loops.start()

    async def _renew(self, term: Term) -> None:
        if not await self._store.leadership.renew(term, LEASE):
            await self._step_down("another replica leads")

    async def _step_down(self, why: str) -> None:
        self.log.warning("leader: %s steps down: %s", self.replica, why)
        self.term = None
        self.bell.pass_on = self._relay.pass_on
        if self.loops is not None:
            await self.loops.stop(end_machines=False)

    def _observe(self, holder: str) -> None:
        if holder != self.known:
            self.known = holder
            self.log.info("leader: %s leads", holder or "nobody")
