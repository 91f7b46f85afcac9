from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from perijove.model.events import Advanced, Archived, Claimed, Finished, Held, LeftOut, OutputFile, Segmented
from perijove.model.fleet import WorkerState
from perijove.model.ids import new_id
from perijove.model.reasons import MOST_FREE, Reason
from perijove.model.records import Phase
from perijove.model.spec import Resources
from perijove_scheduler.store.outcomes import AttemptRef, TakenOver, Unfit
from perijove_scheduler.store.segments import Segment

ME, OTHER = new_id("wk"), new_id("wk")
DIGEST = "0" * 64
FINAL = ["complete", "error", "crashed", "stopped"]


def claimed(execution: str, attempt: int = 1, worker: str = ME) -> Claimed:
    return Claimed(execution=execution, attempt=attempt, worker=worker)


def held(execution: str, attempt: int = 1, worker: str = ME) -> Held:
    return Held(execution=execution, attempt=attempt, worker=worker)


def finished(execution: str, reason: Reason = Reason.OK, attempt: int = 1, worker: str = ME, **values) -> Finished:
    return Finished(execution=execution, attempt=attempt, worker=worker, reason=reason, **values)


async def apply(world, *events, group: str = "local"):
    return await world.store.lifecycle.apply([(group, event) for event in events])


async def started(world, **values) -> str:
    execution = await world.execution(status="queued", **values)
    await apply(world, claimed(execution))
    return execution


# ----------------------------------------------------------------------------------------------- admission


async def test_admission_queues_what_was_created_and_returns_its_ticket(world) -> None:
    created = await world.execution()
    (offer,) = await world.store.lifecycle.admit([created])
    ticket = offer.ticket()
    assert (ticket.execution, ticket.attempt, ticket.project, ticket.owner) == (created, 1, "project", "ada")
    assert ticket.spec.command == ["true"]
    row = await world.row(created)
    assert row.status == "queued"
    assert row.queued_at is not None


async def test_admission_keeps_the_order_asked_for(world) -> None:
    ids = await world.executions(3)
    offers = await world.store.lifecycle.admit(ids[::-1])
    assert [offer.id for offer in offers] == ids[::-1]


@pytest.mark.parametrize("status", ["queued", "started", "stopped", "complete"])
async def test_admission_leaves_everything_else_alone(world, status: str) -> None:
    execution = await world.execution(status=status)
    assert await world.store.lifecycle.admit([execution, "ex-unknown"]) == []
    assert (await world.row(execution)).status == status


async def test_what_can_never_run_is_refused_while_it_waits(world) -> None:
    created, running = await world.execution(), await world.execution(status="started")
    unfit = [Unfit(created, 1, Resources()), Unfit(running, 1, Resources())]
    assert await world.store.lifecycle.refuse(unfit, "It needs 9 GPUs.") == [created]
    row = await world.row(created)
    assert (row.status, row.reason, row.detail) == ("crashed", "unschedulable", "It needs 9 GPUs.")
    assert row.finished_at is not None


# --------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("announce", [claimed, held])
async def test_a_claim_starts_a_queued_execution(world, announce) -> None:
    execution = await world.execution(status="queued")
    applied = await apply(world, announce(execution))
    row = await world.row(execution)
    assert (row.status, row.worker, row.started_at is None) == ("started", ME, False)
    assert [(a.attempt, a.worker) for a in await world.attempts(execution)] == [(1, ME)]
    assert (applied.changed, applied.stale) == ([execution], [])


@pytest.mark.parametrize("announce", [claimed, held])
async def test_announcing_again_what_one_holds_changes_nothing(world, announce) -> None:
    execution = await started(world)
    applied = await apply(world, announce(execution))
    assert (applied.changed, applied.stale) == ([], [])
    assert len(await world.attempts(execution)) == 1


@pytest.mark.parametrize("announce", [claimed, held])
@pytest.mark.parametrize("status", ["created", *FINAL])
async def test_what_nobody_may_hold_is_stale(world, announce, status: str) -> None:
    execution = await world.execution(status=status)
    applied = await apply(world, announce(execution))
    assert applied.stale == [AttemptRef("local", execution, 1, ME)]
    assert (applied.changed, await world.attempts(execution)) == ([], [])


async def test_a_stale_attempt_changes_nothing(world) -> None:
    execution = await world.execution(status="queued", attempt=2)
    applied = await apply(world, claimed(execution), finished(execution))
    assert applied.stale == [AttemptRef("local", execution, 1, ME)]
    assert ((await world.row(execution)).status, applied.changed, applied.finished) == ("queued", [], [])


async def test_a_second_worker_of_the_same_attempt_is_stale(world) -> None:
    execution = await started(world)
    applied = await apply(world, held(execution, worker=OTHER), finished(execution, worker=OTHER))
    assert applied.stale == [AttemptRef("local", execution, 1, OTHER)]
    assert (await world.row(execution)).worker == ME


async def test_an_execution_that_is_gone_is_stale(world) -> None:
    gone = new_id("ex")
    assert (await apply(world, held(gone))).stale == [AttemptRef("local", gone, 1, ME)]


async def test_a_worker_speaks_for_its_own_group_only(world) -> None:
    execution = await started(world)
    applied = await apply(world, finished(execution), group="other")
    assert (applied.changed, (await world.row(execution)).status) == ([], "started")


# ------------------------------------------------------------------------------------------------- progress


async def test_progress_is_merged(world) -> None:
    execution = await started(world)
    one = Advanced(execution=execution, attempt=1, worker=ME, phase=Phase.RUNNING, done=1, total=4, metadata={"a": 1})
    await apply(world, one, one.model_copy(update={"done": 3, "phase": None, "metadata": {"b": 2}}))
    row = await world.row(execution)
    assert (row.phase, row.done, row.total, row.values) == ("running", 3, 4, {"a": 1, "b": 2})


async def test_progress_that_comes_again_late_does_not_go_back(world) -> None:
    execution = await started(world)
    early = Advanced(execution=execution, attempt=1, worker=ME, phase=Phase.PREPARING, done=1)
    late = Advanced(execution=execution, attempt=1, worker=ME, phase=Phase.RUNNING, done=2)
    await apply(world, early, late)
    assert (await apply(world, early)).changed == []


async def test_values_no_database_takes_are_made_plain(world) -> None:
    execution = await started(world)
    odd = {"loss": float("nan"), "text": "a\0b", "deep": [{"k\0": float("inf")}]}
    await apply(world, finished(execution, metadata=odd, detail="end\0"))
    row = await world.row(execution)
    assert row.values == {"loss": None, "text": "a\ufffdb", "deep": [{"k\ufffd": None}]}
    assert row.detail == "end\ufffd"


async def test_of_a_batch_with_a_value_that_cannot_be_stored_nothing_is_written(world) -> None:
    poisoned, healthy = await started(world), await started(world)
    with pytest.raises((DBAPIError, OverflowError)):
        await apply(world, finished(healthy), finished(poisoned).model_copy(update={"records": 2**70}))
    assert (await world.row(healthy)).status == "started"


# ------------------------------------------------------------------------------------------------------ end


@pytest.mark.parametrize(
    ("reason", "status"),
    [(Reason.OK, "complete"), (Reason.CELL_ERROR, "error"), (Reason.TIME_LIMIT, "error"),
     (Reason.STOPPED_BY_USER, "stopped"), (Reason.INPUT_FAILED, "error")],
)  # fmt: skip
async def test_the_reason_decides_the_final_status(world, reason: Reason, status: str) -> None:
    execution = await started(world)
    applied = await apply(world, finished(execution, reason, detail="said so", records=7))
    row, (attempt,) = await world.row(execution), await world.attempts(execution)
    assert (row.status, row.reason, row.detail) == (status, reason.value, "said so")
    assert None not in (row.finished_at, attempt.finished_at)
    assert (attempt.reason, attempt.records) == (reason.value, 7)
    assert applied.finished == [AttemptRef("local", execution, 1, ME)]


async def test_outputs_environment_and_metadata_become_visible_with_the_end(world) -> None:
    execution = await started(world)
    files = [OutputFile(name=n, size=2**40, sha256=DIGEST) for n in ("model.bin", "a/b.csv", "model.bin")]
    environment = {"packages": {"numpy": "2"}}
    end = finished(execution, outputs=files, environment=environment, metadata={"accuracy": 0.5}, done=3, total=4)
    await apply(world, end)
    outputs = await world.outputs(execution)
    row = await world.row(execution)
    assert [(o.name, o.size, o.attempt) for o in outputs] == [("a/b.csv", 2**40, 1), ("model.bin", 2**40, 1)]
    assert (row.environment, row.values, row.done, row.total) == (environment, {"accuracy": 0.5}, 3, 4)


async def test_finishing_twice_changes_nothing_more(world) -> None:
    execution = await started(world)
    end = finished(execution, outputs=[OutputFile(name="x", size=1, sha256=DIGEST)])
    await apply(world, end)
    before = await world.row(execution)
    applied = await apply(world, end, claimed(execution))
    assert (applied.changed, applied.finished) == ([], [])
    assert (await world.row(execution)).finished_at == before.finished_at
    assert len(await world.outputs(execution)) == 1


async def test_an_end_whose_claim_was_lost_counts(world) -> None:
    execution = await world.execution(status="queued")
    await apply(world, finished(execution))
    row, (attempt,) = await world.row(execution), await world.attempts(execution)
    assert (row.status, row.worker, attempt.worker, attempt.reason) == ("complete", ME, ME, "ok")
    assert row.started_at is not None


async def test_a_whole_life_may_lie_in_one_batch(world) -> None:
    execution = await world.execution(status="queued", retries_left=1)
    applied = await apply(
        world, claimed(execution), finished(execution, Reason.IMAGE_FAILED),
        claimed(execution, 2, OTHER), finished(execution, attempt=2, worker=OTHER),
    )  # fmt: skip
    assert ((await world.row(execution)).status, applied.changed) == ("complete", [execution])
    assert [(a.worker, a.reason) for a in await world.attempts(execution)] == [(ME, "image_failed"), (OTHER, "ok")]
    assert applied.requeued == []


async def test_failed_infrastructure_costs_a_retry(world) -> None:
    execution = await started(world, retries_left=1)
    applied = await apply(world, finished(execution, Reason.IMAGE_FAILED, outputs=[]))
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left, row.worker) == ("queued", 2, 0, None)
    assert [(offer.id, offer.attempt) for offer in applied.requeued] == [(execution, 2)]
    assert applied.finished == [AttemptRef("local", execution, 1, ME)]


async def test_failed_infrastructure_crashes_it_when_no_retry_is_left(world) -> None:
    execution = await started(world, retries_left=0)
    await apply(world, finished(execution, Reason.IMAGE_FAILED))
    assert (await world.row(execution)).status == "crashed"


async def test_work_handed_back_costs_no_retry_and_shows_no_outputs(world) -> None:
    execution = await started(world, retries_left=0)
    files = [OutputFile(name="half", size=1, sha256=DIGEST)]
    applied = await apply(world, finished(execution, Reason.WORKER_DRAINED, outputs=files, metadata={"a": 1}))
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left, row.values) == ("queued", 2, 0, {})
    assert (await world.outputs(execution), len(applied.requeued)) == ([], 1)


async def test_work_is_handed_back_for_nothing_only_so_often(world) -> None:
    execution = await started(world, retries_left=2)
    for attempt in range(1, MOST_FREE + 1):
        await apply(world, finished(execution, Reason.WORKER_DRAINED, attempt=attempt))
        assert (await world.row(execution)).status == "queued"
        await apply(world, claimed(execution, attempt=attempt + 1))
    await apply(world, finished(execution, Reason.WORKER_DRAINED, attempt=MOST_FREE + 1))
    row = await world.row(execution)
    assert (row.status, row.reason, row.retries_left) == ("crashed", "worker_drained", 2)
    assert row.detail == f"That happened {MOST_FREE + 1} times, so it is not tried again."


async def test_a_worker_that_left_by_itself_costs_a_retry(world) -> None:
    execution = await started(world, retries_left=1)
    await apply(world, finished(execution, Reason.WORKER_LEFT))
    row = await world.row(execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 0)


async def test_what_an_attempt_waits_for_is_kept_until_it_ends(world) -> None:
    execution = await started(world, retries_left=1)
    said = Advanced(worker=ME, execution=execution, attempt=1, waits="It waits for the object store.\0")
    await apply(world, said)
    assert (await world.row(execution)).waits_for == "It waits for the object store.\ufffd"
    await apply(world, Advanced(worker=ME, execution=execution, attempt=1, done=1, total=2))
    assert (await world.row(execution)).waits_for.startswith("It waits")
    await apply(world, finished(execution, Reason.WORKER_LEFT))
    assert (await world.row(execution)).waits_for == ""


# ----------------------------------------------------------------------------------------------------- stop


@pytest.mark.parametrize("status", ["created", "queued"])
async def test_what_waits_is_stopped_at_once(world, status: str) -> None:
    execution = await world.execution(status=status)
    outcome = await world.store.lifecycle.stop(execution)
    row = await world.row(execution)
    assert (outcome.before, outcome.after) == (status, "stopped")
    assert (row.status, row.reason, row.finished_at is None) == ("stopped", "stopped_by_user", False)


async def test_what_runs_is_stopping_until_its_worker_says_so(world) -> None:
    execution = await started(world)
    outcome = await world.store.lifecycle.stop(execution)
    assert (outcome.after, outcome.attempt) == ("stopping", AttemptRef("local", execution, 1, ME))
    await apply(world, finished(execution, Reason.STOPPED_BY_USER))
    assert (await world.row(execution)).status == "stopped"


@pytest.mark.parametrize("status", ["stopping", *FINAL])
async def test_stopping_again_changes_nothing(world, status: str) -> None:
    execution = await world.execution(status=status)
    outcome = await world.store.lifecycle.stop(execution)
    assert (outcome.before, outcome.after) == (status, status)
    assert await world.store.lifecycle.stop("ex-unknown") is None


@pytest.mark.parametrize(
    ("reason", "status", "shown"),
    [
        (Reason.OK, "complete", Reason.OK),
        (Reason.CELL_ERROR, "error", Reason.CELL_ERROR),
        (Reason.IMAGE_FAILED, "stopped", Reason.STOPPED_BY_USER),
        (Reason.WORKER_DRAINED, "stopped", Reason.STOPPED_BY_USER),
    ],
)
async def test_what_ends_while_stopping_never_runs_again(world, reason: Reason, status: str, shown: Reason) -> None:
    execution = await started(world)
    await world.store.lifecycle.stop(execution)
    applied = await apply(world, finished(execution, reason))
    row = await world.row(execution)
    assert (row.status, row.reason, row.attempt, applied.requeued) == (status, shown.value, 1, [])


# ------------------------------------------------------------------------------------------------- lost workers


async def test_a_lost_workers_execution_goes_on_elsewhere(world) -> None:
    execution = await started(world, retries_left=2)
    lost = await world.store.lifecycle.lose([ME])
    row, (attempt,) = await world.row(execution), await world.attempts(execution)
    assert (row.status, row.attempt, row.retries_left) == ("queued", 2, 1)
    assert (attempt.reason, attempt.finished_at is None, attempt.records) == ("worker_lost", False, None)
    assert ([o.attempt for o in lost.requeued], lost.ended) == ([2], [AttemptRef("local", execution, 1)])
    assert lost.changed == [execution]


async def test_a_lost_workers_execution_crashes_without_retries(world) -> None:
    execution = await started(world, retries_left=0)
    lost = await world.store.lifecycle.lose([ME])
    row = await world.row(execution)
    assert (row.status, row.reason) == ("crashed", "worker_lost")
    assert lost.crashed == [AttemptRef("local", execution, 1, ME)]


async def test_what_was_stopping_on_a_lost_worker_is_stopped(world) -> None:
    execution = await started(world)
    await world.store.lifecycle.stop(execution)
    lost = await world.store.lifecycle.lose([ME])
    assert ((await world.row(execution)).status, len(lost.stopped)) == ("stopped", 1)


async def test_losing_a_worker_twice_takes_one_retry(world) -> None:
    execution = await started(world, retries_left=2)
    await world.store.lifecycle.lose([ME])
    lost = await world.store.lifecycle.lose([ME])
    assert (lost.changed, (await world.row(execution)).retries_left) == ([], 1)


async def test_a_worker_that_comes_back_finds_its_attempt_superseded(world) -> None:
    execution = await started(world)
    await world.store.lifecycle.lose([ME])
    applied = await apply(world, held(execution), finished(execution))
    assert (applied.stale, applied.changed) == ([AttemptRef("local", execution, 1, ME)], [])


async def test_a_lost_workers_row_ends(world) -> None:
    workers = world.store.workers
    worker = await workers.start("local")
    await world.store.lifecycle.lose([worker])
    row = await workers.get(worker)
    assert (row.state, row.ended_at is None) == (WorkerState.LOST.value, False)


# -------------------------------------------------------------------------------------------------- archive


async def test_an_attempt_is_archived_once_and_by_its_own_worker(world) -> None:
    execution = await started(world)
    await apply(world, finished(execution, records=5))
    mine = Archived(execution=execution, attempt=1, worker=ME, records=5, size=9, sha256=DIGEST)
    await apply(world, mine.model_copy(update={"worker": OTHER, "records": 1}))
    assert (await world.attempts(execution))[0].archived_at is None
    applied = await apply(world, mine)
    (attempt,) = await world.attempts(execution)
    assert (attempt.archived_at is None, attempt.records) == (False, 5)
    assert applied.archived == [AttemptRef("local", execution, 1, ME)]


async def test_an_archive_that_comes_after_the_masters_own_counts_if_it_has_more(world) -> None:
    # The master gave up waiting, and archived the little that a flushed Redis still had.
    execution = await started(world)
    await apply(world, finished(execution, records=5))
    await world.store.lifecycle.archived(execution, 1, 0)
    late = Archived(execution=execution, attempt=1, worker=ME, records=5, size=9, sha256=DIGEST)
    await apply(world, late.model_copy(update={"worker": OTHER}))
    assert (await world.attempts(execution))[0].records == 0
    await apply(world, late)
    assert (await world.attempts(execution))[0].records == 5
    await apply(world, late.model_copy(update={"records": 3}))
    assert (await world.attempts(execution))[0].records == 5


def segmented(execution: str, first: int, last: int, worker: str = ME, attempt: int = 1) -> Segmented:
    return Segmented(execution=execution, attempt=attempt, worker=worker, first=first, last=last, size=9, sha256=DIGEST)


async def test_the_segments_of_a_running_attempt_are_noted_once_and_in_order(world) -> None:
    execution = await started(world)
    events = [segmented(execution, 11, 30), segmented(execution, 1, 10)]
    applied = await apply(world, *events)
    mine = AttemptRef("local", execution, 1, ME)
    assert applied.segmented == [TakenOver(mine, 30), TakenOver(mine, 10)]
    assert (await apply(world, *events)).segmented == applied.segmented
    segments = world.store.segments
    assert await segments.of(execution, 1) == [Segment(1, 10, 9), Segment(11, 30, 9)]
    assert await segments.of(execution, 1, after=10) == [Segment(11, 30, 9)]
    assert await segments.last(execution, 1) == 30
    assert await segments.known([execution]) == {(execution, 1, 1, 10), (execution, 1, 11, 30)}


async def test_a_segment_is_noted_for_the_attempts_own_worker_only(world) -> None:
    execution = await started(world)
    wrong = [
        segmented(execution, 1, 10, worker=OTHER),
        segmented(execution, 1, 10, attempt=2),
        segmented(execution, 9, 1),
    ]
    assert (await apply(world, *wrong)).segmented == []
    assert await world.store.segments.last(execution, 1) == 0


async def test_the_archiver_finds_what_no_agent_archived(world) -> None:
    execution = await started(world)
    lifecycle = world.store.lifecycle
    await lifecycle.lose([ME])
    (todo,) = await lifecycle.to_archive(0, 10)
    assert (todo.group, todo.execution, todo.attempt, todo.records) == ("local", execution, 1, None)
    assert await lifecycle.to_archive(3600, 10) == []
    await lifecycle.archived(execution, 1, 12)
    assert await lifecycle.to_archive(0, 10) == []
    assert (await world.attempts(execution))[0].records == 12


async def test_what_was_left_out_is_kept_with_the_attempt_and_counted_with_the_execution(world) -> None:
    execution = await started(world)
    bad = LeftOut(name="loop ☃", why="it is a link that leads to itself")
    again = finished(execution, Reason.OUTPUT_FAILED, left_out=[bad], left_out_count=7)
    await apply(world, again)
    assert (await world.row(execution)).left_out == 0
    await apply(world, claimed(execution, 2), finished(execution, attempt=2, left_out=[bad, bad], left_out_count=2))
    assert (await world.row(execution)).left_out == 2
    assert [row.left_out for row in await world.attempts(execution)] == [[bad.model_dump()], [bad.model_dump()] * 2]
