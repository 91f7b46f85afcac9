"""What the agent holds: its attempts, from claim to close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from perijove.model.events import Finished
from perijove.model.reasons import Reason
from perijove.model.tickets import Ticket
from perijove.patience import ends_within
from perijove.wire.protocol import Held
from perijove_agent.archivist import Archivist
from perijove_agent.attempt import Attempt
from perijove_agent.ends import Ends
from perijove_agent.persistence import persist
from perijove_agent.records.ended import EndedSpool
from perijove_agent.slots import Slots
from perijove_agent.tasks import cancelled
from perijove_agent.tools import Tools

log = logging.getLogger(__name__)

#: How an agent that leaves shares its time: among attempts whose work is done, handing the others back, and archives
#: and clearing up under way (the master archives what is left). It may have to leave because the master itself ends.
STORING, HANDING_BACK, ARCHIVING = 0.5, 0.25, 0.15
#: Seconds the slot of an attempt stays taken that the disk had no place for.
REFUSED = 10.0


class Holdings:
    """Starts attempts, ends them, and gives them back.

    Parameters
    ----------
    tools : Tools
        The agent's parts.
    slots : Slots
        What attempts take their share of.
    on_end : callable
        Called after each attempt: there is room again.

    Attributes
    ----------
    fence : asyncio.Lock
        Held while a claim, a renewal or a close is under way. A renewal that named an attempt which is being closed
        would otherwise write its ticket back.
    """

    def __init__(self, tools: Tools, slots: Slots, on_end: Callable[[], None]) -> None:
        self._tools = tools
        self._slots = slots
        self._on_end = on_end
        self._archivist = Archivist(tools)
        self._running: dict[Held, tuple[Attempt, asyncio.Task[None]]] = {}
        self._clearing: set[asyncio.Task[None]] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._time = tools.settings.leave_within
        self.fence = asyncio.Lock()
        self._ends = Ends(tools.wire, tools.worker, self.fence, lambda held: self._running.pop(held, None))

    @property
    def held(self) -> list[Held]:
        """What to name in a renewal."""
        return list(self._running)

    def start(self, ticket: Ticket) -> None:
        """Start the attempt of a claimed ticket; one that already runs goes on, and one that ended stays ended."""
        held = Held(ticket.execution, ticket.attempt)
        if held in self._running or self._leaving:
            return
        if (finished := self._ends.of(held)) is not None:
            _keep(self._beside, self._ends.close(finished))
            return
        log.info("execution %s, attempt %s of %s", held.execution, held.attempt, ticket.owner)
        self._slots.take(_key(held), ticket.spec.resources)
        try:
            attempt = Attempt(self._tools, ticket)
        except Exception as error:
            log.exception("execution %s, attempt %s could not begin", held.execution, held.attempt)
            _keep(self._beside, self._refuse(held, error))
        else:
            self._running[held] = (attempt, asyncio.create_task(self._run(attempt)))

    def get(self, execution: str, attempt: int) -> Attempt | None:
        """Return a running attempt."""
        found = self._running.get(Held(execution, attempt))
        return found[0] if found else None

    def supersede(self, held: Held) -> None:
        """Kill an attempt that is no longer this worker's; nothing of it is reported."""
        if found := self._running.get(held):
            log.warning("execution %s, attempt %s is no longer ours", held.execution, held.attempt)
            found[0].given_up = True
            found[1].cancel()

    def account(self, held: Held) -> None:
        """Send the end of an attempt again that the master takes for running here; one that does run has none yet."""
        if held in self._running or self._leaving:
            return
        ended = self._ends.of(held) or self._ends.failed(held, "Its worker does not know it any more.")
        _keep(self._beside, self._ends.close(ended))

    def forgotten(self, held: Held) -> None:
        """Redis forgot an attempt: send its records again."""
        if found := self._running.get(held):
            found[0].desk.sender.rewind()
            found[0].desk.segments.again()
            self._tools.signer.again()

    def salvage(self) -> None:
        """Archive what an earlier agent on this folder had not archived yet."""
        self._archivist.salvage()

    async def abandon(self) -> None:
        """Kill everything, and report nothing of it: what was held is others' by now."""
        self._leaving = True
        for attempt, _ in self._running.values():
            attempt.given_up = True
        await cancelled(task for _, task in self._running.values())
        await self._cleared()
        await cancelled(self._beside)
        await self._archivist.finish(0)

    async def hand_back(self, reason: Reason) -> None:
        """Let attempts whose work is done finish; kill the others and give them back for `reason`."""
        self._leaving = True
        done = [task for attempt, task in self._running.values() if attempt.worked]
        if done:
            await asyncio.wait(done, timeout=STORING * self._time)
        await asyncio.gather(*(self._give_up(attempt, task, reason) for attempt, task in self._running.values()))
        await cancelled(self._beside)
        await asyncio.gather(self._cleared(), self._archivist.finish(ARCHIVING * self._time))

    async def _cleared(self) -> None:
        """Let the folders of attempts that are over be removed."""
        if self._clearing:
            await asyncio.wait(self._clearing, timeout=ARCHIVING * self._time)

    async def _run(self, attempt: Attempt) -> None:
        held, spool = attempt.held, attempt.desk.spool
        ended: EndedSpool | None = None
        closed = True  # where it is cancelled while its end is sent: Redis may have taken it
        try:
            finished = await self._finish(attempt)
            # Before the end is sent: from then on nothing but this disk may have all of the records.
            ended = await self._archivist.seal(held, spool, attempt.desk.sender.stored)
            closed = await self._ends.close(finished)
        finally:
            self._running.pop(held, None)
            self._slots.release(_key(held))
            self._on_end()
            if ended is not None and closed:
                self._archivist.archive(ended)
            else:
                (ended or spool).discard()
            self._tools.kernels.make_way()
            # Nobody waits for this before the agent ends, so it comes after the end was sent.
            _keep(self._clearing, attempt.clear())

    async def _finish(self, attempt: Attempt) -> Finished:
        try:
            return await attempt.run()
        except (Exception, asyncio.CancelledError) as error:
            if attempt.given_up:
                raise
            # Without an end it would count as an orphan of this worker, and be run again from its start. A part that
            # was cancelled, where the attempt itself was not, is a failure like others.
            log.exception("attempt %s of %s failed in the agent", attempt.held.attempt, attempt.held.execution)
            detail = f"{type(error).__name__}: {error}"
            return self._ends.failed(attempt.held, detail, attempt.desk.sender.sent)

    async def _refuse(self, held: Held, error: Exception) -> None:
        """End an attempt that could not begin: the disk has no place for it, as a rule.

        Its slot stays taken a while, lest this worker fails them all.
        """
        on_disk = isinstance(error, OSError)
        detail = f"The worker's disk takes nothing: {error}." if on_disk else f"It could not begin: {error}"
        await self._ends.close(self._ends.failed(held, detail))
        await asyncio.sleep(REFUSED)
        self._slots.release(_key(held))
        self._on_end()

    async def _give_up(self, attempt: Attempt, task: asyncio.Task[None], reason: Reason) -> None:
        """Kill an attempt, and then give it back."""
        attempt.given_up = True
        await cancelled([task])

        async def give() -> bool:
            async with self.fence:
                return await self._tools.wire.hand_back(attempt.held, reason)

        if not await ends_within(persist("handing back", give, most=0.5), HANDING_BACK * self._time):
            log.warning("execution %s could not be handed back; its lease will run out", attempt.held.execution)


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, Any]) -> None:
    """Start a task that is in `tasks` until it ends."""
    tasks.add(task := asyncio.create_task(work))
    task.add_done_callback(tasks.discard)


def _key(held: Held) -> str:
    return f"{held.execution}-{held.attempt}"
