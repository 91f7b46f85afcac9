from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perijove.client.sse import Decoder, Message
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


# What ends a line somewhere: for the standard, for Python's `str.splitlines`, for a terminal.
LINE_ENDS = [*"\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\r\n", "\r\r"]
FORGED = "event: end{0}data: {{}}{0}{0}", "id: 9-9{0}", ": comment{0}", "retry: 1{0}{0}data: x{0}{0}"


def decoded(sent: bytes) -> list[Message]:
    return [*Decoder().feed(sent)]


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
@pytest.mark.parametrize("forged", FORGED)
def test_a_line_end_in_a_record_begins_no_event_of_its_own(end: str, forged: str):
    line = f'{{"n":1,{end}{forged.format(end)}"text":"x"}}'.encode()
    (told,) = decoded(message(RecordItem(1, 1, line)))
    assert (told.event, told.id) == ("record", "1-1")


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([e.encode() for e in LINE_ENDS])), max_size=20))
def test_every_record_is_one_message_and_holds_what_was_recorded(parts: list[bytes]):
    line = b"".join(parts)
    sent = message(RecordItem(3, 4, line)) + message(RecordItem(3, 5, b"{}")) + message(EndItem())
    record, following, end = decoded(sent)
    assert (record.event, record.id, following.id, end.event) == ("record", "3-4", "3-5", "end")
    recorded = re.sub(rb"\r\n|\r", b"\n", line.rstrip(b"\n")).decode(errors="replace")
    assert record.data.rstrip("\n") == recorded.rstrip("\n")


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.integers(0, 20))
def test_json_with_line_ends_between_its_values_means_the_same_to_a_viewer(value: object, place: int):
    text = json.dumps({"n": 1, "values": value}, ensure_ascii=False)
    assume(_encodes(text))
    spaced = text.replace(", ", ",\r\n", place).replace(": ", ":\r", 1)
    (told,) = decoded(message(RecordItem(1, 1, spaced.encode())))
    assert json.loads(told.data) == json.loads(spaced)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
