"""What a worker did not archive is archived from Redis."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import zstandard
from sqlalchemy import select

from perijove.model.events import Archived, Segmented
from perijove.wire.archives import footer
from perijove.wire.protocol import LEASE
from perijove_scheduler.files.protocol import log_key, segment_key
from perijove_scheduler.loops.archiver import OWN_ARCHIVE
from perijove_scheduler.loops.events.writer import STREAM_KEPT
from perijove_scheduler.store.tables import AttemptRow

LINES = [
    json.dumps({"n": n, "t": 0.0, "kind": "log", "stream": "stdout", "text": f"{n}\n"}).encode() for n in range(1, 451)
]


async def archived(world, execution: str, attempt: int = 1) -> list[bytes] | None:
    """Return the lines of an archive, or None if there is none."""
    key = log_key(execution, attempt)
    if await world.files.stat(key) is None:
        return None
    data = b"".join([part async for part in world.files.get(key)])
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read().splitlines()


async def some_time_later(world, seconds: float = OWN_ARCHIVE * LEASE + 1) -> None:
    """Make every ended attempt end that much earlier: the database's clock is not ours to move."""
    async with world.store.write() as session:
        for row in await session.scalars(select(AttemptRow).where(AttemptRow.finished_at.is_not(None))):
            row.finished_at -= timedelta(seconds=seconds)


async def ended(world, records: int = len(LINES)):
    """Return an agent and what it ran to its end, with all of `LINES` on Redis."""
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await agent.finish(execution, records=records)
    await world.apply()
    return agent, execution


async def test_the_records_of_a_lost_worker_are_archived_from_redis(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES
    attempt = await world.attempt(execution, 1)
    assert attempt.archived_at is not None
    assert attempt.records == len(LINES)


async def test_an_attempt_that_cannot_be_archived_holds_up_no_other(world) -> None:
    _, first = await ended(world)
    await some_time_later(world, 1)
    _, second = await ended(world)
    await some_time_later(world)
    # Where its archive goes there is something else.
    (world.files._root / log_key(first, 1)).mkdir(parents=True)
    await world.archiver.turn()
    assert (await world.attempt(first, 1)).archived_at is None
    assert await archived(world, second) == LINES


async def test_a_worker_has_a_minute_to_archive_its_records_itself(world) -> None:
    _, execution = await ended(world)
    await world.archiver.turn()
    assert await archived(world, execution) is None


async def test_what_a_worker_did_not_archive_within_that_minute_is_archived(world) -> None:
    _, execution = await ended(world)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES


async def test_a_living_worker_that_still_sends_records_is_waited_for_longer(world) -> None:
    _, execution = await ended(world, records=len(LINES) + 1)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) is None
    await some_time_later(world, 60 * LEASE)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES


async def test_records_that_redis_lost_are_waited_for_on_the_disk_of_a_worker_that_left(world) -> None:
    agent, execution = await ended(world, records=len(LINES) + 1)
    await agent.wire.leave()
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) is None
    await some_time_later(world, 60 * LEASE)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES


async def store(world, execution: str, lines: list[bytes]) -> None:
    """Put an archive into the store, as its worker does before it says so."""

    async def body():
        yield zstandard.compress(b"".join(line + b"\n" for line in lines)) + footer(json.loads(lines[-1])["n"])

    await world.files.put(log_key(execution, 1), body())


async def test_an_archive_its_worker_uploaded_before_it_died_is_not_overwritten(world) -> None:
    _, execution = await ended(world)
    more = [*LINES, LINES[0].replace(b'"n": 1', b'"n": 451')]
    await store(world, execution, more)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == more
    attempt = await world.attempt(execution, 1)
    assert attempt.archived_at is not None
    assert attempt.records == 451


async def test_an_archive_that_holds_less_than_redis_is_replaced(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await store(world, execution, LINES[:100])  # by a master that died before it said so; more came in since
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES
    assert (await world.attempt(execution, 1)).records == len(LINES)


async def test_an_archive_is_found_whose_worker_told_of_it_in_vain(world) -> None:
    agent, execution = await ended(world)
    await store(world, execution, LINES)
    event = Archived(worker=agent.id, execution=execution, attempt=1, records=450, size=1, sha256="0" * 64)
    await agent.wire.emit([event])
    world.queue.flush()
    await some_time_later(world)
    await world.archiver.turn()
    assert (await world.attempt(execution, 1)).archived_at is not None
    assert await archived(world, execution) == LINES


async def test_a_copy_is_not_kept_of_a_stream_that_redis_lost_meanwhile(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    read = world.queue.records

    async def flushed_after_the_first(*arguments):
        found = await read(*arguments)
        world.queue.flush()
        return found

    world.queue.records = flushed_after_the_first
    await world.archiver.turn()
    assert await archived(world, execution) is None
    assert (await world.attempt(execution, 1)).archived_at is None


async def test_an_attempt_without_records_gets_an_empty_archive(world) -> None:
    execution = await world.running(await world.agent())
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == []
    assert (await world.attempt(execution, 1)).records == 0


async def test_an_archived_stream_is_kept_for_those_who_follow_it_and_then_goes(world) -> None:
    agent, execution = await ended(world)
    await world.files.put(log_key(execution, 1), _body(b"x"))
    event = Archived(worker=agent.id, execution=execution, attempt=1, records=450, size=1, sha256="0" * 64)
    await agent.wire.emit([event])
    await world.apply()
    world.clock.advance(STREAM_KEPT - 1)
    assert await world.queue.last_record("local", execution, 1) == 450
    world.clock.advance(2)
    assert await world.queue.last_record("local", execution, 1) == 0


async def test_archiving_twice_is_harmless(world) -> None:
    _, execution = await ended(world)
    await some_time_later(world)
    await world.archiver.turn()
    await world.archiver.turn()
    assert await archived(world, execution) == LINES


async def segment(world, agent, execution: str, first: int, last: int) -> None:
    """Store records as a segment, as their worker does while it runs, and let the master trim the stream."""

    async def body():
        yield zstandard.compress(b"".join(line + b"\n" for line in LINES[first - 1 : last])) + footer(last)

    await world.files.put(segment_key(execution, 1, first, last), body())
    event = Segmented(worker=agent.id, execution=execution, attempt=1, first=first, last=last, size=1, sha256="0" * 64)
    await agent.wire.emit([event])
    await world.apply()


async def test_of_a_lost_worker_only_what_no_segment_has_is_archived_from_redis(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await segment(world, agent, execution, 1, 200)
    await segment(world, agent, execution, 201, 300)
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == LINES[300:]
    assert (await world.attempt(execution, 1)).records == len(LINES)


async def test_a_lost_workers_segments_are_an_archive_where_redis_lost_the_rest(world) -> None:
    agent = await world.agent()
    execution = await world.running(agent)
    await agent.log(execution, *LINES)
    await segment(world, agent, execution, 1, 200)
    world.queue.flush()
    await world.pass_time(2 * LEASE)
    await some_time_later(world)
    await world.archiver.turn()
    assert await archived(world, execution) == []
    assert (await world.attempt(execution, 1)).records == 200


async def _body(content: bytes) -> AsyncIterator[bytes]:
    yield content
