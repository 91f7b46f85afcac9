"""What is done with text: parameters put in, metadata found, pieces joined."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove_agent.records.encoding import encode
from perijove_agent.work.coalescer import Coalescer
from perijove_agent.work.interpolation import interpolate
from perijove_agent.work.jsonlines import JsonLines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run {parameters}", "run --epochs=5 '--name=a b' --fast --layer=1 --layer=2"),
        ("run {parameter:epochs} {parameter:slow}", "run --epochs=5 "),
        ("echo {parameter-value:name} {parameter-value:epochs}", "echo 'a b' 5"),
        ("echo {parameter:other} ${HOME} {a,b}", "echo {parameter:other} ${HOME} {a,b}"),
    ],
)
def test_placeholders_become_quoted_options(line: str, expected: str) -> None:
    parameters: dict[str, Any] = {
        "epochs": 5,
        "name": "a b",
        "fast": True,
        "slow": False,
        "none": None,
        "layer": [1, 2],
    }
    assert interpolate(line, parameters) == expected


@given(st.text().filter(lambda text: "\0" not in text))
def test_no_value_escapes_its_quotes(value: str) -> None:
    assert shlex.split(interpolate("x {parameter-value:v}", {"v": value})) == ["x", value]


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
