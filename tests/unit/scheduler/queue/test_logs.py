"""Records in entries: none lost, none renumbered, no entry too large."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from perijove.wire.limits import ENTRY_LIMIT
from perijove.wire.logs import entries, last_number, unpack

LINES = st.lists(st.integers(1, ENTRY_LIMIT + 10).map(lambda size: b"x" * size), max_size=12)


@given(first=st.integers(1, 10**9), lines=LINES)
def test_entries_hold_every_record_in_order(first: int, lines: list[bytes]) -> None:
    packed = list(entries(first, lines))
    unpacked = [record for _, last, payload in packed for record in unpack(f"{last}-0", {b"r": payload})]
    assert unpacked == list(enumerate(lines, first))


@given(lines=LINES)
def test_entries_follow_each_other_without_a_gap(lines: list[bytes]) -> None:
    packed = list(entries(1, lines))
    assert all(after[0] == before[1] + 1 for before, after in pairwise(packed))


@given(lines=LINES)
def test_only_a_single_record_may_exceed_an_entry(lines: list[bytes]) -> None:
    for first, last, payload in entries(1, lines):
        assert len(payload) <= ENTRY_LIMIT or first == last


def test_the_number_of_an_entry_is_its_last_records() -> None:
    assert last_number("17-0") == last_number(b"17-0") == 17


def test_an_entry_that_is_not_ours_holds_no_records() -> None:
    assert unpack("3-1", {b"x": b"y"}) == unpack("3-1", {b"r": b""}) == []
