"""Whose events are taken, what becomes of those that are not, and that no group waits for another."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace

import pytest
from sqlalchemy import text

from perijove.errors import Forbidden, Unavailable
from perijove.model.events import Advanced, Claimed, Finished, Held, ObjectRequest, OutputFile, SignRequest, Stopped
from perijove.model.fleet import WorkerState
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.spec import Resources
from perijove.wire.envelopes import Envelope, sealed
from perijove.wire.limits import EVENT_LIMIT
from perijove_scheduler.loops.events import applier
from perijove_scheduler.loops.events.batches import TRIES, failing
from perijove_scheduler.loops.events.intake import Intake
from perijove_scheduler.queue.protocol import Delivery
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.events import Events
from perijove_scheduler.store.rejections import KEPT, Rejection

ROOT = Caller("root", frozenset(), frozenset({"admin"}))


async def shown(world) -> list[tuple[str, str]]:
    """Return kind and reason of each event that an administrator is shown, the latest first."""
    return [(each.kind, each.why) for each in (await Events(world.store).rejected(ROOT, None, 1000)).items]


def forge(world, agent, event, group: str = "local") -> None:
    """Put an event on a group's stream as the worker `agent` seals it, whatever it says."""
    world.queue.state(group).emit(sealed(event, agent.wire.event_key))


async def test_an_event_in_a_neighbours_name_changes_nothing_and_is_shown(world) -> None:
    agent, neighbour = await world.agent(), await world.agent()
    execution = await world.running(agent)
    for kind in (Finished, Advanced, Held):
        values = {"reason": Reason.OK} if kind is Finished else {}
        forge(world, neighbour, kind(worker=agent.id, execution=execution, attempt=1, **values))
    forge(world, neighbour, Stopped(worker=agent.id))
    await world.apply()
    assert (await world.status(execution), (await world.row(execution)).worker) == ("started", agent.id)
    assert (await world.worker(agent.id)).state == WorkerState.IDLE
    assert [why for _, why in await shown(world)] == ["It was not sealed by the worker it names."] * 4


async def test_a_sealed_event_whose_document_was_exchanged_changes_nothing(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    mine = sealed(Advanced(worker=agent.id, execution=execution, attempt=1), agent.wire.event_key)
    other = Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK).model_dump_json().encode()
    world.queue.state("local").emit(Envelope(mine.worker, mine.header, mine.seal, other))
    await world.apply()
    assert await world.status(execution) == "started"
    assert [kind for kind, _ in await shown(world)] == ["advanced"]


async def test_stopped_on_another_groups_stream_revokes_nobody(world) -> None:
    await world.group("other")
    agent, evil = await world.agent(), await world.agent("other")
    await world.queue.grant("local", agent.id, "0" * 64)
    await agent.wire.emit([])
    for sender in (agent, evil):
        forge(world, sender, Stopped(worker=agent.id), group="other")
    await world.apply()
    assert (await world.worker(agent.id)).state == WorkerState.IDLE
    assert agent.id in world.queue.granted
    assert {why for _, why in await shown(world)} == {
        "Its worker is of group local, and it came by the stream of other.",
        "It was not sealed by the worker it names.",
    }


async def test_a_worker_that_enrolled_again_is_believed_by_its_new_key_only(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    old = agent.wire
    await world.store.workers.enrol("local", agent.id, "host", "1", Resources(cpus=2), "f" * 64, again=True)
    event = Advanced(worker=agent.id, execution=execution, attempt=1, done=1, total=2)
    new = world.queue.agent("local", agent.id, world.keys.event_key(agent.id, "f" * 64))
    await new.emit([event])
    await world.apply()
    assert (await world.row(execution)).done == 1
    await old.emit([event.model_copy(update={"done": 2})])
    await world.apply()
    assert (await world.row(execution)).done == 1


async def test_a_last_event_that_cannot_be_read_ends_its_attempt_once_and_counts_as_a_retry(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent, retries=1)
    good = sealed(Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK), "")
    document = good.document.replace(b'"metadata":{}', b'"metadata":{"a":' + b"[" * 300 + b"]" * 300 + b"}")
    for _ in range(2):
        world.queue.state("local").emit(resealed(agent, good, document))
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 0)
    assert (await world.attempt(execution, 1)).reason == "agent_failed"
    assert await shown(world) == [("finished", "It cannot be read.")] * 2


@pytest.mark.parametrize("attempt", ["0", "1000001", "9999999", "-1", "1.5", "²"])
async def test_a_last_event_of_an_attempt_that_cannot_be_ends_nothing_and_holds_nothing_up(world, attempt) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    good = sealed(Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK), "")
    strange = replace(good, header=good.header.replace(f"{execution} 1 ", f"{execution} {attempt} "))
    world.queue.state("local").emit(resealed(agent, strange, b"{"))
    await agent.finish(execution)
    await world.apply()
    assert await world.status(execution) == "complete"
    assert world.applier.rejected == {"local": 1}


async def test_a_last_event_that_is_too_large_to_be_read_ends_its_attempt_and_says_so(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent, retries=0)
    good = sealed(Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK), "")
    world.queue.state("local").emit(resealed(agent, good, b" " * (EVENT_LIMIT + 1)))
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.reason) == ("crashed", "agent_failed")
    assert "33,554,433 bytes" in row.detail


async def test_a_last_event_in_anothers_name_that_cannot_be_read_ends_nothing(world) -> None:
    agent, neighbour = await world.agent(), await world.agent()
    execution = await world.running(agent)
    good = sealed(Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK), "")
    world.queue.state("local").emit(resealed(neighbour, good, b"{"))
    mine = sealed(Finished(worker=neighbour.id, execution=execution, attempt=1, reason=Reason.OK), "")
    world.queue.state("local").emit(resealed(neighbour, mine, b"{"))
    await world.apply()
    assert await world.status(execution) == "started"


async def test_an_event_that_cannot_be_applied_is_set_aside_and_the_others_are_applied(world) -> None:
    first, second = await world.agent(), await world.agent()
    poisoned, healthy = await world.running(first, retries=0), await world.running(second)
    async with world.store.write() as session:
        refusing = "BEFORE UPDATE ON executions WHEN NEW.metadata LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'no'); END"
        await session.execute(text(f"CREATE TRIGGER refusing {refusing}"))
    await first.finish(poisoned, metadata={"poison": 1})
    await second.finish(healthy)
    await world.apply()
    assert await world.status(healthy) == "complete"
    row = await world.row(poisoned)
    assert (row.status, row.reason) == ("crashed", "agent_failed")
    assert "was not applied" in row.detail
    assert await shown(world) == [("finished", "It could not be applied: IntegrityError: no")]
    assert world.applier.rejected == {"local": 1}


async def test_a_claim_is_written_although_the_url_that_goes_ahead_of_its_request_cannot_be_signed(world) -> None:
    async def broken(group, requests):
        raise ValueError("no URL for this one")

    world.sign = broken
    world.be_born()
    execution = await world.running(await world.agent(), command=None, notebook={"path": "a.ipynb", "sha256": "0" * 64})
    assert (await world.status(execution), await shown(world)) == ("started", [])


@pytest.mark.parametrize("bad", [set(), {0}, {63}, {5, 6, 40}])
async def test_what_fails_by_itself_is_found_by_halving(bad) -> None:
    calls, done = [], []

    async def work(items):
        calls.append(items)
        if bad & set(items):
            raise ValueError(items)
        done.extend(items)

    failed = await failing(range(64), work)
    assert [item for item, _ in failed] == sorted(bad)
    assert done == [item for item in range(64) if item not in bad]
    assert len(calls) <= 1 + 12 * len(bad)


async def test_a_large_event_is_read_beside_the_event_loop(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    names = (f"folder/output-{n}.bin" for n in range(20_000))
    outputs = [OutputFile(name=name, size=1, sha256="0" * 64) for name in names]
    event = Finished(worker=agent.id, execution=execution, attempt=1, reason=Reason.OK, outputs=outputs)
    delivery = Delivery("local", "1-0", sealed(event, agent.wire.event_key))
    reading = asyncio.create_task(Intake(world.store, world.keys).read([delivery]))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    ((accepted,), refused) = reading.result()
    assert (accepted.event, refused) == (event, [])
    assert turns > 20


async def test_a_database_that_is_away_sets_nothing_aside(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.finish(execution)
    for _ in range(TRIES + 1):
        deliveries = await world.queue.read_events(["local"], "applier", 0, 100)
        assert len(deliveries) == 1
        await world.store.aclose()
        world.queue.reachable = False
        with pytest.raises(Unavailable):
            await world.applier.handle(deliveries)
        world.queue.reachable = True
    await world.apply()
    assert (await world.status(execution), await shown(world)) == ("complete", [])


async def test_a_group_whose_signing_is_slow_does_not_delay_anothers_events(world) -> None:
    await world.group("slow")
    signing, release = asyncio.Event(), asyncio.Event()
    sign = world.sign

    async def slowly(group, requests):
        if group == "slow":
            signing.set()
            await release.wait()
        return await sign(group, requests)

    world.sign = slowly
    world.be_born()
    agent, other = await world.agent(), await world.agent("slow")
    changes = world.queue.changes()
    assert await anext(changes) == []
    ask = SignRequest(
        worker=other.id, execution=new_id("ex"), attempt=1, request="r", objects=[ObjectRequest(what="log")]
    )
    await other.wire.emit([ask])
    world.applier.start()
    await asyncio.wait_for(signing.wait(), 10)
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    while await world.status(execution) != "started":
        await asyncio.wait_for(anext(changes), 10)
    assert not release.is_set()
    release.set()
    await world.applier.stop()


async def test_a_group_whose_events_fail_waits_and_the_others_do_not(world, monkeypatch) -> None:
    monkeypatch.setattr(applier, "_FIRST_PAUSE", 600.0)
    monkeypatch.setattr(applier, "_LONGEST_PAUSE", 600.0)
    await world.group("broken")
    sign, asked = world.sign, []

    async def broken(group, requests):
        if group == "broken" and requests:
            asked.append(requests)
            raise Unavailable("The store of this group is away.")
        return await sign(group, requests)

    world.sign = broken
    world.be_born()
    agent, other = await world.agent(), await world.agent("broken")
    ask = SignRequest(
        worker=other.id, execution=new_id("ex"), attempt=1, request="r", objects=[ObjectRequest(what="log")]
    )
    await other.wire.emit([ask])
    execution = await world.running_by_turns(agent)
    assert await world.status(execution) == "started"
    assert len(world.queue.state("broken").events.entries) == 1
    for _ in range(3):
        await world.applier.turn()
    assert len(asked) == 1


async def test_the_urls_that_one_worker_asks_for_at_once_are_bounded_and_the_rest_is_asked_for_again(world) -> None:
    agent, other = await world.agent(), await world.agent()
    mine, theirs = await world.running(agent), await world.running(other)
    objects = [ObjectRequest(what="output", name=str(n)) for n in range(1000)]
    flood = [
        SignRequest(worker=agent.id, execution=mine, attempt=1, request=f"r{n}", objects=objects) for n in range(9)
    ]
    one = SignRequest(worker=other.id, execution=theirs, attempt=1, request="r", objects=objects)
    await agent.wire.emit(flood)
    await other.wire.emit([one])
    await world.apply()
    assert world.signed == ["r0", "r1", "r2", "r3", "r4", "r"]


async def test_of_the_events_set_aside_the_latest_of_each_group_are_kept(world) -> None:
    many = [Rejection("local", "w\0\ud800", "kind", "", n, "why " * 500, b"\xff\0" * 10_000) for n in range(KEPT + 50)]
    await world.store.rejections.add("local", many[:KEPT])
    await world.store.rejections.add("local", many[KEPT:])
    await world.store.rejections.add("other", [replace(many[0], group="other")])
    kept = (await Events(world.store).rejected(ROOT, None, 1000)).items
    assert [each.attempt for each in kept if each.group == "local"] == list(range(KEPT + 49, 49, -1))
    assert (kept[-1].size, len(kept[-1].document) <= 8192, len(kept)) == (20_000, True, KEPT + 1)
    page = await Events(world.store).rejected(ROOT, kept[0].id, 2)
    assert [each.id for each in page.items] == [each.id for each in kept[1:3]]
    assert page.next == kept[2].id


async def test_only_administrators_are_shown_what_was_set_aside(world) -> None:
    with pytest.raises(Forbidden):
        await Events(world.store).rejected(Caller("ada", frozenset(), frozenset({"read", "submit"})), None, 10)


async def test_a_claim_is_told_by_a_sealed_event_of_its_worker(world) -> None:
    agent = await world.agent()
    await world.submit()
    await world.dispatcher.turn()
    execution = await agent.claim()
    (delivery,) = await world.queue.read_events(["local"], "applier", 0, 10)
    assert delivery.event == Claimed(worker=agent.id, execution=execution, attempt=1)
    assert delivery.envelope.is_sealed_with(agent.wire.event_key)


def asking(agent, execution: str, request: str = "r", objects: list[ObjectRequest] | None = None) -> SignRequest:
    wanted = objects or [ObjectRequest(what="log")]
    return SignRequest(worker=agent.id, execution=execution, attempt=1, request=request, objects=wanted)


def resealed(agent, envelope: Envelope, document: bytes) -> Envelope:
    """Return what a worker of bad software would send: another document, sealed with its key."""

    kind, execution, attempt, _ = envelope.header.split(" ")
    header = f"{kind} {execution} {attempt} {hashlib.sha256(document).hexdigest()}"
    seal = hmac.new(agent.wire.event_key.encode(), f"{envelope.worker} {header}".encode(), "sha256").hexdigest()
    return Envelope(envelope.worker, header, seal, document)
