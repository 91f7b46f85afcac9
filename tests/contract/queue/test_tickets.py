"""Tickets: offered once, claimed once, taken back, and never another attempt's."""

from __future__ import annotations

import asyncio

import pytest

from perijove.model.control import Wake
from perijove.model.events import Claimed
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove.wire.protocol import LEASE
from perijove_scheduler.queue.protocol import TicketState

from .conftest import GROUP, Wire, soon, ticket

ONE = Resources(cpus=1)


async def test_a_claim_brings_the_offered_ticket(wire: Wire) -> None:
    agent, offered = await wire.registered(), ticket()
    assert await wire.queue.offer(offered)
    assert await wire.queue.depths([GROUP]) == {GROUP: 1}
    assert await agent.claim(ONE) == offered
    assert await wire.queue.depths([GROUP]) == {GROUP: 0}


async def test_a_claim_says_so_itself(wire: Wire) -> None:
    worker, offered = new_id("wk"), ticket()
    agent = await wire.registered(worker)
    await wire.queue.offer(offered)
    await agent.claim(ONE)
    assert [d.event for d in await wire.events()] == [Claimed(worker=worker, execution=offered.execution, attempt=1)]
    assert await wire.queue.ticket(GROUP, offered.execution) == TicketState(1, "claimed", worker)


async def test_the_oldest_ticket_goes_first(wire: Wire) -> None:
    agent, offered = await wire.registered(), [ticket() for _ in range(4)]
    assert await wire.queue.offer_many(offered) == [True] * 4
    assert [await agent.claim(ONE) for _ in offered] == offered
    assert await agent.claim(ONE) is None


async def test_fifty_racing_claims_give_a_ticket_to_exactly_one(wire: Wire) -> None:
    agents = [await wire.registered() for _ in range(50)]
    await wire.queue.offer(ticket())
    claims = await soon(asyncio.gather(*(agent.claim(ONE) for agent in agents)))
    assert sum(claim is not None for claim in claims) == 1
    assert await wire.kinds() == ["claimed"]


async def test_offering_twice_is_harmless(wire: Wire) -> None:
    agent, offered = await wire.registered(), ticket()
    assert [await wire.queue.offer(offered) for _ in range(2)] == [True, False]
    assert await agent.claim(ONE) == offered
    assert not await wire.queue.offer(offered)
    assert await agent.claim(ONE) is None


async def test_a_later_attempt_replaces_an_offered_one(wire: Wire) -> None:
    agent, first = await wire.registered(), ticket()
    second = ticket(first.execution, attempt=2)
    assert await wire.queue.offer_many([first, second]) == [True, True]
    assert await wire.queue.depths([GROUP]) == {GROUP: 1}
    assert await agent.claim(ONE) == second


async def test_a_later_attempt_replaces_a_claimed_one(wire: Wire) -> None:
    (lost, other), first = [await wire.registered() for _ in range(2)], ticket()
    await wire.queue.offer(first)
    await lost.claim(ONE)
    second = ticket(first.execution, attempt=2)
    assert await wire.queue.offer(second)
    assert all(not worker.held for worker in await wire.queue.workers(GROUP))
    assert await other.claim(ONE) == second


async def test_an_earlier_attempt_is_refused(wire: Wire) -> None:
    second = ticket(attempt=2)
    await wire.queue.offer(second)
    assert not await wire.queue.offer(ticket(second.execution, attempt=1))
    state = await wire.queue.ticket(GROUP, second.execution)
    assert state == TicketState(2, "offered", "")


async def test_a_withdrawn_ticket_is_not_claimed(wire: Wire) -> None:
    agent, offered = await wire.registered(), ticket()
    await wire.queue.offer(offered)
    assert await wire.queue.withdraw(GROUP, offered.execution, 1)
    assert await agent.claim(ONE) is None
    assert await wire.queue.ticket(GROUP, offered.execution) == TicketState(1, "withdrawn", "")
    assert not await wire.queue.withdraw(GROUP, offered.execution, 1)


async def test_a_claimed_ticket_is_not_withdrawn(wire: Wire) -> None:
    worker, offered = new_id("wk"), ticket()
    agent = await wire.registered(worker)
    await wire.queue.offer(offered)
    await agent.claim(ONE)
    assert not await wire.queue.withdraw(GROUP, offered.execution, 1)
    assert await wire.queue.ticket(GROUP, offered.execution) == TicketState(1, "claimed", worker)


async def test_racing_claim_and_withdrawal_have_one_winner(wire: Wire) -> None:
    agent = await wire.registered(cpus=100)
    for _ in range(20):
        offered = ticket()
        await wire.queue.offer(offered)
        claimed, withdrawn = await asyncio.gather(agent.claim(ONE), wire.queue.withdraw(GROUP, offered.execution, 1))
        assert (claimed is None) == withdrawn


async def test_an_offer_that_comes_after_its_withdrawal_is_refused(wire: Wire) -> None:
    agent, late = await wire.registered(), ticket()
    assert not await wire.queue.withdraw(GROUP, late.execution, 1)
    assert not await wire.queue.offer(late)
    assert await agent.claim(ONE) is None
    assert await wire.queue.offer(ticket(late.execution, attempt=2))


async def test_a_stale_withdrawal_changes_nothing(wire: Wire) -> None:
    agent, second = await wire.registered(), ticket(attempt=2)
    await wire.queue.offer(second)
    assert not await wire.queue.withdraw(GROUP, second.execution, 1)
    assert await agent.claim(ONE) == second


async def test_withdrawing_a_later_attempt_leaves_a_claimed_one_alone(wire: Wire) -> None:
    worker, first = new_id("wk"), ticket()
    agent = await wire.registered(worker)
    await wire.queue.offer(first)
    await agent.claim(ONE)
    assert not await wire.queue.withdraw(GROUP, first.execution, 2)
    assert await wire.queue.ticket(GROUP, first.execution) == TicketState(1, "claimed", worker)


async def test_a_forgotten_ticket_is_gone_whoever_holds_it(wire: Wire) -> None:
    agent, offered, claimed = await wire.registered(), ticket(), ticket()
    await wire.queue.offer(claimed)
    await agent.claim(ONE)
    await wire.queue.offer(offered)
    for one in (offered, claimed):
        await wire.queue.forget(GROUP, one.execution, 1)
    assert await wire.queue.tickets(GROUP, [offered.execution, claimed.execution]) == [None, None]
    assert await wire.queue.depths([GROUP]) == {GROUP: 0}
    assert [worker.held for worker in await wire.queue.workers(GROUP)] == [{}]


async def test_forgetting_a_stale_attempt_changes_nothing(wire: Wire) -> None:
    second = ticket(attempt=2)
    await wire.queue.offer(second)
    await wire.queue.forget(GROUP, second.execution, 1)
    assert await wire.queue.ticket(GROUP, second.execution) == TicketState(2, "offered", "")


async def test_what_was_forgotten_can_be_offered_again(wire: Wire) -> None:
    agent, offered = await wire.registered(), ticket()
    await wire.queue.offer(offered)
    await wire.queue.forget(GROUP, offered.execution, 1)
    assert await wire.queue.offer(offered)
    assert await agent.claim(ONE) == offered


async def test_what_was_withdrawn_can_be_offered_again_when_it_is_forgotten(wire: Wire) -> None:
    agent, offered = await wire.registered(), ticket()
    await wire.queue.offer(offered)
    assert await wire.queue.withdraw(GROUP, offered.execution, 1)
    await wire.queue.forget(GROUP, offered.execution, 1)
    assert await wire.queue.offer(offered)
    assert await agent.claim(ONE) == offered


async def test_an_unknown_ticket_is_none(wire: Wire) -> None:
    offered = ticket()
    await wire.queue.offer(offered)
    states = await wire.queue.tickets(GROUP, [new_id("ex"), offered.execution])
    assert states == [None, TicketState(1, "offered", "")]
    assert await wire.queue.tickets(GROUP, []) == []


async def test_groups_do_not_see_each_other(wire: Wire) -> None:
    agent = await wire.registered()
    await wire.queue.offer(ticket(group="other"))
    assert await agent.claim(ONE) is None
    assert await wire.queue.depths([GROUP, "other"]) == {GROUP: 0, "other": 1}


async def test_a_ticket_that_does_not_fit_is_passed_over(wire: Wire) -> None:
    agent, large, small = await wire.registered(cpus=8), ticket(cpus=8), ticket(cpus=2)
    await wire.queue.offer_many([large, small])
    assert await agent.claim(Resources(cpus=4)) == small
    assert await agent.claim(Resources(cpus=8)) == large


@pytest.mark.parametrize("need", [{"cpus": 1.5}, {"memory": 1025}, {"gpus": 2}])
async def test_every_resource_counts(wire: Wire, need: dict[str, float]) -> None:
    agent = await wire.registered()
    await wire.queue.offer(ticket(**need))
    assert await agent.claim(Resources(cpus=1, memory=1024, gpus=1)) is None
    assert await agent.claim(Resources(cpus=1.5, memory=1025, gpus=2)) is not None


async def test_a_large_ticket_is_not_starved_by_small_ones(wire: Wire) -> None:
    agent, large = await wire.registered(cpus=8), ticket(cpus=8)
    await wire.queue.offer_many([large, *(ticket() for _ in range(11))])
    claims = [await agent.claim(Resources(cpus=4)) for _ in range(11)]
    assert [claim is not None for claim in claims] == [True] * 10 + [False]
    assert await agent.claim(Resources(cpus=8)) == large
    assert await agent.claim(ONE) is not None


async def test_looking_without_taking_does_not_pass_a_ticket_over(wire: Wire) -> None:
    agent, large, small = await wire.registered(cpus=8), ticket(cpus=8), ticket()
    await wire.queue.offer(large)
    assert [await agent.claim(ONE) for _ in range(12)] == [None] * 12
    await wire.queue.offer(small)
    assert await agent.claim(ONE) == small


async def test_a_ticket_too_large_for_a_worker_does_not_hold_it_up(wire: Wire) -> None:
    agent = await wire.registered(cpus=2)
    await wire.queue.offer_many([ticket(cpus=8), *(ticket() for _ in range(12))])
    assert all([await agent.claim(ONE) for _ in range(12)])


async def test_an_offer_wakes_one_idle_worker(wire: Wire) -> None:
    agents = [await wire.registered() for _ in range(2)]
    for agent in agents:
        assert await agent.claim(ONE) is None
    await wire.queue.offer(ticket())
    woken = [await agent.listen("0", 0.01) for agent in agents]
    assert sorted([message for _, message in messages] for messages in woken) == [[], [Wake()]]


async def test_a_worker_that_waits_is_woken_at_once(wire: Wire) -> None:
    agent = await wire.registered()
    await agent.claim(ONE)
    listening = asyncio.create_task(agent.listen("0", 60))
    await wire.queue.offer(ticket())
    assert [message for _, message in await soon(listening)] == [Wake()]


async def test_an_offer_wakes_a_worker_it_fits(wire: Wire) -> None:
    roomy, full = await wire.registered(cpus=8), await wire.registered(cpus=8)
    await roomy.claim(Resources(cpus=8))
    await full.claim(Resources(cpus=1))
    await wire.queue.offer(ticket(cpus=4))
    assert len(await roomy.listen("0", 0.01)) == 1
    assert await full.listen("0", 0.01) == []


async def test_a_silent_worker_is_not_woken(wire: Wire) -> None:
    silent, alive = new_id("wk"), new_id("wk")
    agents = [await wire.registered(silent), await wire.registered(alive)]
    await agents[0].claim(ONE)
    await wire.age(silent, LEASE + 1)
    await agents[1].renew([])
    await agents[1].claim(ONE)
    await wire.queue.offer_many([ticket(), ticket()])
    assert await agents[0].listen("0", 0.01) == []


async def test_a_worker_that_is_not_registered_claims_nothing(wire: Wire) -> None:
    agent = wire.agent()
    await wire.queue.offer(ticket())
    assert await agent.claim(ONE) is None
    assert await wire.queue.depths([GROUP]) == {GROUP: 1}
