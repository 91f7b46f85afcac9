"""The safety net: what Redis forgot is said again."""

from __future__ import annotations

from sqlalchemy import func, select, update

from perijove.model.events import Claimed
from perijove.wire.limits import ENDED_FOR, WITHDRAWN_FOR
from perijove.wire.protocol import LEASE
from perijove_scheduler.loops import sweeper
from perijove_scheduler.loops.sweeper import KEYS_KEPT, WORKERS_KEPT
from perijove_scheduler.services.offers import Offers
from perijove_scheduler.store.clock import db_ago
from perijove_scheduler.store.tables import IdempotencyRow, WorkerRow


async def test_queued_work_that_redis_forgot_is_offered_again(world) -> None:
    ids = await world.submit(count=3)
    await world.dispatcher.turn()
    world.queue.flush()
    await world.sweeper.turn()
    agent = await world.agent()
    assert {await agent.claim() for _ in range(3)} == set(ids)
    assert (await world.row(ids[0])).attempt == 1


async def test_work_admitted_by_a_dispatcher_that_crashed_before_it_offered_is_offered(world) -> None:
    (execution,) = await world.submit()
    await world.store.lifecycle.admit([execution])
    await world.sweeper.turn()
    assert await (await world.agent()).claim() == execution


async def test_more_queued_work_than_a_page_is_offered_again(world) -> None:
    await world.group("large", max_workers=500)
    ids = await world.submit(count=620, group="large")
    await world.store.lifecycle.admit(ids)
    await world.sweeper.turn()
    assert await world.queue.depths(["large"]) == {"large": 620}


async def test_sweeping_twice_offers_nothing_twice(world) -> None:
    await world.submit(count=2)
    await world.dispatcher.turn()
    await world.sweeper.turn()
    await world.sweeper.turn()
    assert await world.queue.depths(["local"]) == {"local": 2}


async def test_a_claimed_ticket_whose_claim_is_still_on_its_way_is_left(world) -> None:
    agent, other = await world.agent(), await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    await world.sweeper.turn()
    assert await other.claim() is None
    await world.apply()
    assert (await world.row(execution)).worker == agent.id


async def test_what_has_ended_is_not_offered_again_while_its_events_are_on_their_way(world) -> None:
    agent, other = await world.agent(), await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    assert await agent.finish(execution)
    world.clock.advance(ENDED_FOR / 2)
    await world.sweeper.turn()
    assert await other.claim() is None
    await world.apply()
    assert await world.status(execution) == "complete"
    world.clock.advance(WITHDRAWN_FOR + 1)
    assert await world.queue.tickets("local", [execution]) == [None]


async def test_an_offer_that_comes_after_its_attempt_has_ended_is_refused(world) -> None:
    (execution,) = await world.submit()
    offers = await world.store.lifecycle.admit([execution])
    await world.sweeper.turn()
    agent = await world.agent()
    await agent.claim()
    await agent.finish(execution)
    await world.apply()
    assert await Offers(world.queue, world.files).make(offers) == 0
    assert await agent.claim() is None


async def test_a_ticket_of_an_older_attempt_is_replaced(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await world.store.lifecycle.lose([agent.id])
    await world.sweeper.turn()
    assert await other.claim() == execution
    assert other.held == {execution: 2}


async def test_workers_get_their_redis_users_back_after_a_flush(world) -> None:
    agent = await world.agent()
    await world.sweeper.turn()
    granted = dict(world.queue.granted)
    assert list(granted) == [agent.id]
    world.queue.flush()
    await world.sweeper.turn()
    assert world.queue.granted == granted


async def test_a_worker_that_is_lost_does_not_get_its_redis_user_back(world) -> None:
    agent = await world.agent()
    await world.store.lifecycle.lose([agent.id])
    world.queue.flush()
    await world.sweeper.turn()
    assert world.queue.granted == {}


async def test_what_a_reaper_that_crashed_left_of_a_worker_is_removed(world) -> None:
    agent = await world.agent()
    await world.queue.grant("local", agent.id, "0" * 64)
    await world.store.lifecycle.lose([agent.id])
    await world.sweeper.turn()
    assert world.queue.granted == {}
    assert await world.queue.workers("local") == []


async def test_a_worker_is_told_again_to_stop_what_it_has_not_stopped(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await world.store.lifecycle.stop(execution)
    await world.sweeper.turn()
    await world.sweeper.turn()
    assert [kind for kind in await agent.told() if kind == "stop"] == ["stop", "stop"]


async def test_a_flush_in_the_middle_of_a_run_costs_no_attempt(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    (waiting,) = await world.submit()
    await world.dispatcher.turn()
    world.queue.flush()
    await agent.renew()
    await world.sweeper.turn()
    await world.apply()
    await world.pass_time(2 * LEASE, agent)
    row = await world.row(execution)
    assert (row.status, row.attempt) == ("started", 1)
    assert await agent.claim() == waiting


async def test_a_claim_that_a_flush_swallowed_is_made_good_by_the_next_renewal(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    world.queue.flush()
    await agent.renew()
    await world.sweeper.turn()
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.worker) == ("started", agent.id)


async def test_an_event_of_a_flushed_stream_that_was_read_before_is_applied_all_the_same(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    deliveries = await world.queue.read_events(["local"], "applier", 0, 10)
    assert [type(delivery.event) for delivery in deliveries] == [Claimed]
    world.queue.flush()
    await world.applier.handle(deliveries)
    assert await world.status(execution) == "started"


async def test_old_idempotency_keys_are_forgotten_and_fresh_ones_kept(world) -> None:
    common = {"owner": "ada", "request_sha256": "0" * 64, "made": "pr-1 1"}
    async with world.store.write() as session:
        session.add(IdempotencyRow(key="old", created_at=db_ago(KEYS_KEPT + 60), **common))
        session.add(IdempotencyRow(key="fresh", created_at=db_ago(60), **common))
    await world.sweeper.take_turn()
    async with world.store.read() as session:
        assert await session.scalar(select(func.group_concat(IdempotencyRow.key))) == "fresh"


async def test_workers_that_ended_long_ago_are_forgotten_however_many_and_others_kept(world, monkeypatch) -> None:
    monkeypatch.setattr(sweeper, "_PAGE", 2)
    workers = world.store.workers
    old, fresh, live = [await workers.start("local") for _ in range(5)], *[await workers.start("local") for _ in "ab"]
    await workers.end([*old, fresh])
    async with world.store.write() as session:
        long_ago = update(WorkerRow).where(WorkerRow.id.in_(old))
        await session.execute(long_ago.values(ended_at=db_ago(WORKERS_KEPT + 60)))
    await world.sweeper.take_turn()
    assert [await workers.get(each) is None for each in (*old, fresh, live)] == [True] * 5 + [False] * 2
