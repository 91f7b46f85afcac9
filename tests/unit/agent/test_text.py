"""What is done with text: parameters put in, metadata found, pieces joined."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.safe_json import METADATA, Bounds, fits
from perijove_agent.records.encoding import encode
from perijove_agent.records.latest import Latest
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.jsonlines import JsonLines


@given(
    st.lists(st.one_of(st.text('ab{}"1,: \n', max_size=20), st.just('{"a": 1}'), st.just("\n"))),
    st.integers(min_value=1, max_value=7),
)
def test_metadata_does_not_depend_on_where_text_is_cut(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    whole, cut = JsonLines(), JsonLines()
    expected = whole.feed(text) + whole.end()
    found = [value for start in range(0, len(text), size) for value in cut.feed(text[start : start + size])]
    assert found + cut.end() == expected


def test_only_whole_lines_that_are_objects_are_metadata() -> None:
    lines = JsonLines()
    assert lines.feed('{"loss": 0.5}\nloss {"a": 1}\n[1]\n{}\n  {"b": 2}  \r\n{"c":') == [{"loss": 0.5}, {"b": 2}]
    assert lines.feed(" 3}") == []
    assert lines.end() == [{"c": 3}]


@pytest.mark.parametrize(
    "line",
    [
        '{"a": ' + "[" * 17 + "]" * 17 + "}",
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": ' + "9" * 5000 + "}",
        json.dumps(dict.fromkeys(map(str, range(1001)), 1)),
        json.dumps({"a": "x" * 70_000}),
        json.dumps({"a": "x" * 300_000}),
    ],
    ids=["deep", "very deep", "a huge number", "many", "large", "very large"],
)
def test_what_is_too_much_for_metadata_is_left_out_and_known_to_be(line: str) -> None:
    for size in (len(line), 10_000):
        lines = JsonLines()
        found = [values for start in range(0, len(line), size) for values in lines.feed(line[start : start + size])]
        assert (found + lines.feed("\n"), lines.left_out) == ([], True)
        lines.left_out = False
        assert (lines.feed('{"a": 1}\n'), lines.left_out) == ([{"a": 1}], False)


def test_metadata_is_repaired_where_it_is_found() -> None:
    assert JsonLines().feed('{"note": "\\ud83d", "face": "\\ud83d\\ude00", "loss": NaN}\n') == [
        {"note": "\ufffd", "face": "😀", "loss": None}
    ]


def test_the_latest_values_are_bounded_and_known_keys_still_change() -> None:
    latest = Latest(Bounds(depth=9, values=4, characters=12))
    assert latest.update({"a": 1, "b": [1]}) == {"a": 1, "b": [1]}
    assert latest.update({"c": 1, "a": 2}) == {"a": 2}
    assert latest.update({"b": "x" * 9}) == {"b": "x" * 9}
    assert latest.update({"b": "x" * 11, "c": 3}) == {"c": 3}
    assert latest.values == {"a": 2, "b": "x" * 9, "c": 3}


def test_the_latest_values_fit_as_a_whole() -> None:
    latest = Latest()
    for number in range(2_000):
        latest.update({str(number): number})
    assert len(latest.values) == METADATA.values - 1
    assert fits(latest.values, METADATA)


def test_a_record_of_anything_is_strict_json() -> None:
    line = encode({"n": 1, "x": float("nan"), "y": [float("inf")], "z": "lone \ud800", "k": {"\udc00": object}})
    assert json.loads(line, parse_constant=pytest.fail)["x"] is None
    assert line.decode("utf-8").startswith('{"n":1')


@given(st.lists(st.tuples(st.sampled_from(["out", "err"]), st.text(max_size=5))), st.integers(1, 6))
async def test_joined_text_keeps_its_order_and_loses_nothing(pieces: list[tuple[str, str]], limit: int) -> None:
    emitted: list[tuple[str, str]] = []

    async def emit(key: str, text: str) -> None:
        emitted.append((key, text))

    coalescer = Coalescer(emit, window=10, limit=limit)
    for key, text in pieces:
        await coalescer.put(key, text)
    await coalescer.aclose()
    assert [(k, c) for k, text in emitted for c in text] == [(k, c) for k, text in pieces for c in text]
    assert all(0 < len(text) <= limit for _, text in emitted)


async def test_the_first_piece_after_a_pause_does_not_wait() -> None:
    emitted: list[str] = []

    async def emit(_: str, text: str) -> None:
        emitted.append(text)

    coalescer = Coalescer(emit, window=1000)
    coalescer._emitted = float("-inf")
    await coalescer.put("out", "a")
    assert emitted == ["a"]
    await coalescer.put("out", "b")
    await coalescer.put("out", "c")
    assert emitted == ["a"]
    await coalescer.aclose()
    assert emitted == ["a", "bc"]


async def test_text_that_is_being_passed_on_when_a_coalescer_ends_is_not_lost() -> None:
    emitted: list[str] = []
    passing, room = asyncio.Event(), asyncio.Event()

    async def emit(_: str, text: str) -> None:
        passing.set()
        await room.wait()
        emitted.append(text)

    coalescer = Coalescer(emit, window=0.001)
    coalescer._emitted = float("inf")
    await coalescer.put("out", "a")
    await passing.wait()
    closing = asyncio.create_task(coalescer.aclose())
    for _ in range(10):
        await asyncio.sleep(0)
    room.set()
    await closing
    assert emitted == ["a"]
