from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove_hub.ranges import RangeNotSatisfiable, Span, span


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 100)),
        ("bytes=-10", Span(90, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=95-1000", Span(95, 100)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=9-1", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-9", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_header_means_what_the_specification_says(header, wanted):
    assert span(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(header):
    with pytest.raises(RangeNotSatisfiable, match="100 bytes"):
        span(header, 100)


@given(st.text(max_size=40), st.integers(min_value=1, max_value=10**12))
def test_no_header_yields_bytes_the_file_does_not_have(header, size):
    try:
        found = span(f"bytes={header}", size)
    except RangeNotSatisfiable:
        return
    assert found is None or 0 <= found.start < found.end <= size
