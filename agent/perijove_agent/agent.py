"""The agent's main loops: listen, claim, renew."""

from __future__ import annotations

import asyncio
import logging
import platform
from functools import partial

from perijove import __version__, errors
from perijove.model.control import Account, Control, Drain, Signed, Stop, Trimmed, Wake
from perijove.model.reasons import Reason
from perijove.patience import Backoff, ends_within, set_within
from perijove.wire.connection import Unwelcome
from perijove.wire.protocol import RENEW_EVERY, Held
from perijove_agent.away import Away
from perijove_agent.exile import Exile
from perijove_agent.holdings import Holdings
from perijove_agent.orphanhood import Orphanhood
from perijove_agent.persistence import persist
from perijove_agent.slots import Slots
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools

log = logging.getLogger(__name__)

#: Seconds between two claims that nothing asked for.
SAFETY_NET = 15.0
#: Seconds one call of `listen` waits.
_LISTEN = 15.0
#: How much of its time an agent that leaves spends on signing off.
_SIGN_OFF = 0.1


class Agent:
    """Claims work while there is room for it, and runs it.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    orphanhood : Orphanhood
        Notices that the platform is gone for good.
    exile : Exile
        Notices that the platform has given this worker up.
    renew_every : float
        Seconds between two renewals.
    """

    def __init__(self, tools: Tools, orphanhood: Orphanhood, exile: Exile, renew_every: float = RENEW_EVERY) -> None:
        self._tools = tools
        self._wire = tools.wire
        self._orphanhood = orphanhood
        self._exile = exile
        self._renew_every = renew_every
        self._slots = Slots(tools.settings.capacity)
        self._bell = asyncio.Event()
        self._leaving = asyncio.Event()
        self._registered = asyncio.Event()
        self._draining = False
        self._away = Away()
        self._reason = Reason.WORKER_LEFT
        self.holdings = Holdings(tools, self._slots, self._bell.set)

    def leave(self, reason: Reason = Reason.WORKER_DRAINED) -> None:
        """Take nothing new, hand back what runs for this reason, and end."""
        self._reason = reason
        self._leaving.set()

    async def run(self) -> None:
        """Work until it is to leave, or is drained. Redis being away only makes it wait.

        Raises
        ------
        perijove_agent.exile.Exiled
            The master has given this worker up. What it held is others'; nothing of it runs any more.
        """
        self.holdings.salvage()
        leaving = asyncio.create_task(self._leaving.wait())
        taking = [asyncio.create_task(loop()) for loop in (self._claim, self._watch_platform)]
        keeping = [asyncio.create_task(loop()) for loop in (self._listen, self._renew)]
        try:
            done, _ = await asyncio.wait({leaving, *taking, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # With the fence no claim is under way whose ticket would be lost.
            async with self.holdings.fence:
                await cancelled([leaving, *taking])
            # What still ends needs signed URLs and its lease; an exile has neither.
            if any(task.done() for task in keeping):
                await self.holdings.abandon()
            else:
                # What is handed back after a fault of the agent's own counts as a failure: work may have caused it.
                await self.holdings.hand_back(Reason.WORKER_DRAINED if self._draining else self._reason)
            await cancelled(keeping)
            await self._sign_off()
        for task in done:
            task.result()

    async def _register(self) -> None:
        await self._wire.register(self._slots.capacity, __version__, platform.node())
        self._registered.set()

    async def _listen(self) -> None:
        after = "0"
        await self._registered.wait()
        while True:
            heard = await persist("listening", partial(self._wire.listen, after, _LISTEN))
            for entry, message in heard:
                self._take(message)
                after = entry

    def _take(self, message: Control) -> None:
        if isinstance(message, Signed):
            self._tools.signer.answered(message)
        elif isinstance(message, Trimmed):
            if attempt := self.holdings.get(message.execution, message.attempt):
                attempt.desk.segments.trimmed(message.last)
        elif isinstance(message, Account):
            self.holdings.account(Held(message.execution, message.attempt))
        elif isinstance(message, Stop):
            if attempt := self.holdings.get(message.execution, message.attempt):
                attempt.halt.request(Reason.STOPPED_BY_USER)
        elif isinstance(message, (Wake, Drain)):
            self._draining = self._draining or isinstance(message, Drain)
            self._bell.set()

    async def _claim(self) -> None:
        """Claim until there is no room or no work; again when woken, when an attempt ended, and now and then."""
        await self._registered.wait()
        backoff = Backoff(0.1, 10.0)
        while not (self._draining and not self.holdings.held):
            self._bell.clear()
            pause = SAFETY_NET
            try:
                while await self._claim_one():
                    pass
                backoff.reset()
            except errors.Unavailable:
                pause = backoff.next()
            await set_within(self._bell, pause)
        log.info("drained")

    async def _claim_one(self) -> bool:
        async with self.holdings.fence:
            free = self._slots.free()
            if self._draining or free is None:
                return False
            ticket = await self._wire.claim(free)
            if ticket is not None:
                self._orphanhood.seen()
                self.holdings.start(ticket)
            return ticket is not None

    async def _renew(self) -> None:
        backoff = Backoff(0.1, self._renew_every)
        while True:
            try:
                await self._renew_once()
            except Unwelcome:
                await self._exile.refused()
            except errors.Unavailable as error:
                self._away.note(error, first=not self._registered.is_set())
                self._exile.welcome()
                await backoff.sleep()
                continue
            else:
                self._away.over()
                self._exile.welcome()
                backoff.reset()
            await asyncio.sleep(self._renew_every)

    async def _renew_once(self) -> None:
        if not self._registered.is_set():
            await self._register()
        async with self.holdings.fence:
            renewal = await self._wire.renew(self.holdings.held)
            for held in renewal.superseded:
                self.holdings.supersede(held)
            for held in renewal.forgotten:
                self.holdings.forgotten(held)
            for ticket in renewal.orphans:
                self.holdings.start(ticket)
        if renewal.draining and not self._draining:
            self._draining = True
            self._bell.set()

    async def _watch_platform(self) -> None:
        await self._orphanhood.run(lambda: bool(self.holdings.held))
        log.warning("the platform is gone; nothing is left to do")

    async def _sign_off(self) -> None:
        try:
            if not await ends_within(self._wire.leave(), _SIGN_OFF * self._tools.settings.leave_within):
                log.info("left without signing off: Redis did not answer in time")
        except errors.Unavailable as error:
            log.info("left without signing off: %s", error)
