from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from archives import EVIL, archive, code_id

from perijove.aio.executors import FILES, SNAPSHOTS
from perijove.errors import (
    Forbidden,
    InvalidPath,
    InvalidRequest,
    SnapshotTooLarge,
    Unavailable,
    UnknownCode,
    UnknownProject,
)
from perijove.model.resources import CreateProject, Role
from perijove_scheduler.services.inspection import MOST_EACH

BODY = archive()
CODE = code_id(BODY)


async def sent(body: bytes = BODY) -> AsyncIterator[bytes]:
    yield body


async def test_a_snapshot_is_stored_under_its_digest(world) -> None:
    code = world.services.code
    stored = await code.put(world.ada, None, CODE, sent(), len(BODY))
    assert (stored.id, stored.size, stored.created_by) == (CODE, len(BODY), "ada")
    assert await code.get(world.ada, None, CODE) == stored
    assert world.stored() == [f"code/{CODE}.tar.zst"]
    assert f"/files/code/{CODE}.tar.zst?" in (await code.url(world.ada, None, CODE)).replace("%7E", "~")


async def test_sending_it_again_changes_nothing(world) -> None:
    code = world.services.code
    first = await code.put(world.ada, None, CODE, sent(), None)
    assert await code.put(world.ada, None, CODE, sent(b"not read"), None) == first


async def test_knowing_a_digest_is_no_proof_of_having_the_code(world) -> None:
    code = world.services.code
    await code.put(world.ada, None, CODE, sent(), None)
    with pytest.raises(UnknownCode):
        await code.get(world.bob, None, CODE)
    with pytest.raises(InvalidRequest):
        await code.put(world.bob, None, CODE, sent(b"something else"), None)
    assert (await code.put(world.bob, None, CODE, sent(), None)).created_by == "bob"
    assert len(world.stored()) == 1


@pytest.mark.parametrize(
    "code", ["abc", "~abc", "git:main", "../../etc/passwd", "~" + "0" * 64 + "/x", "~" + "0" * 64 + "\n"]
)
async def test_what_is_no_code_version_is_refused(world, code: str) -> None:
    with pytest.raises(InvalidRequest):
        await world.services.code.put(world.ada, None, code, sent(), None)
    assert world.stored() == []


@pytest.mark.parametrize("length", [None, 2000])
async def test_a_snapshot_over_the_limit_leaves_nothing(world, length: int | None) -> None:
    body = archive(content=random.Random(1).randbytes(2000))
    with pytest.raises(SnapshotTooLarge):
        await world.services.code.put(world.ada, None, code_id(body), sent(body), length)
    assert world.stored() == []
    with pytest.raises(UnknownCode):
        await world.services.code.get(world.ada, None, code_id(body))


@pytest.mark.parametrize("body", EVIL.values(), ids=EVIL)
async def test_a_snapshot_that_would_leave_its_folder_is_never_stored(world, body: bytes) -> None:
    with pytest.raises(InvalidPath):
        await world.services.code.put(world.ada, None, code_id(body), sent(body), len(body))
    assert world.stored() == []


@pytest.mark.parametrize("body", [b"no archive at all", BODY[:-20]], ids=["no archive", "cut off"])
async def test_what_is_no_snapshot_is_never_stored(world, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await world.services.code.put(world.ada, None, code_id(body), sent(body), None)
    assert world.stored() == []


async def test_a_snapshot_that_unpacks_to_more_than_the_limit_is_never_stored(world) -> None:
    body = archive(content=bytes(100_000))
    assert len(body) < 1000
    with pytest.raises(SnapshotTooLarge):
        await world.services.code.put(world.ada, None, code_id(body), sent(body), len(body))
    assert world.stored() == []


async def test_a_snapshot_is_read_at_the_pace_it_arrives(world) -> None:
    body = archive(content=b"x" * 300)

    async def in_small_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    stored = await world.services.code.put(world.ada, None, code_id(body), in_small_pieces(), None)
    assert stored.size == len(body)


async def test_a_viewer_fetches_and_does_not_store(world) -> None:
    await world.services.projects.create(world.ada, CreateProject(name="shared"))
    await world.services.code.put(world.ada, "shared", CODE, sent(), None)
    with pytest.raises(UnknownProject):
        await world.services.code.get(world.bob, "shared", CODE)
    await world.join(world.ada, "shared", world.bob, Role.VIEWER)
    assert (await world.services.code.get(world.bob, "shared", CODE)).id == CODE
    with pytest.raises(Forbidden):
        await world.services.code.put(world.bob, "shared", CODE, sent(), None)


async def test_nobody_says_what_a_commit_holds(world) -> None:
    commit = "git:" + "a" * 40
    for caller in (world.ada, world.bob):
        with pytest.raises(Forbidden, match="commit") as refused:
            await world.services.code.put(caller, None, commit, sent(), None)
        assert "PUT code/~" in refused.value.hint
    assert world.stored() == []


async def test_a_snapshot_whose_object_was_lost_is_asked_for_again_and_heals_every_project(world) -> None:
    code = world.services.code
    for caller in (world.ada, world.bob):
        await code.put(caller, None, CODE, sent(), None)
    await world.files.delete(f"code/{CODE}.tar.zst")
    with pytest.raises(UnknownCode):
        await code.get(world.ada, None, CODE)
    await code.put(world.ada, None, CODE, sent(), None)
    assert (await code.get(world.bob, None, CODE)).created_by == "bob"
    assert world.stored() == [f"code/{CODE}.tar.zst"]


async def test_many_uploads_at_once_are_all_stored_however_slow_some_senders_are(world) -> None:
    """Four times as many as any pool has workers; half of the senders stop in the middle until the others are done."""
    bodies = [archive(content=b"%d" % number) for number in range(4 * max(FILES.workers, SNAPSHOTS.workers) // 2)]
    held_up, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slowly(body: bytes) -> AsyncIterator[bytes]:
        yield body[:10]
        held_up.release()
        await go_on.wait()
        yield body[10:]

    async def put(caller, body: bytes, content: AsyncIterator[bytes]) -> str:
        return (await world.services.code.put(caller, None, code_id(body), content, len(body))).id

    slow = [asyncio.create_task(put(world.bob, body, slowly(body))) for body in bodies]
    for _ in bodies:
        await held_up.acquire()
    fast = [asyncio.create_task(put(world.ada, body, sent(body))) for body in bodies]
    assert (await world.services.projects.list(world.ada)).items == []
    assert await asyncio.gather(*fast) == [code_id(body) for body in bodies]
    assert not any(task.done() for task in slow)
    go_on.set()
    assert await asyncio.gather(*slow) == [code_id(body) for body in bodies]


async def test_one_user_has_a_bounded_number_of_uploads_under_way(world) -> None:
    arrived, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        arrived.release()
        await go_on.wait()
        yield BODY

    under_way = [
        asyncio.create_task(world.services.code.put(world.bob, None, CODE, stalled(), None)) for _ in range(MOST_EACH)
    ]
    for _ in under_way:
        await arrived.acquire()
    with pytest.raises(Unavailable, match="at a time"):
        await world.services.code.put(world.bob, None, CODE, sent(), None)
    assert (await world.services.code.put(world.ada, None, CODE, sent(), None)).id == CODE
    go_on.set()
    await asyncio.gather(*under_way)
    assert (await world.services.code.put(world.bob, None, CODE, sent(), None)).id == CODE
