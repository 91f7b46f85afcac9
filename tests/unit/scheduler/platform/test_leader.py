from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perijove.errors import Unavailable
from perijove_scheduler.platform.leader import LEASE, LOOK_EVERY, Leader
from perijove_scheduler.platform.loops import Loops
from perijove_scheduler.platform.relay import Relay
from perijove_scheduler.queue.memory import ManualClock, MemoryQueue
from perijove_scheduler.services.bell import Bell
from perijove_scheduler.store.database import _IDLE_SECONDS
from perijove_scheduler.store.leadership import Leadership, Term
from perijove_scheduler.store.store import Store


def test_a_successor_comes_within_fifteen_seconds():
    assert LEASE + LOOK_EVERY < 15


def test_a_leader_that_stands_still_in_a_transaction_has_lost_its_locks_when_its_lease_ends():
    assert _IDLE_SECONDS < LEASE


class Away(Leadership):
    """A lease on a database that cannot be reached."""

    async def renew(self, term: Term, seconds: float) -> bool:
        raise Unavailable("The database cannot be reached.")


class NoLoops(Loops):
    """Loops that do nothing, and count how often they were started and stopped."""

    def __init__(self) -> None:
        self.started = self.stopped = 0

    def start(self) -> None:
        self.started += 1

    async def stop(self, end_machines: bool) -> None:
        assert not end_machines
        self.stopped += 1


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path / 'perijove.db'}")
    await store.migrate()
    yield store
    await store.aclose()


async def test_a_leader_that_cannot_renew_steps_down_when_its_lease_is_over_by_its_own_clock(store: Store) -> None:
    clock, bell, loops = ManualClock(), Bell(), NoLoops()

    async def loops_of(_term: Term) -> Loops:
        return loops

    leader = Leader(bell, store, Relay(bell, MemoryQueue(clock)), "one", loops_of, clock)
    await leader.take_turn()
    assert (leader.term is not None, loops.started) == (True, 1)
    store.leadership = Away(store.database)
    clock.advance(LEASE - 0.1)
    await leader.take_turn()
    assert (leader.term is not None, loops.stopped) == (True, 0)
    clock.advance(0.1)
    await leader.take_turn()
    assert (leader.term, loops.stopped) == (None, 1)


async def test_each_renewal_begins_the_lease_anew(store: Store) -> None:
    clock, bell, loops = ManualClock(), Bell(), NoLoops()

    async def loops_of(_term: Term) -> Loops:
        return loops

    leader = Leader(bell, store, Relay(bell, MemoryQueue(clock)), "one", loops_of, clock)
    await leader.take_turn()
    clock.advance(LEASE - 0.1)
    await leader.take_turn()
    store.leadership = Away(store.database)
    clock.advance(LEASE - 0.1)
    await leader.take_turn()
    assert leader.term is not None
