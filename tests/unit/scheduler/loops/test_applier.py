"""Events: applied in batches, harmless to repeat, acknowledged last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perijove.errors import Unavailable
from perijove.model.control import Trimmed, ahead
from perijove.model.events import Advanced, Claimed, Finished, Held, ObjectRequest, Segmented, SignRequest
from perijove.model.fleet import WorkerState
from perijove.model.reasons import Reason
from perijove.wire.envelopes import Envelope
from perijove_scheduler.files.protocol import segment_key
from perijove_scheduler.loops.events import applier
from perijove_scheduler.loops.events.writer import EventWriter
from perijove_scheduler.queue.protocol import Delivery, Gap


def request(agent, execution: str, attempt: int = 1) -> SignRequest:
    return SignRequest(
        worker=agent.id, execution=execution, attempt=attempt, request="r1", objects=[ObjectRequest(what="log")]
    )


async def _bytes(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_records_whose_segment_is_not_there_stay_in_their_stream(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *(b"{}" for _ in range(30)))
    event = Segmented(worker=agent.id, execution=execution, attempt=1, first=1, last=20, size=9, sha256="0" * 64)
    await agent.wire.emit([event])
    await world.apply()
    assert len(await world.queue.records("local", execution, 1, 0, 100)) == 30
    assert world.applier.rejected == {"local": 1}


async def pending(world) -> list[Delivery]:
    return await world.queue.read_events(["local"], "applier", 0, 100)


async def test_a_run_from_claim_to_finish_is_written_by_events(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    assert await world.status(execution) == "started"
    await agent.finish(execution, records=3)
    await world.apply()
    assert await world.status(execution) == "complete"
    assert (await world.attempt(execution, 1)).records == 3
    assert await pending(world) == []


async def test_a_batch_applied_twice_changes_nothing_the_second_time(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    await agent.finish(execution)
    deliveries = await pending(world)
    await world.applier.handle(deliveries)
    once = await world.row(execution)
    await world.applier.handle(deliveries)
    again = await world.row(execution)
    assert (again.status, again.finished_at, again.attempt) == (once.status, once.finished_at, once.attempt)
    assert once.status == "complete"


async def test_a_batch_that_cannot_be_applied_is_not_acknowledged_and_comes_again(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    deliveries = await pending(world)
    await world.store.aclose()
    world.queue.reachable = False
    with pytest.raises(Unavailable):
        await world.applier.handle(deliveries)
    world.queue.reachable = True
    assert await pending(world) == deliveries
    await world.apply()
    assert await world.status(execution) == "started"


async def test_an_event_that_cannot_be_read_is_logged_and_holds_nothing_up(world, caplog) -> None:
    agent = await world.agent()
    world.queue.state("local").emit(Envelope("", "", "", b"{no json"))
    execution = await world.running(agent)
    assert await world.status(execution) == "started"
    assert await pending(world) == []
    assert "set aside" in caplog.text


async def test_work_handed_back_is_offered_again_at_once_and_costs_no_retry(world) -> None:
    first, second = await world.agent(), await world.agent()
    execution = await world.running(first)
    await first.finish(execution, Reason.WORKER_DRAINED)
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 2)
    assert await second.claim() == execution
    assert second.held == {execution: 2}


async def test_a_worker_that_claims_a_stale_attempt_is_told_to_stop(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await other.wire.emit([Held(worker=other.id, execution=execution, attempt=1)])
    await world.apply()
    assert "stop" in await other.told()
    assert (await world.row(execution)).worker == agent.id


async def test_what_another_worker_sends_of_an_attempt_changes_nothing(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    common = {"worker": other.id, "execution": execution, "attempt": 1}
    await other.wire.emit([Advanced(**common, done=1, total=2), Finished(**common, reason=Reason.OK)])
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.worker, row.done) == ("started", agent.id, None)


async def test_a_request_for_urls_is_answered_on_the_workers_control_stream(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.wire.emit([request(agent, execution)])
    await world.apply()
    assert world.signed == ["r1"]
    assert "signed" in await agent.told()


async def test_a_request_that_comes_with_its_claim_is_answered_after_the_claim_is_applied(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    await agent.wire.emit([request(agent, execution)])
    deliveries = await pending(world)
    assert {type(delivery.event) for delivery in deliveries} == {Claimed, SignRequest}
    await world.applier.handle(deliveries)
    assert world.signed == ["r1"]


async def test_who_claims_a_notebook_is_told_unasked_where_the_executed_one_goes(world, monkeypatch) -> None:
    write = EventWriter.write

    async def slowly(*arguments: Any) -> None:
        await asyncio.sleep(0.1)
        await write(*arguments)

    monkeypatch.setattr(EventWriter, "write", slowly)
    agent = await world.agent()
    command = await world.running(agent)
    document = {"path": "folder/train.ipynb", "sha256": "0" * 64}
    notebook = await world.running(agent, command=None, notebook=document)
    (signed,) = [message for _, message in await agent.wire.listen("0", 0) if message.kind == "signed"]
    assert (signed.request, command != notebook) == (ahead(notebook, 1), True)
    assert [(each.what, each.name) for each in signed.objects] == [("output", "train.ipynb")]
    # Only who is known to hold an attempt is given URLs for it, so the claim has to be written before.
    assert (world.signed, signed.objects[0].error) == ([ahead(notebook, 1)], "")


async def test_a_request_that_is_refused_is_answered_with_the_reason(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await other.wire.emit([request(other, execution)])
    await world.apply()
    messages = [message for _, message in await other.wire.listen("0", 0) if message.kind == "signed"]
    assert [item.error for item in messages[0].objects] == ["not yours"]


async def test_a_request_is_not_refused_for_a_database_that_is_away_but_answered_when_it_is_back(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.wire.emit([request(agent, execution)])
    world.away = True
    with pytest.raises(Unavailable):
        await world.applier.handle(await pending(world))
    assert "signed" not in await agent.told()
    world.away = False
    await world.apply()
    assert "signed" in await agent.told()


async def test_viewers_and_other_loops_hear_of_what_changed(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    changes = world.queue.changes()
    assert await anext(changes) == []
    await agent.wire.emit([Advanced(worker=agent.id, execution=execution, attempt=1, done=1, total=2)])
    await world.apply()
    assert await anext(changes) == [execution]
    await agent.finish(execution)
    await world.apply()
    for name in ("dispatcher", "scaler"):
        assert await world.bell.wait(name, 1)
    await changes.aclose()


async def test_a_worker_that_left_is_gone_and_loses_its_rights(world) -> None:
    agent = await world.agent()
    await world.queue.grant("local", agent.id, "0" * 64)
    await agent.wire.leave()
    await world.apply()
    assert (await world.worker(agent.id)).state == WorkerState.GONE
    assert world.queue.granted == {}


async def test_the_loop_applies_what_comes_without_being_asked(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    changes = world.queue.changes()
    assert await anext(changes) == []
    world.applier.start()
    execution = await agent.claim()
    assert await anext(changes) == [execution]
    await world.applier.stop()
    assert await world.status(execution) == "started"


async def test_a_claim_that_comes_alone_waits_a_moment_and_those_that_come_together_do_not(world, monkeypatch) -> None:
    monkeypatch.setattr(applier, "_HOLD", 1000.0)
    agents = [await world.agent() for _ in range(3)]
    for _ in agents:
        await world.submit()
    await world.dispatcher.turn()
    together = [await agent.claim() for agent in agents[:2]]
    await world.applier.turn()
    assert [await world.status(each) for each in together] == ["started"] * 2
    alone = await agents[2].claim()
    await world.applier.turn()
    assert await world.status(alone) == "queued"
    monkeypatch.setattr(applier, "_STOP_LIMIT", 0.0)
    await world.applier.stop()


async def test_records_leave_their_stream_once_a_segment_of_them_is_noted_and_their_worker_is_told(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *(b"{}" for _ in range(30)))
    digest = (await world.files.receive(segment_key(execution, 1, 1, 20), _bytes(b"a segment"), 9)).sha256
    event = Segmented(worker=agent.id, execution=execution, attempt=1, first=1, last=20, size=9, sha256=digest)
    await agent.wire.emit([event])
    await world.apply()
    assert await world.store.segments.last(execution, 1) == 20
    assert await world.files.stat(segment_key(execution, 1, 1, 20)) is not None
    with pytest.raises(Gap):
        await world.queue.records("local", execution, 1, 0, 100)
    assert [n for n, _ in await world.queue.records("local", execution, 1, 20, 100)] == list(range(21, 31))
    told = [message for _, message in await agent.wire.listen("0", 0)]
    assert Trimmed(execution=execution, attempt=1, last=20) in told


async def test_who_does_not_hold_an_attempt_trims_nothing_of_it(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *(b"{}" for _ in range(30)))
    event = Segmented(worker=other.id, execution=execution, attempt=1, first=1, last=20, size=9, sha256="0" * 64)
    await other.wire.emit([event])
    await world.apply()
    assert len(await world.queue.records("local", execution, 1, 0, 100)) == 30
