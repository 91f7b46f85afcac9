"""Whose work goes first."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from perijove_scheduler.policies.fairshare import Candidate, Limits, order, pick
from perijove_scheduler.policies.sizes import Size

ONE = Size(1)


def waiting(text: str, priority: int = 0) -> list[Candidate]:
    """Return one candidate for each word such as ``ada1``: its owner is the letters, its age the number."""
    return [Candidate(word, word.rstrip("0123456789"), priority, ONE) for word in text.split()]


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.id for candidate in candidates]


def test_the_owner_with_the_least_running_goes_first() -> None:
    candidates = waiting("ada1 ada2 ada3 bob1 bob2")
    assert ids(pick(candidates, {"ada": 2}, Size(5))) == ["bob1", "bob2", "ada1", "ada2", "ada3"]


def test_owners_who_have_as_much_take_turns() -> None:
    assert ids(list(order(waiting("ada1 ada2 ada3 bob1 bob2"), {}))) == ["ada1", "bob1", "ada2", "bob2", "ada3"]


def test_one_owners_higher_priority_goes_first_then_the_older() -> None:
    candidates = [*waiting("ada1 ada2"), *waiting("ada3", priority=5)]
    assert ids(list(order(candidates, {}))) == ["ada3", "ada1", "ada2"]


def test_priority_does_not_beat_a_person_who_has_less_running() -> None:
    candidates = [*waiting("ada9", priority=100), *waiting("bob9", priority=-100)]
    assert ids(list(order(candidates, {"ada": 1}))) == ["bob9", "ada9"]


def test_small_work_does_not_overtake_large_work_that_waits_for_room() -> None:
    large = Candidate("ada1", "ada", 0, Size(4))
    assert pick([large, *waiting("bob2 bob3")], {}, Size(3)) == []


def test_the_order_ends_where_somebody_who_was_not_looked_at_might_be_next() -> None:
    seen = waiting("ada1 ada2 bob1 bob2")
    assert ids(list(order(seen, {"bob": 1}, Limits(owners=10, per_owner=2)))) == ["ada1", "ada2"]
    assert ids(list(order(seen, {"bob": 1}, Limits(owners=2, per_owner=10)))) == ["ada1", "ada2", "bob1"]
    assert ids(list(order(seen, {"bob": 1}, Limits(owners=3, per_owner=3)))) == ["ada1", "ada2", "bob1", "bob2"]


def test_limits_are_reached_by_a_line_or_by_the_owners() -> None:
    seen = waiting("ada1 ada2 bob1")
    assert Limits(owners=9, per_owner=2).reached(seen)
    assert Limits(owners=2, per_owner=9).reached(seen)
    assert not Limits(owners=3, per_owner=3).reached(seen)


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        id=st.uuids().map(str),
        owner=st.sampled_from(["ada", "bob", "eve", "mia"]),
        priority=st.integers(-100, 100),
        size=st.sampled_from([Size(0.5), Size(1), Size(2, 1)]),
    ),
    unique_by=lambda candidate: candidate.id,
    max_size=40,
)


@given(CANDIDATES, st.dictionaries(st.sampled_from(["ada", "bob"]), st.integers(0, 5)))
def test_everything_goes_in_time_and_nobody_gets_two_ahead(
    candidates: list[Candidate], running: dict[str, int]
) -> None:
    left = Counter(candidate.owner for candidate in candidates)
    have = Counter(running)
    for candidate in order(candidates, running):
        assert have[candidate.owner] == min(have[owner] for owner, count in left.items() if count)
        have[candidate.owner] += 1
        left[candidate.owner] -= 1
    assert not any(left.values())


@given(CANDIDATES, st.integers(0, 30))
def test_what_is_picked_is_the_start_of_the_fair_order_and_fits(candidates: list[Candidate], cpus: int) -> None:
    room = Size(cpus, 3)
    picked = pick(candidates, {}, room)
    assert picked == list(order(candidates, {}))[: len(picked)]
    assert sum(candidate.size.cpus for candidate in picked) <= cpus
    assert sum(candidate.size.memory for candidate in picked) <= room.memory
