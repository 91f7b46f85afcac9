"""What a worker holds: renewed, found again after a loss, ended once, and never another's."""

from __future__ import annotations

import asyncio

import pytest

from perijove.model.events import Archived, Finished, Stopped
from perijove.model.events import Held as HeldEvent
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.model.tickets import Ticket
from perijove.wire.limits import ORPHAN_AFTER
from perijove.wire.protocol import NO_TICKET, AgentWire, Renewal
from perijove_scheduler.queue.protocol import TicketState

from .conftest import GROUP, Wire, held, soon, ticket

ONE = Resources(cpus=1)


def finished(worker: str, of: Ticket, reason: Reason = Reason.OK, detail: str = "") -> Finished:
    return Finished(worker=worker, execution=of.execution, attempt=of.attempt, reason=reason, detail=detail)


def archived(worker: str, of: Ticket) -> Archived:
    return Archived(worker=worker, execution=of.execution, attempt=of.attempt, records=3, size=9, sha256="0" * 64)


async def claimed(wire: Wire, worker: str) -> tuple[AgentWire, Ticket]:
    """Return a worker with the ticket it has claimed; its events are read."""
    agent, offered = await wire.registered(worker), ticket()
    await wire.queue.offer(offered)
    assert await agent.claim(ONE) == offered
    await wire.events()
    return agent, offered


@pytest.fixture
def worker() -> str:
    return new_id("wk")


async def test_a_renewal_of_what_it_holds_says_nothing(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert await agent.renew([held(mine)]) == Renewal()
    assert await wire.events() == []


async def test_a_replaced_attempt_is_superseded(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.queue.offer(ticket(mine.execution, attempt=2))
    assert await agent.renew([held(mine)]) == Renewal(superseded=[held(mine)])
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(2, "offered", "")


async def test_a_forgotten_attempt_is_superseded(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.queue.forget(GROUP, mine.execution, 1)
    assert await agent.renew([held(mine)]) == Renewal(superseded=[held(mine)])


async def test_what_another_worker_holds_is_superseded(wire: Wire, worker: str) -> None:
    _, theirs = await claimed(wire, new_id("wk"))
    agent = await wire.registered(worker)
    assert await agent.renew([held(theirs)]) == Renewal(superseded=[held(theirs)])


async def test_after_a_flush_a_worker_takes_back_what_it_holds(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.flush()
    await wire.queue.prepare()
    assert await agent.renew([held(mine)]) == Renewal(forgotten=[held(mine)])
    assert [d.event for d in await wire.events()] == [HeldEvent(worker=worker, execution=mine.execution, attempt=1)]
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(1, "claimed", worker)
    assert await agent.renew([held(mine)]) == Renewal()


async def test_after_a_flush_a_worker_is_registered_again(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.flush()
    await wire.queue.prepare()
    await agent.renew([held(mine)])
    (found,) = await wire.queue.workers(GROUP)
    assert (found.worker, found.capacity, found.host, found.version) == (worker, ONE, "host", "1.0")
    assert found.held == {mine.execution: 1}


async def test_a_draining_worker_still_drains_after_a_flush(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    await wire.queue.drain(GROUP, worker)
    assert (await agent.renew([])).draining
    await wire.flush()
    await wire.queue.prepare()
    assert (await agent.renew([])).draining


async def test_what_is_offered_again_while_it_runs_runs_once(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    other = await wire.registered()
    await wire.flush()
    await wire.queue.prepare()
    await wire.queue.offer(mine)
    assert await agent.renew([held(mine)]) == Renewal(forgotten=[held(mine)])
    await other.renew([])
    assert await other.claim(ONE) is None
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(1, "claimed", worker)


async def test_the_latest_attempt_wins_after_a_flush(wire: Wire, worker: str) -> None:
    stale, first = await claimed(wire, new_id("wk"))
    agent, second = await wire.registered(worker), ticket(first.execution, attempt=2)
    await wire.queue.offer(second)
    await agent.claim(ONE)
    await wire.flush()
    await wire.queue.prepare()
    assert await stale.renew([held(first)]) == Renewal(forgotten=[held(first)])
    assert await agent.renew([held(second)]) == Renewal(forgotten=[held(second)])
    assert await stale.renew([held(first)]) == Renewal(superseded=[held(first)])
    assert await wire.queue.ticket(GROUP, first.execution) == TicketState(2, "claimed", worker)


async def test_a_claim_whose_reply_was_lost_is_handed_over(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.age(mine.execution, ORPHAN_AFTER + 1)
    assert await agent.renew([]) == Renewal(orphans=[mine])


async def test_a_fresh_claim_is_no_orphan(wire: Wire, worker: str) -> None:
    agent, _ = await claimed(wire, worker)
    assert await agent.renew([]) == Renewal()


async def test_an_orphan_whose_spec_was_flushed_fails_for_a_retry(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.flush()
    await wire.queue.prepare()
    await agent.renew([held(mine)])
    await wire.events()
    restarted = await wire.registered(worker)
    await wire.age(mine.execution, ORPHAN_AFTER + 1)
    assert await restarted.renew([]) == Renewal()
    assert [d.event for d in await wire.events()] == [finished(worker, mine, Reason.AGENT_FAILED, detail=NO_TICKET)]
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(1, "ended", worker)


async def test_closing_releases_the_ticket_and_says_how_it_ended(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert await agent.close(finished(worker, mine))
    assert [d.event for d in await wire.events()] == [finished(worker, mine)]
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(1, "ended", worker)
    assert [w.held for w in await wire.queue.workers(GROUP)] == [{}]


async def test_an_attempt_that_ended_is_not_offered_again_but_the_next_is(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.close(finished(worker, mine))
    await wire.queue.forget(GROUP, mine.execution, 1)
    assert not await wire.queue.offer(mine)
    assert await agent.claim(Resources(cpus=1)) is None
    assert await wire.queue.offer(ticket(mine.execution, attempt=2))


async def test_an_attempt_that_is_closed_twice_ends_once(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert await agent.close(finished(worker, mine))
    assert await agent.close(finished(worker, mine, Reason.AGENT_FAILED))
    assert [d.event for d in await wire.events()] == [finished(worker, mine)]


async def test_a_master_that_has_the_end_of_an_attempt_no_more_can_be_told_it_again(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert await agent.close(finished(worker, mine))
    assert [d.event for d in await wire.events()] == [finished(worker, mine)]  # and acknowledged
    assert await agent.close(finished(worker, mine))
    assert [d.event for d in await wire.events()] == [finished(worker, mine)]
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(1, "ended", worker)


async def test_an_attempt_that_ended_is_superseded_where_it_still_runs(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.close(finished(worker, mine))
    assert (await agent.renew([held(mine)])).superseded == [held(mine)]


async def test_a_stale_attempt_is_not_closed(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.queue.offer(ticket(mine.execution, attempt=2))
    assert not await agent.close(finished(worker, mine))
    assert await wire.events() == []
    assert await wire.queue.ticket(GROUP, mine.execution) == TicketState(2, "offered", "")


async def test_another_workers_attempt_is_not_closed(wire: Wire, worker: str) -> None:
    _, theirs = await claimed(wire, new_id("wk"))
    agent = await wire.registered(worker)
    assert not await agent.close(finished(worker, theirs))
    assert await wire.events() == []


async def test_a_forgotten_attempt_is_not_closed(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.queue.forget(GROUP, mine.execution, 1)
    assert not await agent.close(finished(worker, mine))
    assert await wire.events() == []


@pytest.mark.parametrize("offered_again", [False, True])
async def test_what_ends_after_a_flush_is_reported_all_the_same(wire: Wire, worker: str, offered_again: bool) -> None:
    agent, mine = await claimed(wire, worker)
    await wire.flush()
    await wire.queue.prepare()
    if offered_again:
        await wire.queue.offer(mine)
    assert await agent.close(finished(worker, mine))
    assert await wire.kinds() == ["finished"]
    assert await wire.queue.depths([GROUP]) == {GROUP: 0}


async def test_closing_again_because_the_reply_was_lost_succeeds(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert [await agent.close(finished(worker, mine)) for _ in range(2)] == [True, True]
    assert [d.event for d in await wire.events()][-1] == finished(worker, mine)


async def test_handing_back_ends_an_attempt_for_draining(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    assert await agent.hand_back(held(mine))
    assert [d.event for d in await wire.events()] == [finished(worker, mine, Reason.WORKER_DRAINED)]


async def test_only_a_finished_event_closes(wire: Wire, worker: str) -> None:
    agent = await wire.registered(worker)
    with pytest.raises(TypeError):
        await agent.close(Stopped(worker=worker))


async def test_a_worker_registers_before_it_renews(wire: Wire) -> None:
    with pytest.raises(RuntimeError):
        await wire.agent().renew([])


async def test_an_end_that_a_flush_took_before_anybody_read_it_is_told_again(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.renew([held(mine)])
    await agent.close(finished(worker, mine))
    await wire.flush()
    await wire.queue.prepare()
    await agent.renew([])
    assert [d.event for d in await wire.events()] == [finished(worker, mine)]


async def test_an_archive_that_a_flush_took_before_anybody_read_it_is_reported_again(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.close(finished(worker, mine))
    await agent.renew([])
    await wire.events()
    await agent.emit([event := archived(worker, mine)])
    applied = asyncio.create_task(agent.applied(event))
    await wire.flush()
    await wire.queue.prepare()
    await agent.renew([])
    await agent.renew([])
    assert not applied.done(), "it was emitted, and nobody has read it"
    assert [d.event for d in await wire.events() if isinstance(d.event, Archived)] == [event]
    await agent.renew([])
    await soon(applied)


async def test_an_event_emitted_while_a_worker_renews_is_not_taken_for_applied(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.renew([])
    renewing = asyncio.create_task(agent.renew([]))
    await asyncio.sleep(0)  # it has begun to look at the stream, which is empty
    await agent.emit([event := archived(worker, mine)])
    await renewing
    applied = asyncio.create_task(agent.applied(event))
    await asyncio.sleep(0)
    assert not applied.done()
    await wire.events()
    await agent.renew([])
    await soon(applied)


async def test_an_end_that_was_read_is_not_told_again_after_a_flush(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.renew([held(mine)])
    await agent.close(finished(worker, mine))
    assert await wire.kinds() == ["finished"]
    await agent.renew([])
    await wire.flush()
    await wire.queue.prepare()
    await agent.renew([])
    assert await wire.events() == []


async def test_an_end_is_told_again_after_every_flush_until_it_was_read(wire: Wire, worker: str) -> None:
    agent, mine = await claimed(wire, worker)
    await agent.close(finished(worker, mine))
    for _ in range(2):
        await wire.flush()
        await wire.queue.prepare()
        await agent.renew([])
    assert await wire.kinds() == ["finished"]
    await agent.renew([])
    assert await wire.events() == []
