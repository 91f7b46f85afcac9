from __future__ import annotations

from datetime import datetime, timedelta, timezone

from perijove_scheduler.policies.nightly import is_due, latest, seconds_until

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def test_what_was_never_done_is_due():
    assert is_due(None, NOON, 3, 0)


def test_it_is_due_once_a_night():
    planned = latest(NOON, 3, 90)
    assert planned == datetime(2026, 11, 21, 3, 1, 30, tzinfo=timezone.utc)
    assert is_due(planned - timedelta(seconds=1), NOON, 3, 90)
    assert not is_due(planned + timedelta(minutes=5), NOON, 3, 90)


def test_before_the_hour_the_night_before_counts():
    assert latest(NOON, 13, 0) == datetime(2026, 11, 20, 13, tzinfo=timezone.utc)


def test_a_night_that_was_missed_is_due_at_once():
    assert is_due(NOON - timedelta(days=3), NOON, 13, 0)


def test_it_waits_for_the_next_night():
    assert seconds_until(NOON, 13, 0) == 3600
    assert seconds_until(NOON, 11, 0) == 23 * 3600
