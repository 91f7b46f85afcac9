from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from perijove_hub.events import event_stream, message
from perijove_hub.queries import position
from perijove_hub.viewers import Viewers
from perijove_scheduler.services.story import EndItem, RecordItem, StoryItem


async def told(*items: StoryItem) -> AsyncIterator[StoryItem]:
    for item in items:
        yield item


async def endless(first: StoryItem) -> AsyncIterator[StoryItem]:
    yield first
    await asyncio.Event().wait()


def test_a_records_id_is_where_a_viewer_resumes():
    sent = message(RecordItem(attempt=2, n=57, line=b'{"n":57}\n'))
    assert sent == b'event: record\nid: 2-57\ndata: {"n":57}\n\n'
    assert position("2-57") == (2, 57)


def test_the_end_is_an_event_of_its_own():
    assert message(EndItem()) == b"event: end\ndata: {}\n\n"


async def test_what_is_ready_together_is_sent_together_and_the_first_batch_says_when_to_come_back():
    items = [RecordItem(1, n, b"{}") for n in (1, 2, 3)]
    batches = [batch async for batch in event_stream(told(*items, EndItem()), Viewers())]
    assert len(batches) == 1
    assert batches[0].startswith(b"retry: 1000\nevent: record\n")
    assert batches[0].count(b"event: record") == 3
    assert batches[0].endswith(b"event: end\ndata: {}\n\n")


async def test_a_silent_stream_sends_comments():
    stream = event_stream(endless(RecordItem(1, 1, b"{}")), Viewers(), heartbeat=0.001)
    sent = await anext(stream)
    while b"event: record" not in sent:
        sent = await anext(stream)
    assert await anext(stream) == b": still here\n\n"
    await stream.aclose()


async def test_a_shutdown_ends_a_stream_without_saying_that_the_execution_ended():
    viewers = Viewers()
    stream = event_stream(endless(RecordItem(1, 1, b"{}")), viewers)
    assert b"id: 1-1" in await anext(stream)
    assert len(viewers) == 1
    viewers.stop()
    assert [batch async for batch in stream] == []
    assert len(viewers) == 0


async def test_a_story_that_cannot_be_told_fails_before_anything_is_sent():
    async def unknown() -> AsyncIterator[StoryItem]:
        raise LookupError("no such execution")
        yield

    with pytest.raises(LookupError, match="no such"):
        await anext(event_stream(unknown(), Viewers()))


@pytest.mark.parametrize("text", ["57", "1-", "-1", "1-2-3", "a-b", "1-57\n", "9" * 40 + "-1"])
def test_what_is_no_position_is_refused(text: str):
    with pytest.raises(ValueError, match="attempt"):
        position(text)
