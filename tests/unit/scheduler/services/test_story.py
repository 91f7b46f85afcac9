from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perijove.errors import Forbidden, NotFound, Unavailable, UnknownExecution
from perijove.model.events import Advanced
from perijove.model.reasons import Reason
from perijove_scheduler.files.protocol import payload_key
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.story import EndItem, RecordItem, StateItem
from perijove_scheduler.store.executions import Executions


def line(n: int, kind: str = "log", **values: Any) -> bytes:
    values = values or {"stream": "stdout", "text": f"line {n}\n"}
    return json.dumps({"n": n, "t": 0.5, "kind": kind, **values}, separators=(",", ":")).encode()


class Viewer:
    """Follows a story and remembers what it was told."""

    def __init__(self, world: Any, execution: str, after: tuple[int, int] | None = None) -> None:
        self.items = world.services.story.events(world.ada, execution, after)
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


async def test_a_story_without_an_archive_ends(local) -> None:
    execution = await started(local)
    await local.finish(execution, records=3)
    await local.store.lifecycle.archived(execution, 1, None)
    assert (await Viewer(local, execution).to_the_end()).records == []


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
