"""Events come at least once; whatever is repeated, and however it is cut into batches, the rows end up the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.model.events import Advanced, Archived, Claimed, Event, Finished, Held, OutputFile
from perijove.model.ids import new_id
from perijove.model.reasons import MEANINGS, Reason, Retry
from perijove.model.records import Phase
from perijove.model.status import TERMINAL, Status
from perijove_scheduler.store.outcomes import Applied

EXECUTION = new_id("ex")
WORKERS = [new_id("wk"), new_id("wk")]
DIGEST = "0" * 64
# How many infrastructure retries the execution has: enough for some histories, too few for others.
RETRIES = 2

fences = st.fixed_dictionaries({
    "execution": st.just(EXECUTION), "attempt": st.integers(1, 4), "worker": st.sampled_from(WORKERS),
})  # fmt: skip
outputs = st.lists(
    st.builds(OutputFile, name=st.sampled_from(["a", "b"]), size=st.just(1), sha256=st.just(DIGEST)), max_size=3
)


def of(kind: type, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.builds(lambda fence, rest: kind(**fence, **rest), fences, st.fixed_dictionaries(values))


events: st.SearchStrategy[Event] = st.one_of(
    of(Claimed),
    of(Held),
    of(Advanced, phase=st.sampled_from([None, *Phase]), done=st.integers(0, 5), total=st.just(5)),
    of(Finished, reason=st.sampled_from(Reason), outputs=outputs, records=st.integers(0, 3)),
    of(Archived, records=st.just(3), size=st.just(1), sha256=st.just(DIGEST)),
)
# What comes from elsewhere than the workers: somebody stops it; the reaper finds a worker lost.
STOP = "stop"
histories = st.lists(st.one_of(events, events, events, st.sampled_from([STOP, *WORKERS])), max_size=25)


@dataclass
class Plain:
    """What becomes of the row, in the plainest words."""

    status: Status = Status.QUEUED
    attempt: int = 1
    retries: int = RETRIES
    worker: str | None = None
    reason: Reason | None = None

    def meet(self, what: Event | str) -> None:
        if self.status in TERMINAL:
            return
        if what == STOP:
            self.stop()
        elif isinstance(what, str):
            if what == self.worker:
                self.end(Reason.WORKER_LOST)
        elif what.attempt == self.attempt:
            self.hear(what)

    def stop(self) -> None:
        if self.status is Status.QUEUED:
            self.status, self.reason = Status.STOPPED, Reason.STOPPED_BY_USER
        else:
            self.status = Status.STOPPING

    def hear(self, event: Event) -> None:
        if self.status is Status.QUEUED and isinstance(event, Claimed | Held | Finished):
            self.status, self.worker = Status.STARTED, event.worker
        if isinstance(event, Finished) and event.worker == self.worker:
            self.end(event.reason)

    def end(self, reason: Reason) -> None:
        meaning = MEANINGS[reason]
        again = meaning.retry is Retry.FREE or (meaning.retry is Retry.COUNTED and self.retries > 0)
        if again and self.status is Status.STARTED:
            self.status, self.attempt, self.worker = Status.QUEUED, self.attempt + 1, None
            self.retries -= meaning.retry is Retry.COUNTED
        elif self.status is Status.STOPPING and meaning.status is Status.CRASHED:
            self.status, self.reason = Status.STOPPED, Reason.STOPPED_BY_USER
        else:
            self.status, self.reason = meaning.status, reason


def expected(history: Sequence[Event | str]) -> tuple[Any, ...]:
    row = Plain()
    for what in history:
        row.meet(what)
    return row.status.value, row.attempt, row.retries, row.worker, row.reason and row.reason.value


async def apply(world: Any, *batch: Event) -> Applied:
    return await world.store.lifecycle.apply([("local", event) for event in batch])


async def meddle(world: Any, execution: str, what: str) -> None:
    await (world.store.lifecycle.stop(execution) if what == STOP else world.store.lifecycle.lose([what]))


def of_execution(execution: str, history: Sequence[Event | str]) -> list[Event | str]:
    return [e if isinstance(e, str) else e.model_copy(update={"execution": execution}) for e in history]


async def fate(world: Any, execution: str) -> tuple[Any, ...]:
    row = await world.row(execution)
    return row.status, row.attempt, row.retries_left, row.worker, row.reason


async def everything(world: Any, execution: str) -> tuple[Any, ...]:
    row = await world.row(execution)
    attempts = await world.attempts(execution)
    times = (row.queued_at, row.started_at, row.finished_at)
    told = [(a.attempt, a.worker, a.reason, a.records, a.finished_at, a.archived_at) for a in attempts]
    files = [(o.id, o.name, o.attempt) for o in await world.outputs(execution)]
    return await fate(world, execution), (row.phase, row.done, row.total), times, told, files


async def becomes_what_the_words_say(world: Any, history: Sequence[Event | str]) -> None:
    execution = await world.execution(status="queued", retries_left=RETRIES)
    for event in of_execution(execution, history):
        await (meddle(world, execution, event) if isinstance(event, str) else apply(world, event))
    assert await fate(world, execution) == expected(history)


async def is_the_same_in_one_batch(world: Any, history: Sequence[Event | str]) -> None:
    told = [event for event in history if not isinstance(event, str)]
    execution = await world.execution(status="queued", retries_left=RETRIES)
    await apply(world, *of_execution(execution, told))
    assert await fate(world, execution) == expected(told)


async def is_never_changed_by_an_echo(world: Any, history: Sequence[Event | str]) -> None:
    """Repeat, after every event, all those that have changed the row."""
    execution = await world.execution(status="queued", retries_left=RETRIES)
    heard: list[Event] = []
    for event in of_execution(execution, history):
        if isinstance(event, str):
            await meddle(world, execution, event)
        else:
            applied = await apply(world, event)
            heard += [event] if applied.changed else []
        before = await everything(world, execution)
        again = await apply(world, *heard)
        assert (again.changed, again.finished, again.requeued) == ([], [], [])
        assert await everything(world, execution) == before


@pytest.mark.parametrize("claim", [becomes_what_the_words_say, is_the_same_in_one_batch, is_never_changed_by_an_echo])
def test_every_history(open_world: Callable[[], Awaitable[Any]], claim: Callable[..., Awaitable[None]]) -> None:
    loop = asyncio.new_event_loop()
    world = loop.run_until_complete(open_world())

    @settings(max_examples=40, deadline=None, database=None)
    @given(histories)
    def check(history: list[Event | str]) -> None:
        loop.run_until_complete(claim(world, history))

    try:
        check()
    finally:
        loop.run_until_complete(world.store.aclose())
        loop.close()
