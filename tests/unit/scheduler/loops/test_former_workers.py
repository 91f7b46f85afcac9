"""Records that a worker left on its disk are archived by the next agent there: by who has the key of these records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from perijove.model.control import ahead
from perijove.model.events import Archived, FormerWorker, ObjectRequest, SignRequest
from perijove.model.ids import new_id
from perijove.wire.envelopes import records_key, records_proof
from perijove_scheduler.files.protocol import log_key
from perijove_scheduler.queue.memory import MemoryTail
from perijove_scheduler.services import Limits, Services
from perijove_scheduler.store.tables import WorkerRow

LEFT = b"what it left"
LOG = [ObjectRequest(what="log")]


@dataclass
class Case:
    """An attempt whose worker was killed before it had archived the log, and the next agent on its disk."""

    world: Any
    lost: Any
    agent: Any
    execution: str

    def proof(self, *, key: str = "", attempt: int = 1, sender: str = "") -> str:
        """Return what the next agent proves with: the key of the records, unless another is given."""
        return records_proof(
            records_key(key or self.lost.wire.event_key, self.execution, attempt), sender or self.agent.id
        )

    async def archive(self, proof: str, ran_by: str = "") -> list[Any]:
        """Ask where to store the log and say that it is archived; return what the agent is told."""
        former = FormerWorker(worker=ran_by or self.lost.id, proof=proof)
        common = {"worker": self.agent.id, "ran_by": former, "execution": self.execution, "attempt": 1}
        await self.world.files.receive(log_key(self.execution, 1), body(LEFT), 100)
        digest = hashlib.sha256(LEFT).hexdigest()
        await self.agent.wire.emit([SignRequest(**common, request="r", objects=LOG)])
        await self.agent.wire.emit([Archived(**common, records=2, size=len(LEFT), sha256=digest)])
        await self.world.apply()
        return [message for _, message in await self.agent.wire.listen("0", 0)]

    async def is_archived(self) -> bool:
        """Return whether the log is final, and noted as archived."""
        noted = (await self.world.attempt(self.execution, 1)).archived_at is not None
        assert noted == (await self.world.files.stat(log_key(self.execution, 1)) is not None)
        return noted


async def body(content: bytes) -> Any:
    yield content


async def case_of(world: Any, group: str = "local") -> Case:
    services = Services(world.store, world.queue, MemoryTail(world.queue), world.files, world.bell, Limits())
    world.sign = services.outputs.sign
    world.be_born()
    lost = await world.agent()
    execution = await world.running(lost)
    await lost.finish(execution, records=2)
    await world.apply()
    await world.store.workers.end([lost.id])
    return Case(world, lost, await world.agent(group), execution)


async def test_who_has_the_key_of_a_lost_workers_records_may_archive_them(world) -> None:
    case = await case_of(world)
    (told,) = await case.archive(case.proof())
    assert [each.url.startswith("http") for each in told.objects] == [True]
    assert await case.is_archived()
    assert (await case.lost.told(), world.applier.rejected) == ([], {})


async def test_one_that_asks_for_more_than_the_log_gets_no_more(world) -> None:
    case = await case_of(world)
    former = FormerWorker(worker=case.lost.id, proof=case.proof())
    wanted = [ObjectRequest(what="output", name="a"), ObjectRequest(what="payload", name="0" * 64)]
    common = {"worker": case.agent.id, "execution": case.execution, "attempt": 1, "request": "r"}
    await case.agent.wire.emit([SignRequest(**common, ran_by=former, objects=wanted)])
    await world.apply()
    ((_, told),) = await case.agent.wire.listen("0", 0)
    assert [each.url for each in told.objects] == ["", ""]


@pytest.mark.parametrize(
    "without", ["the key", "the attempt's key", "a proof of its own", "its worker's name", "a worker that is known"]
)
async def test_one_without_the_key_is_told_so_and_archives_nothing(world, without: str) -> None:
    case = await case_of(world)
    neighbour = await world.agent()
    proof, ran_by = {
        "the key": (case.proof(key=case.agent.wire.event_key), ""),
        "the attempt's key": (case.proof(attempt=2), ""),
        "a proof of its own": (case.proof(sender=neighbour.id), ""),
        "its worker's name": (case.proof(key=neighbour.wire.event_key), neighbour.id),
        "a worker that is known": (case.proof(), new_id("wk")),
    }[without]
    (told,) = await case.archive(proof, ran_by)
    assert [each.error for each in told.objects] == ["The attempt has ended, or is another worker's."]
    assert not await case.is_archived()


async def test_one_of_another_group_archives_nothing(world) -> None:
    await world.group("elsewhere")
    case = await case_of(world, "elsewhere")
    (told,) = await case.archive(case.proof())
    assert [each.url for each in told.objects] == [""]
    assert not await case.is_archived()


async def test_one_whose_former_worker_enrolled_again_since_needs_its_new_key(world) -> None:
    case = await case_of(world)
    async with world.store.write() as session:
        again = {"password_sha256": "f" * 64}
        await session.execute(update(WorkerRow).where(WorkerRow.id == case.lost.id).values(**again))
    await case.archive(case.proof(key=world.keys.event_key(case.lost.id, "f" * 64)))
    assert await case.is_archived()


async def test_nobody_is_told_what_another_asked_for(world) -> None:
    case = await case_of(world)
    neighbour = await world.agent()
    former = FormerWorker(worker=neighbour.id, proof=case.proof())
    request = ahead(case.execution, 1)
    common = {"worker": case.agent.id, "execution": case.execution, "attempt": 1}
    await case.agent.wire.emit([SignRequest(**common, ran_by=former, request=request, objects=LOG)])
    await world.apply()
    assert (await neighbour.told(), await case.agent.told()) == ([], ["signed"])
