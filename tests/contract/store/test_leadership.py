"""One leads; who led before writes nothing any more."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text

from perijove.model.spec import Resources
from perijove_scheduler.store.leadership import Deposed, Term
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import WorkerRow

LONG, OVER = 600.0, -1.0


async def workers(store: Store) -> int:
    async with store.read() as session:
        return await session.scalar(select(func.count()).select_from(WorkerRow)) or 0


async def test_nobody_leads_a_new_platform(store: Store) -> None:
    assert (await store.leadership.leader()).holder == ""


async def test_one_of_many_that_campaign_at_once_leads(store: Store) -> None:
    terms = await asyncio.gather(*(store.leadership.campaign(f"replica-{n}", LONG) for n in range(8)))
    won = [term for term in terms if term is not None]
    assert [term.epoch for term in won] == [1]
    leader = await store.leadership.leader()
    assert (leader.holder, leader.epoch) == (won[0].holder, 1)
    assert 0 < leader.remaining <= LONG


async def test_a_lease_that_is_over_is_another_s_with_a_higher_epoch(store: Store) -> None:
    first = await store.leadership.campaign("a", OVER)
    assert await store.leadership.campaign("b", LONG) == Term("b", 2)
    assert await store.leadership.renew(first, LONG) is False
    assert (await store.leadership.leader()).holder == "b"


async def test_a_leader_that_renews_is_not_succeeded(store: Store) -> None:
    term = await store.leadership.campaign("a", OVER)
    assert await store.leadership.renew(term, LONG) is True
    assert await store.leadership.campaign("b", LONG) is None


async def test_a_leader_that_resigns_is_succeeded_at_once_and_by_whoever(store: Store) -> None:
    term = await store.leadership.campaign("a", LONG)
    assert await store.leadership.resign(term) is True
    assert await store.leadership.campaign("b", LONG) == Term("b", 2)
    assert await store.leadership.resign(term) is False
    assert (await store.leadership.leader()).holder == "b"


async def test_a_replica_that_is_started_again_succeeds_itself_at_once(store: Store) -> None:
    before = await store.leadership.campaign("a", LONG)
    assert await store.leadership.campaign("a", LONG) == Term("a", 2)
    with pytest.raises(Deposed):
        await store.fenced(before).workers.start("local")


async def test_a_leader_writes_and_a_deposed_one_does_not(world) -> None:
    store = world.store
    old = store.fenced(await store.leadership.campaign("a", OVER))
    await old.workers.start("local", Resources())
    new = store.fenced(await store.leadership.campaign("b", LONG))
    with pytest.raises(Deposed):
        await old.workers.start("local", Resources())
    execution = await world.execution()
    with pytest.raises(Deposed):
        await old.lifecycle.admit([execution])
    assert await workers(store) == 1
    assert (await world.row(execution)).status == "created"
    assert [offer.id for offer in await new.lifecycle.admit([execution])] == [execution]


async def test_a_term_begins_only_when_what_the_last_one_wrote_is_committed(world) -> None:
    store = world.store
    old = store.fenced(await store.leadership.campaign("a", OVER))
    async with old.write() as session:
        await session.execute(text("SELECT 1"))
        campaign = asyncio.create_task(store.leadership.campaign("b", LONG))
        await asyncio.wait({campaign}, timeout=0.3)
        assert not campaign.done()
    assert await campaign == Term("b", 2)


async def test_a_renewal_does_not_wait_for_what_the_leader_writes(store: Store) -> None:
    if store.database.is_sqlite:
        return  # it has one writer at a time
    term = await store.leadership.campaign("a", LONG)
    async with store.fenced(term).write() as session:
        await session.execute(text("SELECT 1"))
        assert await asyncio.wait_for(store.leadership.renew(term, LONG), 30) is True


async def test_a_transaction_that_stands_still_is_given_up(store: Store) -> None:
    async with store.read() as session:
        found = (
            None if store.database.is_sqlite else await session.scalar(text("SHOW idle_in_transaction_session_timeout"))
        )
    assert found in (None, "8s")
