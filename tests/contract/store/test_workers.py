from __future__ import annotations

from perijove.model.events import Stopped
from perijove.model.fleet import WorkerState
from perijove.model.spec import Resources
from perijove_scheduler.store.tables import AttemptRow

DIGEST = "0" * 64


async def test_a_worker_that_has_left_is_gone(world) -> None:
    worker = await world.store.workers.start("local")
    await world.store.lifecycle.apply([("other", Stopped(worker=worker))])
    assert [row.id for row in await world.store.workers.live("local")] == [worker]
    await world.store.lifecycle.apply([("local", Stopped(worker=worker))])
    assert await world.store.workers.live() == []
    assert [row.state for row in await world.store.workers.ended(60)] == [WorkerState.GONE.value]


async def test_a_worker_enrols_once_and_only_into_its_group(world) -> None:
    workers = world.store.workers
    worker = await workers.start("local", Resources(cpus=2))
    agent = ("host", "1.0", Resources(cpus=4), DIGEST)
    assert await workers.enrol("other", worker, *agent) is None
    assert await workers.enrol("local", worker, *agent) == worker
    assert await workers.enrol("local", worker, *agent) is None
    row = await workers.get(worker)
    assert (row.state, row.host, row.capacity["cpus"]) == (WorkerState.IDLE.value, "host", 4)


async def test_a_worker_nobody_started_gets_an_id(world) -> None:
    worker = await world.store.workers.enrol("local", None, "host", "1.0", Resources(), DIGEST)
    assert [row.id for row in await world.store.workers.live("local")] == [worker]


async def test_a_machine_is_saved_while_it_starts_and_noticed_when_late(world) -> None:
    workers = world.store.workers
    worker = await workers.start("local")
    await workers.checkpoint(worker, {"pid": 7})
    assert [(row.id, row.machine) for row in await workers.late(0)] == [(worker, {"pid": 7})]
    assert await workers.late(3600) == []


async def test_what_has_ended_is_not_marked_again(world) -> None:
    workers = world.store.workers
    worker = await workers.start("local")
    assert await workers.mark(worker, WorkerState.DRAINING)
    assert await workers.end([worker]) == [worker]
    assert await workers.end([worker]) == []
    assert not await workers.mark(worker, WorkerState.IDLE)


async def test_a_worker_that_ended_long_ago_is_forgotten_and_its_attempts_still_name_it(world) -> None:
    workers = world.store.workers
    gone, left, live = [await workers.start("local") for _ in range(3)]
    execution = await world.execution(status="complete", worker=gone)
    async with world.store.write() as session:
        session.add(AttemptRow(execution_id=execution, attempt=1, worker=gone))
    await workers.checkpoint(left, {"pid": 7})
    await workers.end([gone, left])
    assert await workers.forget(3600, 10) == 0
    assert await workers.forget(-1, 10) == 1
    assert [await workers.get(worker) is None for worker in (gone, left, live)] == [True, False, False]
    assert [attempt.worker for attempt in await world.attempts(execution)] == [gone]


async def test_machines_that_are_left_are_found_by_id(world) -> None:
    workers = world.store.workers
    first, second, live, none = [await workers.start("local") for _ in range(4)]
    for worker in (first, second, live):
        await workers.checkpoint(worker, {"pid": 7})
    await workers.end([first, second, none])
    ends = sorted((first, second))
    assert [row.id for row in await workers.left_machines("", 10)] == ends
    assert [row.id for row in await workers.left_machines(ends[0], 10)] == ends[1:]
    assert [row.id for row in await workers.left_machines("", 1)] == ends[:1]
