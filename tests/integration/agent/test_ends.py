"""An attempt ends once, whatever happens between its work and its end."""

from __future__ import annotations

import asyncio
from typing import Any

from perijove.model.control import Stop
from perijove.model.events import Finished
from perijove.model.reasons import Reason
from perijove.wire.protocol import Held


async def test_a_ticket_that_comes_again_after_its_attempt_ended_is_not_run_again(
    master: Any, agent: Any, command: Any
) -> None:
    ticket = command("echo ran >> $PERIJOVE_OUTPUTS/ran; exit 3")
    first, _ = await master.run_ticket(ticket)
    master.events.clear()
    again, records = await master.run_ticket(ticket)
    assert again == first
    assert len(records) == first.records
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
