"""Text and JSON made safe."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from perijove.safe_json import (
    Bounds,
    bounded_text,
    fits,
    is_deeper,
    parsed,
    repaired,
    repaired_text,
    size,
    written,
)

ANY_TEXT = st.text(st.characters())
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=20,
)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@given(ANY_TEXT)
def test_repaired_text_can_be_written_and_text_that_can_is_kept(text: str) -> None:
    repaired_text(text).encode()
    assert repaired_text(repaired_text(text)) == repaired_text(text)
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert repaired_text(text) == text


def test_halves_of_a_surrogate_pair_are_joined() -> None:
    assert repaired_text("\ud83d\ude00 \ud83d") == "😀 \ufffd"


@given(ANY_TEXT, st.integers(1, 5))
def test_bounded_text_is_bounded(text: str, most: int) -> None:
    assert len(bounded_text(text, most)) <= most
    bounded_text(text, most).encode()


@given(ANY_JSON)
def test_what_is_repaired_is_written_and_read_everywhere(value: Any) -> None:
    fixed = repaired(value)
    assert json.loads(json.dumps(fixed, allow_nan=False)) == fixed
    assert from_json(written(value), allow_inf_nan=False) == fixed
    assert repaired(fixed) == fixed


@given(ANY_JSON)
def test_json_of_others_is_read_as_it_would_be_repaired(value: Any) -> None:
    document = json.dumps(value)
    assert parsed(document) == parsed(document.encode()) == repaired(json.loads(document))


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_what_is_no_json_is_refused_as_such(document: bytes) -> None:
    try:
        parsed(document)
    except ValueError:
        return
    json.loads(document)


@pytest.mark.parametrize("depth", [99, 100, 101, 199, 300, 5_000, 200_000])
def test_nesting_is_bounded_however_deep(depth: int) -> None:
    document = "[" * depth + "]" * depth
    try:
        value = parsed(document)
    except ValueError:
        assert depth > 900
    else:
        assert not is_deeper(value, 100)
        assert is_deeper(value, 99) is (depth >= 100)
        written({"a": {"b": value}})


def test_what_is_not_jsons_becomes_text_or_null() -> None:
    value = {1: (1, 2), "n": math.inf, "o": Bounds(1, 2, 3), "i": 10**5000, "d": nested(300)}
    fixed = repaired(value, depth=3)
    assert fixed == {
        "1": [1, 2],
        "n": None,
        "o": "Bounds(depth=1, values=2, characters=3)",
        "i": fixed["i"],
        "d": [[None]],
    }
    assert fixed["i"] == "an integer of 16610 bits"
    json.loads(written(value))


@pytest.mark.parametrize(
    "value",
    [10**5000, {10**5000: 1}, [{(-(10**5000)): {10**5000: [10**5000]}}]],
    ids=["value", "key", "inside"],
)
def test_integers_that_python_refuses_to_write_are_described(value: Any) -> None:
    fixed = repaired(value)
    assert "an integer of 16610 bits" in json.dumps(fixed)
    assert from_json(written(fixed)) == json.loads(json.dumps(fixed)) == fixed
    assert fits(value, Bounds(depth=9, values=9, characters=99))
    assert size({10**5000: 1}) == (2, len("an integer of 16610 bits"))


@pytest.mark.parametrize("digits", ["9" * 4301, "-" + "9" * 4301], ids=["positive", "negative"])
def test_integers_that_python_refuses_to_read_are_described_and_the_rest_is_read(digits: str) -> None:
    assert parsed(f'{{"a": {digits}, "b": "\\ud800"}}') == {"a": "an integer of 4301 digits", "b": "\ufffd"}
    assert repaired(parsed(digits)) == "an integer of 4301 digits"


@pytest.mark.parametrize(
    ("value", "expected"),
    [({}, (1, 0)), ("abc", (1, 3)), ({"ab": [1, "c", {"d": None}]}, (6, 4)), (nested(100_000), (100_001, 0))],
    ids=["empty", "text", "mixed", "deep"],
)
def test_size_counts_values_and_characters(value: Any, expected: tuple[int, int]) -> None:
    assert size(value) == expected


def test_bounds_are_depth_values_and_characters() -> None:
    value = {"ab": [1, "c", {"d": None}]}
    assert fits(value, Bounds(depth=3, values=6, characters=4))
    for short in (Bounds(2, 6, 4), Bounds(3, 5, 4), Bounds(3, 6, 3)):
        assert not fits(value, short)
    assert not fits(nested(100_000), Bounds(16, 10**6, 10))
