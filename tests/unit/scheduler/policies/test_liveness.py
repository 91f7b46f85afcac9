"""Who is lost, and when nobody can tell."""

from __future__ import annotations

import pytest

from perijove_scheduler.policies.liveness import Liveness, Watch, judge

LEASE = 30.0


@pytest.mark.parametrize(
    ("silent_for", "watched_for", "verdict"),
    [
        (0, 0, Liveness.ALIVE),
        (29.9, 1000, Liveness.ALIVE),
        (30, 29.9, Liveness.UNKNOWN),  # the master was away as well
        (30, 30, Liveness.LOST),
        (10_000, 5, Liveness.UNKNOWN),
        (None, 5, Liveness.UNKNOWN),  # Redis forgot it; it may announce itself yet
        (None, 30, Liveness.LOST),
    ],
)
def test_a_worker_is_lost_only_if_the_master_watched_it_for_a_whole_lease(
    silent_for: float | None, watched_for: float, verdict: Liveness
) -> None:
    assert judge(silent_for, watched_for, LEASE) is verdict


def test_a_watch_grows_while_nothing_interrupts_it() -> None:
    watch = Watch.begin(100, "a")
    for now in range(105, 140, 5):
        watch = watch.observe(now, "a", LEASE)
    assert watch.seconds == 35


@pytest.mark.parametrize(
    ("now", "generation"),
    [(105, "b"), (116, "a"), (99, "a")],
    ids=["redis was restarted or flushed", "the master was away", "redis' clock went back"],
)
def test_a_break_begins_the_watch_anew(now: float, generation: str) -> None:
    assert Watch(0, 100, "a").observe(now, generation, LEASE) == Watch.begin(now, generation)
