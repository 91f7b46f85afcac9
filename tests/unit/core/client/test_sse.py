from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.client.sse import Decoder, Message

STREAM = (
    b": hello\r\n\r\n"
    b'event: record\nid: 1-1\ndata: {"text": "a\xe2\x80\xa8b"}\n\n'
    b"data:first\rdata: second\r\r"
    b"event: execution\r\nid\r\ndata: {}\r\n\r\n"
    b"event: nothing\n\n"
    b"retry: 10\nid: 1-2\ndata\n\n"
    b"data: cut off"
)
MESSAGES = [
    Message("record", '{"text": "a\u2028b"}', "1-1"),
    Message("message", "first\nsecond", ""),
    Message("execution", "{}", ""),
    Message("message", "", "1-2"),
]


def decode(*chunks: bytes) -> list[Message]:
    decoder = Decoder()
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def test_every_line_ending_and_comment_of_the_standard_is_understood():
    assert decode(STREAM) == MESSAGES


def test_a_stream_cut_into_single_bytes_decodes_alike():
    assert decode(*[STREAM[i : i + 1] for i in range(len(STREAM))]) == MESSAGES


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_decodes_alike_wherever_it_is_cut(cuts: list[int]):
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(places)]
    assert decode(*chunks) == MESSAGES


@pytest.mark.parametrize("line", [b"data: \xff\xfe\n\n", b"unknown: field\ndata: x\n\n"])
def test_what_is_not_understood_does_not_end_the_stream(line: bytes):
    assert len(decode(line, b"data: next\n\n")) == 2
