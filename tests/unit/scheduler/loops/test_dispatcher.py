"""Admission: how much, in which order, and what is refused."""

from __future__ import annotations

import hashlib
import json

import pytest

from perijove.model.reasons import Reason
from perijove.model.records import INLINE_LIMIT
from perijove.model.spec import Resources
from perijove_scheduler.files.protocol import notebook_key


async def owners_in_order(agent) -> list[str]:
    """Claim until the queue is empty; return whose work came in which order."""
    owners = []
    while execution := await agent.claim():
        owners.append((await agent.world.row(execution)).owner)
    return owners


async def test_waiting_work_is_admitted_and_offered(world) -> None:
    (execution,) = await world.submit()
    await world.dispatcher.turn()
    assert await world.status(execution) == "queued"
    assert await (await world.agent()).claim() == execution


async def test_the_person_with_the_least_running_goes_first(world) -> None:
    await world.submit("ada", 3)
    await world.dispatcher.turn()
    await world.submit("ada", 2)
    await world.submit("bob", 2)
    await world.dispatcher.turn()
    assert await owners_in_order(await world.agent()) == ["ada", "ada", "ada", "bob", "bob", "ada"]


async def test_a_group_is_filled_up_to_what_it_can_run_and_a_little_more(world) -> None:
    await world.submit(count=20)
    await world.dispatcher.turn()
    # Two machines of two CPUs, and one machine's worth beyond.
    assert await world.queue.depths(["local"]) == {"local": 6}


async def test_small_work_is_admitted_by_its_size_not_by_its_count(world) -> None:
    await world.submit(count=100, resources={"cpus": 0.1})
    await world.dispatcher.turn()
    assert await world.queue.depths(["local"]) == {"local": 60}


async def test_more_is_admitted_when_something_ends(world) -> None:
    await world.submit(count=7)
    await world.dispatcher.turn()
    agent = await world.agent()
    execution = await agent.claim()
    await agent.finish(execution)
    await world.apply()
    await world.dispatcher.turn()
    assert await world.queue.depths(["local"]) == {"local": 6}


async def test_a_line_longer_than_one_look_is_admitted_in_passes(world) -> None:
    await world.group("large", max_workers=100)
    await world.submit("ada", 150, group="large")
    await world.submit("bob", 3, group="large")
    await world.dispatcher.turn()
    assert await world.queue.depths(["large"]) == {"large": 153}


async def test_the_first_admissions_of_a_long_line_are_fair(world) -> None:
    await world.group("large", max_workers=100)
    await world.submit("ada", 150, group="large")
    await world.submit("bob", 3, group="large")
    await world.dispatcher.turn()
    agent = await world.agent("large")
    assert [(await world.row(await agent.claim())).owner for _ in range(6)] == ["ada", "bob"] * 3


async def test_a_group_that_is_paused_admits_nothing(world) -> None:
    await world.group("paused", max_workers=0)
    (execution,) = await world.submit(group="paused")
    await world.dispatcher.turn()
    assert await world.status(execution) == "created"


async def test_what_no_machine_can_ever_run_is_refused_and_holds_nobody_up(world) -> None:
    (never,) = await world.submit("ada", resources={"cpus": 64})
    (fits,) = await world.submit("ada")
    await world.dispatcher.turn()
    row = await world.row(never)
    assert (row.status, row.reason) == ("crashed", Reason.UNSCHEDULABLE.value)
    assert "2 CPUs" in row.detail
    assert await world.status(fits) == "queued"


async def test_a_larger_worker_started_by_hand_makes_it_possible(world) -> None:
    await world.agent(capacity=Resources(cpus=64))
    (large,) = await world.submit("ada", resources={"cpus": 64})
    await world.dispatcher.turn()
    assert await world.status(large) == "queued"


@pytest.mark.parametrize(("size", "inline"), [(100, True), (INLINE_LIMIT, False)])
async def test_a_small_notebook_travels_with_its_ticket(world, size: int, inline: bool) -> None:
    document = {"cells": [], "metadata": {"padding": "x" * size}, "nbformat": 4, "nbformat_minor": 5}
    data = json.dumps(document).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    await world.files.put(notebook_key(sha256), _parts(data))
    await world.submit(command=None, notebook={"path": "a.ipynb", "sha256": sha256})
    await world.dispatcher.turn()
    ticket = await (await world.agent()).wire.claim((await world.agent()).capacity)
    assert ticket.notebook == (document if inline else None)


async def test_a_stored_notebook_that_cannot_be_read_is_left_to_its_worker_and_holds_up_no_others(world) -> None:
    data = b"[" * 100_000
    sha256 = hashlib.sha256(data).hexdigest()
    await world.files.put(notebook_key(sha256), _parts(data))
    ids = await world.submit(command=None, notebook={"path": "a.ipynb", "sha256": sha256})
    ids += await world.submit()
    await world.dispatcher.turn()
    agent = await world.agent()
    assert [await agent.claim() for _ in ids] == ids


async def _parts(data: bytes):
    yield data


async def test_turns_that_cross_admit_each_execution_once(world) -> None:
    (execution,) = await world.submit()
    await world.dispatcher.turn()
    await world.dispatcher.turn()
    agent = await world.agent()
    assert [await agent.claim(), await agent.claim()] == [execution, None]
