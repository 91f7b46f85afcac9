from __future__ import annotations

import pytest
from benchmarks.figures import Figure, median, percentile
from benchmarks.table import markdown, shown, verdict, with_table


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Figure("ratio", 0.05, target=0.05), "yes"),
        (Figure("ratio", 0.06, target=0.05), "NO"),
        (Figure("rate", 5000, "/s", 5000, at_least=True), "yes"),
        (Figure("rate", 4999, "/s", 5000, at_least=True), "NO"),
        (Figure("seen", 3, "ms"), ""),
    ],
)
def test_a_target_is_reached_at_its_very_value(figure: Figure, said: str) -> None:
    assert verdict(figure) == said


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234.5, "/s", "1,234/s"), (0.0421, "", "0.042"), (1.208, "", "1.21"), (312, "MB", "312 MB")],
)
def test_figures_are_written_as_people_read_them(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_a_pages_table_is_replaced_and_the_rest_stays() -> None:
    page = "# Title\n\n<!-- the table of `make bench` -->\nold\n<!-- its end -->\n\nmore\n"
    once = with_table(page, [Figure("one", 1, "ms", 2, limit="what bounds it")])
    assert "| one | 1.0 ms | ≤ 2 ms | yes | what bounds it |" in once
    assert once.startswith("# Title")
    assert once.endswith("\n\nmore\n")
    assert "old" not in once
    assert with_table(once, [Figure("one", 1, "ms", 2, limit="what bounds it")]) == once
    assert markdown([]).count("\n") == 2


def test_the_worst_of_few_is_their_99th_percentile() -> None:
    assert (percentile([3, 1, 2], 99), median([3, 1, 2])) == (3, 2)
