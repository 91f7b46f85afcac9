"""Agents that speak the real wire and run nothing: they end what they claim at once, or hold it until it is stopped.

python -m benchmarks.simulated URL GROUP COUNT CPUS noop|hold
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from functools import partial

import httpx

from perijove import __version__
from perijove.model.control import Stop, Wake
from perijove.model.events import Advanced, Finished
from perijove.model.fleet import Enrol, Enrolment
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.spec import Resources
from perijove.wire import versions
from perijove.wire.agent import RedisAgentWire
from perijove.wire.protocol import RENEW_EVERY, Held
from perijove_agent.persistence import persist

#: Enrolments, and first renewals, under way at a time.
_AT_ONCE = 16


class Simulated:
    """One agent: its wire, what it holds, and how it behaves."""

    def __init__(self, enrolment: Enrolment, capacity: Resources, behaviour: str) -> None:
        self._worker = enrolment.worker
        self._capacity = capacity
        self._behaviour = behaviour
        self._wire = RedisAgentWire(
            enrolment.redis_url, enrolment.group, enrolment.worker, event_key=enrolment.event_key
        )
        self._held: dict[str, Held] = {}
        self._fence = asyncio.Lock()
        self._bell = asyncio.Event()

    async def register(self) -> None:
        """Make itself known."""
        await persist("registering", lambda: self._wire.register(self._capacity, __version__, "simulated"))

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await asyncio.gather(self._listen(), self._renew(), self._work())
        finally:
            await self._wire.aclose()

    async def _listen(self) -> None:
        after = "0"
        while True:
            for entry, message in await persist("listening", partial(self._wire.listen, after, 15.0)):
                after = entry
                if isinstance(message, Wake):
                    self._bell.set()
                elif isinstance(message, Stop) and message.execution in self._held:
                    async with self._fence:
                        await self._end(self._held[message.execution], Reason.STOPPED_BY_USER)

    async def _renew(self) -> None:
        while True:
            async with self._fence:
                await persist("a renewal", lambda: self._wire.renew(list(self._held.values())))
            await asyncio.sleep(RENEW_EVERY)

    async def _work(self) -> None:
        while True:
            self._bell.clear()
            while await self._take():
                pass
            await self._bell.wait()

    async def _take(self) -> bool:
        # A renewal that named what is being closed would write its ticket back.
        async with self._fence:
            return await self._one()

    async def _one(self) -> bool:
        free = self._capacity.cpus - len(self._held)
        if free < 1:
            return False
        ticket = await persist("a claim", lambda: self._wire.claim(Resources(cpus=free)))
        if ticket is None:
            return False
        held = self._held[ticket.execution] = Held(ticket.execution, ticket.attempt)
        if self._behaviour == "noop":
            await self._end(held, Reason.OK)
        else:
            running = Advanced(worker=self._worker, execution=held.execution, attempt=held.attempt, phase=Phase.RUNNING)
            await persist("an event", lambda: self._wire.emit([running]))
        return True

    async def _end(self, held: Held, reason: Reason) -> None:
        finished = Finished(worker=self._worker, execution=held.execution, attempt=held.attempt, reason=reason)
        await persist("an end", lambda: self._wire.close(finished))
        self._held.pop(held.execution, None)


async def _enrol(url: str, group: str, capacity: Resources, count: int) -> list[Enrolment]:
    request = Enrol(
        group=group,
        token=os.environ["PERIJOVE_BENCH_TOKEN"],
        host="simulated",
        version=__version__,
        capacity=capacity,
        oldest_protocol=versions.OLDEST,
        newest_protocol=versions.NEWEST,
    ).model_dump(mode="json", by_alias=True)
    turn = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=60) as http:

        async def one() -> Enrolment:
            async with turn:
                reply = await http.post(f"{url}api/v1/agents", json=request)
                return Enrolment.model_validate_json(reply.raise_for_status().content)

        return list(await asyncio.gather(*(one() for _ in range(count))))


async def main(url: str, group: str, count: int, cpus: int, behaviour: str) -> None:
    """Run the agents until SIGTERM."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    capacity = Resources(cpus=cpus)
    agents = [Simulated(each, capacity, behaviour) for each in await _enrol(url, group, capacity, count)]
    for start in range(0, count, _AT_ONCE):
        await asyncio.gather(*(agent.register() for agent in agents[start : start + _AT_ONCE]))
    running = [asyncio.create_task(agent.run()) for agent in agents]
    print("ready", flush=True)
    await asyncio.gather(*running)


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
