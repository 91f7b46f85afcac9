"""An attempt ends once, whatever happens between its work and its end."""

from __future__ import annotations

import asyncio
from typing import Any

from perijove.model.control import Account, Stop
from perijove.model.events import Finished
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held


async def test_a_ticket_that_comes_again_after_its_attempt_ended_is_not_run_again(
    master: Any, agent: Any, command: Any
) -> None:
    ticket = command("echo ran >> $PERIJOVE_OUTPUTS/ran; exit 3")
    first, _ = await master.run_ticket(ticket)
    master.events.clear()
    master.queue.flush()  # otherwise the ticket would not be taken again
    again, _ = await master.run_ticket(ticket)
    assert again == first
    assert agent.holdings.held == []


async def test_a_part_that_is_cancelled_ends_the_attempt_once_and_counted(
    master: Any, agent: Any, notebook: Any
) -> None:
    ticket = notebook("print('ready', flush=True)\nwhile True: pass")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: r.kind == "output" and "ready" in r.content["text"])
    signing = asyncio.ensure_future(asyncio.Event().wait())
    signing.cancel()
    agent.holdings.get(ticket.execution, 1)._executed._signing = signing
    (worker,) = await master.queue.workers("local")
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    assert (finished.reason, finished.detail) == (Reason.AGENT_FAILED, "CancelledError: ")
    assert Held(ticket.execution, 1) not in agent.holdings.held


async def test_a_master_that_asks_for_an_attempt_that_ended_gets_its_end_again(
    master: Any, agent: Any, command: Any
) -> None:
    ended, _ = await master.run_ticket(command("exit 3"))
    master.events.clear()
    await master.queue.tell("local", ended.worker, Account(execution=ended.execution, attempt=ended.attempt))
    assert await master.event(Finished, ended.execution) == ended


async def test_a_master_that_asks_for_an_attempt_that_nobody_knows_is_answered_that_it_failed(
    master: Any, agent: Any
) -> None:
    (worker,) = await master.queue.workers("local")
    execution = new_id("ex")
    await master.queue.tell("local", worker.worker, Account(execution=execution, attempt=2))
    finished = await master.event(Finished, execution)
    assert (finished.attempt, finished.reason) == (2, Reason.AGENT_FAILED)
    assert finished.detail == "Its worker does not know it any more."


async def test_a_master_that_asks_for_an_attempt_that_runs_does_not_end_it(
    master: Any, agent: Any, command: Any
) -> None:
    ticket = command("echo ready; sleep 600")
    await master.queue.offer(ticket)
    await master.record(ticket, lambda r: getattr(r, "text", "") == "ready\n")
    (worker,) = await master.queue.workers("local")
    for execution in (ticket.execution, other := new_id("ex")):
        await master.queue.tell("local", worker.worker, Account(execution=execution, attempt=1))
    await master.event(Finished, other)  # what it was asked before is answered, too
    assert Held(ticket.execution, 1) in agent.holdings.held
    await master.queue.tell("local", worker.worker, Stop(execution=ticket.execution, attempt=1))
    finished: Finished = await master.event(Finished, ticket.execution)
    assert finished.reason == Reason.STOPPED_BY_USER
