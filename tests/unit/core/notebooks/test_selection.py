from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove import errors
from perijove.notebooks import select_cells

IDS = ["a", "b-1", "7", "d", "e"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("1", ["a"]),
        ("2-4", ["b-1", "7", "d"]),
        ("5,1", ["a", "e"]),
        ("1-2,2-3", ["a", "b-1", "7"]),
        (" 1 , 4 - 5 ", ["a", "d", "e"]),
        ("d", ["d"]),
        ("b-1", ["b-1"]),
        ("7", ["7"]),
        ("e,1", ["a", "e"]),
        (["e", 1], ["a", "e"]),
        ([2], ["b-1"]),
    ],
)
def test_positions_ranges_and_ids_choose_cells_in_the_notebooks_order(
    selection: str | list[str | int], expected: list[str]
) -> None:
    assert select_cells(selection, IDS) == expected


@pytest.mark.parametrize("item", ["0", "6", "3-2", "4-6", "0-2", "x", "", "-1", "1-", "1-2-3", "1.5", "²", "\u0661"])
def test_an_unknown_cell_is_named_with_how_many_there_are(item: str) -> None:
    with pytest.raises(errors.UnknownCell) as caught:
        select_cells(f"1,{item}", IDS)
    assert caught.value.message == f"The notebook has no cell {item!r}; it has 5 cells."
    assert caught.value.hint


def test_nothing_is_no_selection() -> None:
    with pytest.raises(errors.UnknownCell):
        select_cells([], IDS)


_sizes = st.integers(1, 60)


@given(st.data(), _sizes)
def test_any_set_of_positions_comes_back_however_it_is_written(data: st.DataObject, size: int) -> None:
    ids = [f"cell-{n}x" for n in range(size)]
    ranges = data.draw(st.lists(st.tuples(st.integers(1, size), st.integers(1, size)).map(sorted), min_size=1))
    text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
    expected = {n for first, last in ranges for n in range(first, last + 1)}
    assert select_cells(text, ids) == [ids[n - 1] for n in sorted(expected)]


@given(st.text(), st.lists(st.text(min_size=1), unique=True))
def test_any_text_is_a_selection_or_is_refused(text: str, ids: list[str]) -> None:
    with suppress(errors.UnknownCell):
        assert set(select_cells(text, ids)) <= set(ids)
