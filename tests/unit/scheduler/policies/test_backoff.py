"""How long to wait after failures."""

from __future__ import annotations

import pytest

from perijove_scheduler.policies.backoff import pause


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (10_000, 300)])
def test_the_pause_doubles_up_to_the_longest(failures: int, seconds: float) -> None:
    assert pause(failures, 2, 300, jitter=0) == seconds


def test_jitter_takes_off_at_most_half() -> None:
    assert pause(3, 2, 300, jitter=1) == 4
