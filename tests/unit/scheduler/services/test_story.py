from __future__ import annotations

import asyncio
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zstandard

from perijove.errors import Forbidden, NotFound, Unavailable, UnknownExecution
from perijove.model.events import Advanced
from perijove.model.reasons import Reason
from perijove_scheduler.files.protocol import log_key, payload_key, segment_key
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.story import EndItem, RecordItem, StateItem
from perijove_scheduler.store.executions import Executions


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def line(n: int, kind: str = "log", **values: Any) -> bytes:
    values = values or {"stream": "stdout", "text": f"line {n}\n"}
    return json.dumps({"n": n, "t": 0.5, "kind": kind, **values}, separators=(",", ":")).encode()


class Viewer:
    """Follows a story and remembers what it was told."""

    def __init__(self, world: Any, execution: str, after: tuple[int, int] | None = None) -> None:
        self.items = world.services.story.events(world.ada, execution, after)
        world.followed.append(self.items)
        self.told: list[Any] = []

    async def until(self, wanted: Any) -> None:
        """Read on until an item fulfils `wanted`."""
        async for item in self.items:
            self.told.append(item)
            if wanted(item):
                return
        raise AssertionError("the story ended before")

    async def to_the_end(self) -> Viewer:
        await self.until(lambda item: isinstance(item, EndItem))
        assert [item async for item in self.items] == []
        return self

    @property
    def records(self) -> list[tuple[int, int]]:
        return [(item.attempt, item.n) for item in self.told if isinstance(item, RecordItem)]

    @property
    def states(self) -> list[str]:
        states = [item.execution.status.value for item in self.told if isinstance(item, StateItem)]
        return list(dict.fromkeys(states))


async def text_of(world: Any, execution: str) -> bytes:
    return b"".join([text async for text in world.services.story.log(world.ada, execution)])


def is_record(attempt: int, n: int) -> Any:
    return lambda item: isinstance(item, RecordItem) and (item.attempt, item.n) == (attempt, n)


async def started(world: Any) -> str:
    made = await world.submit()
    await world.start(made.id)
    return made.id


async def test_records_do_not_wait_for_a_row_that_takes_long_to_read(local) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    class Slow(Executions):
        async def find_whole(self, *of: Any) -> Any:
            asked.set()
            await answered.wait()
            return await super().find_whole(*of)

    execution = await started(local)
    viewer = Viewer(local, execution)
    await viewer.until(lambda item: isinstance(item, StateItem))
    local.store.executions = Slow(local.store.database)
    await local.apply(Advanced(worker=local.worker, execution=execution, attempt=1, done=1, total=2))
    reading = asyncio.create_task(viewer.until(is_record(1, 2)))
    await asked.wait()
    await local.tell(execution, line(1), line(2))
    await reading
    await local.finish(execution, records=2)
    answered.set()
    await viewer.to_the_end()
    assert viewer.states[-1] == "complete"


async def test_records_come_while_the_row_cannot_be_read(local) -> None:
    refused, back = asyncio.Event(), asyncio.Event()

    class Away(Executions):
        async def find_whole(self, *of: Any) -> Any:
            if not back.is_set():
                refused.set()
                raise Unavailable
            return await super().find_whole(*of)

    execution = await started(local)
    viewer = Viewer(local, execution)
    await viewer.until(lambda item: isinstance(item, StateItem))
    local.store.executions = Away(local.store.database)
    await local.apply(Advanced(worker=local.worker, execution=execution, attempt=1, done=1, total=2))
    reading = asyncio.create_task(viewer.until(is_record(1, 2)))
    await refused.wait()
    await local.tell(execution, line(1), line(2))
    await reading
    back.set()
    await local.finish(execution, records=2)
    await viewer.to_the_end()
    assert viewer.states[-1] == "complete"


async def test_a_story_is_followed_from_its_beginning_to_its_end(local) -> None:
    made = await local.submit()
    viewer = Viewer(local, made.id)
    await viewer.until(lambda item: isinstance(item, StateItem) and item.execution.status == "created")
    reading = asyncio.create_task(viewer.to_the_end())
    await local.start(made.id)
    await local.tell(made.id, line(1), line(2))
    await local.tell(made.id, line(3), first=3)
    await local.finish(made.id, records=3)
    await reading
    assert viewer.records == [(1, 1), (1, 2), (1, 3)]
    assert (viewer.states[0], viewer.states[-1]) == ("created", "complete")


async def test_the_end_waits_for_the_last_record(local) -> None:
    execution = await started(local)
    viewer = Viewer(local, execution)
    await local.tell(execution, line(1))
    await viewer.until(is_record(1, 1))
    await local.finish(execution, records=2)
    await viewer.until(lambda item: isinstance(item, StateItem) and item.execution.status == "complete")
    await local.tell(execution, line(2), first=2)
    await viewer.to_the_end()
    assert viewer.records == [(1, 1), (1, 2)]


async def test_an_archived_story_is_told_again(local) -> None:
    execution = await started(local)
    lines = [line(n) for n in range(1, 2001)]
    await local.finish(execution, records=2000)
    await local.archive(execution, *lines)
    viewer = await Viewer(local, execution).to_the_end()
    assert viewer.records == [(1, n) for n in range(1, 2001)]
    assert [item.line for item in viewer.told if isinstance(item, RecordItem)] == lines


@pytest.mark.parametrize("archived", [False, True])
async def test_a_story_resumes_after_a_record(local, archived: bool) -> None:
    execution = await started(local)
    lines = [line(n) for n in range(1, 6)]
    await local.tell(execution, *lines)
    await local.finish(execution, records=5)
    if archived:
        await local.archive(execution, *lines)
    viewer = await Viewer(local, execution, (1, 3)).to_the_end()
    assert viewer.records == [(1, 4), (1, 5)]


async def test_a_story_goes_on_with_the_next_attempt(local) -> None:
    execution = await started(local)
    viewer = Viewer(local, execution)
    await local.tell(execution, line(1))
    await viewer.until(is_record(1, 1))
    await local.finish(execution, reason=Reason.WORKER_DRAINED, records=1)
    reading = asyncio.create_task(viewer.to_the_end())
    await local.start(execution, attempt=2)
    await local.tell(execution, line(1), attempt=2)
    await local.finish(execution, attempt=2, records=1)
    await reading
    assert viewer.records == [(1, 1), (2, 1)]


async def test_of_a_lost_worker_is_told_what_reached_redis(local) -> None:
    execution = await started(local)
    await local.tell(execution, line(1), line(2))
    await local.store.lifecycle.lose([local.worker])
    await local.start(execution, attempt=2)
    await local.finish(execution, attempt=2)
    assert (await Viewer(local, execution).to_the_end()).records == [(1, 1), (1, 2)]


async def test_what_never_ran_has_a_short_story(local) -> None:
    made = await local.submit()
    await local.services.executions.stop(local.ada, made.id)
    viewer = await Viewer(local, made.id).to_the_end()
    assert (viewer.states, viewer.records) == (["stopped"], [])


async def test_a_position_that_never_was_begins_anew(local) -> None:
    execution = await started(local)
    await local.tell(execution, line(1))
    await local.finish(execution, records=1)
    assert (await Viewer(local, execution, (9, 5)).to_the_end()).records == [(1, 1)]


async def test_a_story_whose_archive_is_gone_says_what_is_missing_and_ends(local) -> None:
    execution = await started(local)
    await local.finish(execution, records=3)
    await local.store.lifecycle.archived(execution, 1, None)
    viewer = await Viewer(local, execution).to_the_end()
    (said,) = [item for item in viewer.told if isinstance(item, RecordItem)]
    assert (said.n, json.loads(said.line)["text"]) == (3, "[Records 1 to 3 are missing.]\n")


async def test_many_viewers_share_one_reader_of_changes(local) -> None:
    execution = await started(local)
    viewers = [Viewer(local, execution) for _ in range(5)]
    for viewer in viewers:
        await viewer.until(lambda item: isinstance(item, StateItem))
    assert len(local.queue._subscribers) <= 1
    readings = [asyncio.create_task(viewer.to_the_end()) for viewer in viewers]
    await local.finish(execution)
    await asyncio.gather(*readings)
    assert {viewer.states[-1] for viewer in viewers} == {"complete"}


async def test_a_viewer_that_leaves_leaves_nothing_behind(local) -> None:
    execution = await started(local)
    viewer = Viewer(local, execution)
    await viewer.until(lambda item: isinstance(item, StateItem))
    await viewer.items.aclose()
    assert not local.services.story._changes._watches


async def test_a_strangers_story_is_unknown(local) -> None:
    made = await local.submit()
    story = local.services.story
    for calls in (story.events(local.bob, made.id), story.log(local.bob, made.id)):
        with pytest.raises(UnknownExecution):
            await anext(calls)
    with pytest.raises(UnknownExecution):
        await story.metadata(local.bob, made.id)
    with pytest.raises(Forbidden):
        await anext(story.events(Caller("ada"), made.id))


# ------------------------------------------------------------------------------------------- log, metadata


async def text(parts: AsyncIterator[bytes]) -> str:
    return b"".join([part async for part in parts]).decode()


@pytest.mark.parametrize("archived", [False, True])
async def test_the_log_is_what_was_printed_and_raised(local, archived: bool) -> None:
    execution = await started(local)
    lines = [
        line(1, stream="stdout", text="a\n"),
        line(2, "output", cell="c", message="stream", content={"name": "stdout", "text": "é\n"}),
        line(3, "output", cell="c", message="display_data", content={"data": {"text/plain": "not this"}}),
        line(4, "output", cell="c", message="error", content={"traceback": ["Traceback", "ValueError"]}),
        line(5, "metadata", values={"text": '"kind":"log"'}),
    ]
    await local.tell(execution, *lines)
    await local.finish(execution, records=5)
    if archived:
        await local.archive(execution, *lines)
    assert await text(local.services.story.log(local.ada, execution)) == "a\né\nTraceback\nValueError\n"


async def test_large_output_is_fetched_into_the_log(local) -> None:
    execution = await started(local)

    content = json.dumps({"name": "stdout", "text": "large\n"}).encode()
    stored = hashlib.sha256(content).hexdigest()

    async def body() -> AsyncIterator[bytes]:
        yield content

    await local.files.put(payload_key(execution, 1, stored), body())
    refs = [
        line(n, "output", cell="c", message="stream", content=None, ref=ref) for n, ref in ((1, stored), (2, "1" * 64))
    ]
    await local.tell(execution, *refs)
    assert await text(local.services.story.log(local.ada, execution)) == "large\n"


async def test_each_attempt_has_its_own_log(local) -> None:
    execution = await started(local)
    await local.tell(execution, line(1))
    await local.finish(execution, reason=Reason.WORKER_DRAINED, records=1)
    story = local.services.story
    assert await text(story.log(local.ada, execution)) == ""
    assert await text(story.log(local.ada, execution, 1)) == "line 1\n"
    with pytest.raises(NotFound):
        await anext(story.log(local.ada, execution, 3))


async def test_metadata_is_its_points_and_their_latest_values(local) -> None:
    execution = await started(local)
    tricky = line(2, stream="stdout", text='"kind":"metadata"')
    await local.tell(
        execution, line(1, "metadata", values={"loss": 2}), tricky, line(3, "metadata", values={"loss": 1})
    )
    await local.finish(execution, metadata={"loss": 1}, records=3)
    metadata = await local.services.story.metadata(local.ada, execution)
    assert metadata.latest == {"loss": 1}
    assert [(point.n, point.t, point.values) for point in metadata.points] == [
        (1, 0.5, {"loss": 2}),
        (3, 0.5, {"loss": 1}),
    ]


# --------------------------------------------------------------------------------------- segments


def lines(first: int, last: int) -> list[bytes]:
    return [line(n) for n in range(first, last + 1)]


def numbers(last: int) -> list[tuple[int, int]]:
    return [(1, n) for n in range(1, last + 1)]


async def test_a_viewer_reads_on_from_segments_into_the_live_stream(local) -> None:
    execution = await started(local)
    await local.tell(execution, *lines(1, 50))
    await local.segment(execution, *lines(1, 20))
    await local.segment(execution, *lines(21, 30))
    viewer = Viewer(local, execution)
    await viewer.until(is_record(1, 50))
    assert viewer.records == numbers(50)
    resumed = Viewer(local, execution, (1, 25))
    await resumed.until(is_record(1, 50))
    assert resumed.records == numbers(50)[25:]


async def test_a_viewer_that_is_slower_than_the_stream_is_trimmed_misses_nothing(local) -> None:
    execution = await started(local)
    await local.tell(execution, *lines(1, 5))
    viewer = Viewer(local, execution)
    await viewer.until(is_record(1, 5))
    for first in range(6, 3006, 100):
        await local.tell(execution, *lines(first, first + 99), first=first)
        await local.segment(execution, *lines(first - 100 if first > 6 else 1, first - 1))
    await viewer.until(is_record(1, 3005))
    assert viewer.records == numbers(3005)


async def test_a_log_is_whole_from_segments_archive_and_stream(local) -> None:
    execution = await started(local)
    await local.tell(execution, *lines(1, 50))
    await local.segment(execution, *lines(1, 30))
    whole = "".join(f"line {n}\n" for n in range(1, 51)).encode()
    assert await text_of(local, execution) == whole
    await local.finish(execution, records=50)
    await local.archive(execution, *lines(31, 50), records=50)
    local.queue.flush()
    assert await text_of(local, execution) == whole
    assert (await Viewer(local, execution).to_the_end()).records == numbers(50)
    assert (await Viewer(local, execution, (1, 40)).to_the_end()).records == numbers(50)[40:]


async def test_records_that_were_lost_are_said_to_be_missing_in_their_place(local) -> None:
    execution = await started(local)
    await local.tell(execution, *lines(1, 50))
    await local.segment(execution, *lines(1, 30))
    await local.files.delete(segment_key(execution, 1, 1, 30))
    text = (await text_of(local, execution)).decode()
    assert text.splitlines() == ["[Records 1 to 29 are missing.]", *(f"line {n}" for n in range(30, 51))]
    viewer = Viewer(local, execution)
    await viewer.until(is_record(1, 50))
    assert viewer.records == numbers(50)[28:]


async def test_what_redis_lost_of_a_running_attempt_is_read_from_its_segments(local) -> None:
    execution = await started(local)
    await local.tell(execution, *lines(1, 50))
    await local.segment(execution, *lines(1, 30))
    viewer = Viewer(local, execution)
    await viewer.until(is_record(1, 10))
    local.queue.flush()
    assert await text_of(local, execution) == "".join(f"line {n}\n" for n in range(1, 31)).encode()
    await local.tell(execution, *lines(31, 60), first=31, covered=30)
    await viewer.until(is_record(1, 60))
    assert viewer.records == numbers(60)


# --------------------------------------------------------------------------------------- bounds


async def test_a_small_archive_that_unpacks_to_an_enormous_line_costs_little_memory_and_holds_nobody_up(local) -> None:
    execution = await started(local)
    await local.finish(execution, records=3)
    bomb = zstandard.ZstdCompressor().compressobj()
    parts = [bomb.compress(line(1) + b'\n{"n":2,"t":0.5,"kind":"log","stream":"stdout","text":"')]
    parts += [bomb.compress(bytes(1 << 20)) for _ in range(256)]
    parts += [bomb.compress(b'"}\n' + line(3) + b"\n"), bomb.flush()]
    assert sum(map(len, parts)) < 64 * 1024
    await local.files.put(log_key(execution, 1), chunks(*parts))
    await local.store.lifecycle.archived(execution, 1, 3)
    tracemalloc.start()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    text = (await text_of(local, execution)).decode()
    beside.cancel()
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()
    assert turns > 1_000, "others had to wait for all of it"
    assert text.splitlines()[0::2] == ["line 1", "line 3"]
    assert "Record 2 is left out: it has 256.0 MiB" in text


async def test_a_window_larger_than_ours_is_not_allocated(local) -> None:
    execution = await started(local)
    await local.finish(execution, records=1)
    huge = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True, write_content_size=False)
    packed = zstandard.ZstdCompressor(compression_params=huge).compressobj()
    parts = [packed.compress(line(1) + b"\n" + bytes(1 << 20)), packed.flush()]
    await local.files.put(log_key(execution, 1), chunks(*parts))
    await local.store.lifecycle.archived(execution, 1, 1)
    assert await text_of(local, execution) == b"[Record 1 is missing.]\n"


async def test_a_live_record_that_is_larger_than_one_may_be_is_left_out_and_said_to_be(local) -> None:
    execution = await started(local)
    await local.tell(execution, line(1), line(2, text="x" * (2 << 20), stream="stdout"), line(3))
    viewer = Viewer(local, execution)
    await viewer.until(is_record(1, 3))
    assert max(len(item.line) for item in viewer.told if isinstance(item, RecordItem)) < 1000
    text = (await text_of(local, execution)).decode()
    assert "Record 2 is left out: it has 2.0 MiB" in text


async def test_a_large_content_is_left_out_of_a_logs_text_and_said_to_be(local) -> None:
    execution, content = await started(local), b" " * (2 << 20)
    sha256 = hashlib.sha256(content).hexdigest()
    await local.files.put(payload_key(execution, 1, sha256), chunks(content))
    output = {"cell": "c", "message": "error", "content": None, "ref": sha256}
    await local.tell(execution, line(1, "output", **output), line(2))
    text = (await text_of(local, execution)).decode()
    assert text == f"[2.0 MiB are left out here: payload {sha256}]\nline 2\n"


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"n":1,"kind":"log"' + b"[" * 100_000,
        b'{"n":1,"kind":"log","text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"n":1,"kind":"log"}',
        b'{"n":1,"kind":"output","message":"error","content":{"traceback":7}}',
        b'{"n":1,"kind":"output","message":"error","content":null,"ref":"../../etc"}',
        b'{"n":1,"kind":"metadata","t":"never","values":[]}',
        b'[1,"kind":"log"]',
    ],
)
async def test_a_line_that_is_no_record_costs_nobody_the_rest_of_the_log(local, hostile: bytes) -> None:
    execution = await started(local)
    await local.tell(execution, hostile, line(2))
    assert (await text_of(local, execution)).endswith(b"line 2\n")
    assert (await local.services.story.metadata(local.ada, execution)).points == []


async def test_metadata_with_very_many_points_are_thinned_out_evenly_and_said_to_be(local) -> None:
    execution, count = await started(local), 25_001
    await local.tell(execution, *(line(n, "metadata", values={"loss": n}) for n in range(1, count + 1)))
    metadata = await local.services.story.metadata(local.ada, execution)
    assert (metadata.total, metadata.every) == (count, 4)
    assert [point.n for point in metadata.points] == list(range(1, count + 1, 4))


async def test_large_metadata_points_are_bounded_by_their_bytes(local) -> None:
    execution, count = await started(local), 1000
    await local.tell(execution, *(line(n, "metadata", values={"text": "x" * 50_000}) for n in range(1, count + 1)))
    metadata = await local.services.story.metadata(local.ada, execution)
    assert (metadata.total, metadata.every) == (count, 8)
    assert metadata.points[-1].n == count
