"""What can go wrong. Each fault strikes and heals by itself; how long it lasts and whom it hits is drawn by chance."""

from __future__ import annotations

import asyncio
import random
import signal
from abc import ABC, abstractmethod
from typing import ClassVar

from storm.agents import Machine
from storm.world import LEASE, World


class Fault(ABC):
    """One thing that goes wrong, and is put right again.

    Two faults of one `target` never overlap; a target of None means one machine.
    """

    name: ClassVar[str]
    target: ClassVar[str | None] = None

    @abstractmethod
    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Strike, heal, and say what was done."""


class AgentKilled(Fault):
    """An agent is killed, and another is started in its place."""

    name = "agent killed"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Kill the machine's agent."""
        await machine.agent.kill()
        await machine.start()
        return f"agent {machine.number}"


class AgentPaused(Fault):
    """An agent stands still for longer than its lease, and then goes on as if nothing had happened."""

    name = "agent paused"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Stop the machine's agent and continue it."""
        seconds = LEASE * chance.uniform(1.4, 2.2)
        machine.agent.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        machine.agent.signal(signal.SIGCONT)
        return f"agent {machine.number} for {seconds:.1f} s"


class ServiceKilled(Fault):
    """The service is killed and started again."""

    name, target = "service killed", "service"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Kill the service."""
        await world.service.kill()
        await world.service.up()
        return ""


class RedisKilled(Fault):
    """Redis is killed and starts empty."""

    name, target = "Redis killed", "redis"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Kill Redis."""
        seconds = chance.uniform(0, 2)
        await world.redis.kill()
        await asyncio.sleep(seconds)
        await world.redis.up()
        return f"away for {seconds:.1f} s"


class RedisFlushed(Fault):
    """Redis loses everything and goes on."""

    name, target = "Redis flushed", "redis"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Flush Redis."""
        await world.redis.flush()
        return ""


class DatabaseRestarted(Fault):
    """PostgreSQL is stopped in the middle of everything (`immediate`) and started again."""

    name, target = "PostgreSQL restarted", "database"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Restart the database."""
        await asyncio.to_thread(world.cluster.stop)
        await asyncio.to_thread(world.cluster.start)
        return ""


class LineCut(Fault):
    """An agent's connection to Redis is cut, for less or for more than its lease."""

    name = "connection cut"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Cut the machine's line."""
        seconds = LEASE * chance.uniform(0.1, 1.8)
        await machine.proxy.cut()
        await asyncio.sleep(seconds)
        await machine.proxy.open()
        return f"agent {machine.number} for {seconds:.1f} s"


class LineSlowed(Fault):
    """An agent's connection to Redis becomes slow."""

    name = "connection slowed"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Slow the machine's line down."""
        seconds, machine.proxy.delay = chance.uniform(2, LEASE), chance.uniform(0.1, 0.5)
        await asyncio.sleep(seconds)
        slow, machine.proxy.delay = machine.proxy.delay, 0.0
        return f"agent {machine.number} by {slow:.2f} s a piece, for {seconds:.1f} s"


class DiskFull(Fault):
    """The disk of a worker's spools is full for a while."""

    name = "spool disk full"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Fill the machine's disk."""
        seconds = chance.uniform(1, 2 * LEASE)
        await asyncio.to_thread(machine.fill_disk)
        await asyncio.sleep(seconds)
        machine.free_disk()
        return f"agent {machine.number} for {seconds:.1f} s{'' if machine.on_tmpfs else ' (a closed folder)'}"


class StoreBroken(Fault):
    """The object store answers 500 to everything."""

    name, target = "object store broken", "store"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Break the store."""
        world.doorway.store_broken = True
        await asyncio.sleep(10)
        world.doorway.store_broken = False
        return "for 10.0 s"


class ClockWrong(Fault):
    """A machine comes back from a restart with a clock that is ten minutes off."""

    name = "clock off"

    async def strike(self, world: World, machine: Machine, chance: random.Random) -> str:
        """Restart the machine's agent with a wrong clock, or with the right one where it was wrong."""
        machine.clock = 0.0 if machine.clock else chance.choice([-600.0, 600.0])
        await machine.agent.stop()
        await machine.start()
        return f"agent {machine.number} by {machine.clock:+.0f} s"


FAULTS: dict[str, type[Fault]] = {
    fault.name: fault
    for fault in (
        AgentKilled, AgentPaused, ServiceKilled, RedisKilled, RedisFlushed, DatabaseRestarted,
        LineCut, LineSlowed, DiskFull, StoreBroken, ClockWrong,
    )
}  # fmt: skip
