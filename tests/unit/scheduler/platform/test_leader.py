from __future__ import annotations

from perijove_scheduler.platform.leader import LEASE, LOOK_EVERY
from perijove_scheduler.store.database import _IDLE_SECONDS


def test_a_successor_comes_within_fifteen_seconds():
    assert LEASE + LOOK_EVERY < 15


def test_a_leader_that_stands_still_in_a_transaction_has_lost_its_locks_when_its_lease_ends():
    assert _IDLE_SECONDS < LEASE
