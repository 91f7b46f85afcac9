from __future__ import annotations

import pytest

from perijove.model.durations import describe_seconds, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("90s", 90), ("15m", 900), ("2h30m", 9000), ("1d", 86_400), (" 1H ", 3600), (5, 5)],
)
def test_a_duration_is_read_as_people_write_it(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "1x", "-5", "1m2h", "1.5h"])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(ValueError, match="must be a number of seconds"):
        seconds(text)


@pytest.mark.parametrize(("value", "text"), [(0.42, "0.4 s"), (12, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")])
def test_a_duration_is_written_for_a_reader(value, text):
    assert describe_seconds(value) == text
