from __future__ import annotations

from perijove.model.events import Advanced
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.spec import Resources


async def why(world, execution: str) -> str:
    return (await world.services.executions.why(world.ada, execution)).sentence


async def connect(world, group: str = "local", cpus: float = 4) -> None:
    capacity = Resources(cpus=cpus)
    worker = await world.store.workers.enrol(group, None, "host", "1", capacity, "0" * 64)
    await world.queue.agent(group, worker).register(capacity, "1", "host")


async def test_nobody_is_connected_to_a_group_started_by_hand(local) -> None:
    made = await local.submit()
    assert await why(local, made.id) == "No worker of group local is connected."


async def test_it_waits_for_its_fair_share(local) -> None:
    await local.submit()
    await local.submit(local.bob)
    made = await local.submit()
    await connect(local)
    told = await local.services.executions.why(local.ada, made.id)
    assert told.sentence.startswith("It waits for its fair share of group local: ")
    assert (told.waiting, told.position in (1, 2)) == (3, True)


async def test_it_is_next(local) -> None:
    await connect(local)
    made = await local.submit()
    await local.store.lifecycle.admit([made.id])
    assert await why(local, made.id) == "It is next: it waits for a free worker of group local."


async def test_a_machine_is_starting(world) -> None:
    await world.group(provider="process", max_workers=1)
    made = await world.submit()
    assert await why(world, made.id) == "Group local has no worker yet; one is about to be started."
    await world.store.workers.start("local")
    assert await why(world, made.id) == "A worker of group local is starting."


async def test_a_group_may_have_no_worker(world) -> None:
    await world.group(provider="process", max_workers=0)
    made = await world.submit()
    assert await why(world, made.id) == "Group local may have no worker."


async def test_the_only_worker_is_busy(world) -> None:
    await world.group(provider="process", max_workers=1)
    await connect(world)
    running, waiting = await world.submit(), await world.submit()
    await world.start(running.id)
    assert await why(world, waiting.id) == "The only worker that group local may have is busy."


async def test_what_has_ended_says_how(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    assert await why(local, made.id) == "It has started."
    await local.finish(made.id, reason=Reason.CELL_ERROR, detail="ValueError: x")
    assert await why(local, made.id) == "A cell raised an exception. ValueError: x"


async def test_what_a_started_one_waits_for_is_said(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    waits = "It waits for the object store."
    await local.apply(Advanced(worker=local.worker, execution=made.id, attempt=1, phase=Phase.UPLOADING, waits=waits))
    assert await why(local, made.id) == f"It is uploading its outputs. {waits}"


async def test_another_attempt_waits(local) -> None:
    await connect(local)
    made = await local.submit()
    await local.start(made.id)
    await local.finish(made.id, reason=Reason.WORKER_DRAINED)
    assert await why(local, made.id) == "Attempt 2 waits for a free worker of group local."


async def test_it_waits_for_a_larger_worker(local) -> None:
    await connect(local, cpus=2)
    made = await local.submit(spec={"command": "true", "group": "local", "resources": {"cpus": 3}})
    told = await local.services.executions.why(local.ada, made.id)
    assert told.sentence == (
        "It waits for a larger worker of group local: it asks for 3 CPUs, and those that are there have 2 CPUs."
    )
    assert (told.position, told.waiting) == (1, 1)
