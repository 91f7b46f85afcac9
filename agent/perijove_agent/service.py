"""The agent as a program: enrol, connect, work, and end on a signal."""

from __future__ import annotations

import asyncio
import logging

import httpx

from perijove.folder_lock import FolderLock
from perijove.model.fleet import Enrolment
from perijove.wire.agent import RedisAgentWire
from perijove_agent.agent import Agent
from perijove_agent.assembly import assembled, http_client
from perijove_agent.departure import Departure
from perijove_agent.enrolment import enrol
from perijove_agent.exile import Exiled
from perijove_agent.settings import Settings
from perijove_agent.tasks import cancelled

log = logging.getLogger(__name__)

#: Seconds to wait for an agent on the same folder that is just ending, as one that is restarted is.
_PATIENCE = 3.0
_FOLDER_HINT = "Give each agent a folder of its own with --data-dir, or stop the other one."


async def serve(settings: Settings) -> None:
    """Run an agent until it is drained, orphaned or signalled. Given up by the master, it enrols again as a new worker.

    The first SIGTERM or SIGINT hands back what runs and ends; the second ends at once, and the guard clears up.

    Raises
    ------
    perijove_agent.enrolment.EnrolmentRefused
        The master will not have this agent.
    perijove.errors.Unavailable
        Another agent has this data folder, or it cannot be used.
    """
    departure = Departure()
    departure.listen()
    lock = FolderLock(settings.data_dir, "agent", _FOLDER_HINT, _PATIENCE)
    await lock.acquire()
    try:
        await _serve(settings, departure)
    finally:
        lock.release()


async def _serve(settings: Settings, departure: Departure) -> None:
    async with http_client() as http:
        while enrolment := await _enrol(http, settings, departure.requested):
            log.info("enrolled as %s of group %s", enrolment.worker, enrolment.group)
            try:
                await _work(http, settings, enrolment, departure)
            except Exiled:
                log.warning("the master took this worker for lost; enrolling as a new one")
            else:
                return


async def _enrol(http: httpx.AsyncClient, settings: Settings, leave: asyncio.Event) -> Enrolment | None:
    """Enrol, unless the agent is to leave first."""
    enrolling, leaving = asyncio.create_task(enrol(http, settings)), asyncio.create_task(leave.wait())
    try:
        await asyncio.wait({enrolling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return enrolling.result() if enrolling.done() else None
    finally:
        await cancelled([enrolling, leaving])


async def _work(http: httpx.AsyncClient, settings: Settings, enrolment: Enrolment, departure: Departure) -> None:
    wire = RedisAgentWire(enrolment.redis_url, enrolment.group, enrolment.worker, enrolment.lease, enrolment.event_key)
    try:
        warm = enrolment.warm_kernels if settings.warm_kernels is None else settings.warm_kernels
        async with assembled(settings, enrolment.worker, wire, http, warm, enrolment.renew_every) as agent:
            await _run(agent, departure)
    finally:
        await wire.aclose()


async def _run(agent: Agent, departure: Departure) -> None:
    async def pass_on() -> None:
        await departure.requested.wait()
        agent.leave(departure.reason)

    passing = asyncio.create_task(pass_on())
    try:
        await agent.run()
    finally:
        await cancelled([passing])
