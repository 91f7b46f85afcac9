"""A storm: works come in at random times while faults strike at random times, all drawn from one seed."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from storm.checker import FoundExecution, problems
from storm.faults import FAULTS, Fault
from storm.plan import Work
from storm.world import World

log = logging.getLogger("storm")

#: Seconds between two faults at most.
MOST_BETWEEN = 5.0
_LEAST_BETWEEN = 1.0
#: Seconds that what is under way has, at least, when the last fault is over.
_AFTERWARDS = 120.0


@dataclass
class Outcome:
    """What came of a storm."""

    struck: Counter[str] = field(default_factory=Counter)
    executions: Sequence[FoundExecution] = ()
    problems: Sequence[str] = ()
    seconds: float = 0.0

    @property
    def attempts(self) -> int:
        """How many attempts the executions took."""
        return sum(len(each.attempts) for each in self.executions)


class Storm:
    """Runs a plan through faults.

    Parameters
    ----------
    faults : sequence of str
        Which faults strike, in shuffled rounds, so that each of them does before one comes again.
    spread : float
        Seconds over which the works come in.
    lasts : float
        Seconds after which no more faults strike, once each has; by default they do until every work has ended.
    """

    def __init__(
        self,
        world: World,
        plan: Sequence[Work],
        seed: int,
        faults: Sequence[str],
        spread: float,
        lasts: float = math.inf,
    ) -> None:
        self._world = world
        self._plan = plan
        self._chance = random.Random(f"faults {seed}")
        self._arrivals = random.Random(f"arrivals {seed}")
        self._names = faults
        self._spread = spread
        self._lasts = lasts
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._striking: set[asyncio.Task[None]] = set()
        self.outcome = Outcome()

    async def run(self, patience: float) -> Outcome:
        """Run it to its end: every fault has struck, every work has ended, and its records are archived."""
        began = time.monotonic()
        submitting = asyncio.create_task(self._submit_all())
        deadline = began + patience
        try:
            await self._strike_until_done(submitting, began, deadline)
            await asyncio.gather(*self._striking)
        finally:
            for task in (submitting, *self._striking):
                task.cancel()
            await asyncio.gather(submitting, *self._striking, return_exceptions=True)
        return await self._outcome(began, deadline)

    async def _outcome(self, began: float, deadline: float) -> Outcome:
        patience = max(_AFTERWARDS, deadline - time.monotonic())
        await self._world.until(lambda: self._world.told(self._plan), "everything is told", patience)
        self.outcome.seconds = time.monotonic() - began
        self.outcome.executions = await self._world.look(self._plan)
        self.outcome.problems = problems(self._plan, self.outcome.executions)
        self._world.keep = self._world.keep or bool(self.outcome.problems)
        return self.outcome

    async def _submit_all(self) -> None:
        times = sorted(self._arrivals.uniform(0, self._spread) for _ in self._plan)
        began = time.monotonic()
        for moment, work in zip(times, self._plan, strict=True):
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            await self._world.submit(work)

    async def _strike_until_done(self, submitting: asyncio.Task[None], began: float, deadline: float) -> None:
        for fault in self._rounds():
            pause = self._chance.uniform(_LEAST_BETWEEN, MOST_BETWEEN)
            machine = self._chance.randrange(len(self._world.machines))
            seed = self._chance.random()
            await asyncio.sleep(pause)
            for task in self._striking:
                if task.done():
                    task.result()
            if submitting.done():
                submitting.result()
                ended = await self._world.finished(self._plan)
                done = ended == len(self._plan) or time.monotonic() - began > self._lasts
                if done and len(self.outcome.struck) == len(self._names):
                    return
                assert time.monotonic() < deadline, f"only {ended} of {len(self._plan)} executions have ended"
            self._striking.add(task := asyncio.create_task(self._strike(fault, machine, random.Random(seed))))
            task.add_done_callback(self._struck)

    def _rounds(self) -> Iterator[Fault]:
        while True:
            for name in self._chance.sample(list(self._names), len(self._names)):
                yield FAULTS[name]()

    async def _strike(self, fault: Fault, number: int, chance: random.Random) -> None:
        async with self._locks[fault.target or f"machine {number}"]:
            log.info("%s …", fault.name)
            self.outcome.struck[fault.name] += 1
            done = await fault.strike(self._world, self._world.machines[number], chance)
            log.info("%s %s: over", fault.name, done)

    def _struck(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._striking.discard(task)
