"""What workers uploaded becomes final with the rows that name it; what is not there is not committed silently."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perijove.errors import Unavailable
from perijove.model.events import Archived, OutputFile
from perijove_scheduler.files.protocol import attempt_prefix, log_key
from perijove_scheduler.loops.events.batches import TRIES


async def body(content: bytes) -> AsyncIterator[bytes]:
    yield content


def output(name: str, content: bytes) -> OutputFile:
    return OutputFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


async def read(world, key: str) -> bytes:
    return b"".join([chunk async for chunk in world.files.get(key)])


async def test_outputs_are_final_when_the_attempt_has_ended_and_a_url_signed_before_changes_nothing(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    key = f"{attempt_prefix(execution, 1)}model.bin"
    await world.files.receive(key, body(b"model"), 100)
    await agent.finish(execution, outputs=[output("model.bin", b"model")])
    await world.apply()
    assert (await world.status(execution), await read(world, key)) == ("complete", b"model")
    await world.files.receive(key, body(b"evil!"), 100)
    await agent.wire.emit([])
    await world.apply()
    assert await read(world, key) == b"model"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EIO])
async def test_a_store_that_is_full_or_away_makes_an_end_wait_and_changes_nothing_of_it(
    world, monkeypatch, number: int
) -> None:
    agent = await world.agent()
    execution = await world.running(agent, retries=0)
    await world.files.receive(f"{attempt_prefix(execution, 1)}a", body(b"a"), 100)
    await agent.finish(execution, outputs=[output("a", b"a")])
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", refusing(number))
        for _ in range(TRIES + 1):
            with pytest.raises(Unavailable):
                await world.apply()
    await world.apply()
    assert await world.status(execution) == "complete"


def refusing(number: int):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


async def test_an_output_whose_bytes_are_not_there_is_not_committed_and_the_run_did_not_complete(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent, retries=0)
    await world.files.receive(f"{attempt_prefix(execution, 1)}a", body(b"a"), 100)
    await world.files.receive(f"{attempt_prefix(execution, 1)}b", body(b"another"), 100)
    await agent.finish(execution, outputs=[output("a", b"a"), output("b", b"b")])
    await world.apply()
    row = await world.row(execution)
    assert (row.status, row.reason) == ("crashed", "output_failed")
    assert "'b'" in row.detail
    assert [each.name for each in await world.store.data.page(execution, None, 10)] == ["a"]


async def test_an_archive_is_final_when_it_is_noted_and_only_a_longer_one_of_its_worker_replaces_it(world) -> None:
    agent, other = await world.agent(), await world.agent()
    execution = await world.running(agent)
    await agent.finish(execution, records=2)
    await world.apply()

    async def archive(who, content: bytes, records: int) -> None:
        await world.files.receive(log_key(execution, 1), body(content), 100)
        told = {"worker": who.id, "execution": execution, "attempt": 1, "records": records, "size": len(content)}
        await who.wire.emit([Archived(**told, sha256=hashlib.sha256(content).hexdigest())])
        await world.apply()

    await archive(agent, b"mine", 2)
    assert await read(world, log_key(execution, 1)) == b"mine"
    await archive(agent, b"mine, rewritten", 2)
    await archive(other, b"theirs", 9)
    assert await read(world, log_key(execution, 1)) == b"mine"


async def test_an_archive_that_is_not_there_is_not_noted_and_is_shown(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.finish(execution, records=2)
    told = {"worker": agent.id, "execution": execution, "attempt": 1, "records": 2, "size": 9, "sha256": "0" * 64}
    await world.apply()
    await agent.wire.emit([Archived(**told)])
    await world.apply()
    assert (await world.attempt(execution, 1)).archived_at is None
    assert world.applier.rejected == {"local": 1}
