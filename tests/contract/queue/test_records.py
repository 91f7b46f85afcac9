"""Records: numbered without a gap, written once, however often they are sent."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from perijove.model.ids import new_id
from perijove.wire.limits import ENTRY_LIMIT
from perijove.wire.protocol import Appended, Held
from perijove_scheduler.queue.protocol import Gap

from .conftest import GROUP, Wire, lines


@pytest.fixture
def attempt() -> Held:
    return Held(new_id("ex"), 1)


async def stored(wire: Wire, attempt: Held, after: int = 0) -> list[tuple[int, bytes]]:
    """Return the attempt's records, page by page."""
    found: list[tuple[int, bytes]] = []
    while page := await wire.queue.records(GROUP, attempt.execution, attempt.attempt, after, 100):
        found += page
        after = page[-1][0]
    return found


def numbered(first: int, last: int, size: int = 0) -> list[tuple[int, bytes]]:
    return list(zip(range(first, last + 1), lines(first, last, size), strict=True))


async def test_records_come_back_with_their_numbers(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    assert await agent.append(attempt, 1, lines(1, 3)) == Appended(3)
    assert await agent.append(attempt, 4, lines(4, 4)) == Appended(4)
    assert await stored(wire, attempt) == numbered(1, 4)
    assert await wire.queue.last_record(GROUP, attempt.execution, 1) == 4


async def test_records_are_read_from_any_number(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 5))
    await agent.append(attempt, 6, lines(6, 9))
    for after in range(11):
        assert await stored(wire, attempt, after) == numbered(after + 1, 9)


async def test_an_attempt_without_records_has_none(wire: Wire, attempt: Held) -> None:
    assert await stored(wire, attempt) == []
    assert await wire.queue.last_record(GROUP, attempt.execution, 1) == 0


async def test_what_is_sent_again_is_left_out(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 5))
    assert await agent.append(attempt, 1, lines(1, 5)) == Appended(5)
    assert await agent.append(attempt, 2, lines(2, 3)) == Appended(5)
    assert await stored(wire, attempt) == numbered(1, 5)


async def test_of_an_overlap_only_the_new_part_is_written(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 5))
    assert await agent.append(attempt, 3, lines(3, 8)) == Appended(8)
    assert await stored(wire, attempt) == numbered(1, 8)


async def test_a_gap_is_refused(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 2))
    assert await agent.append(attempt, 4, lines(4, 5)) == Appended(2)
    assert await stored(wire, attempt) == numbered(1, 2)


async def test_after_a_flush_the_records_are_sent_again(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await agent.append(attempt, 1, lines(1, 5))
    await wire.flush()
    await wire.queue.prepare()
    assert await agent.append(attempt, 6, lines(6, 7)) == Appended(0)
    assert await agent.append(attempt, 1, lines(1, 7)) == Appended(7)
    assert await stored(wire, attempt) == numbered(1, 7)


async def test_appending_nothing_changes_nothing(wire: Wire, attempt: Held) -> None:
    assert await wire.agent().append(attempt, 1, []) == Appended(0)
    assert await stored(wire, attempt) == []


async def test_many_large_records_are_stored_and_paged(wire: Wire, attempt: Held) -> None:
    size = ENTRY_LIMIT // 3
    assert await wire.agent().append(attempt, 1, lines(1, 40, size)) == Appended(40)
    assert await stored(wire, attempt) == numbered(1, 40, size)


async def test_a_record_larger_than_an_entry_is_stored(wire: Wire, attempt: Held) -> None:
    large = [*lines(1, 1), *lines(2, 2, ENTRY_LIMIT * 2), *lines(3, 3)]
    assert await wire.agent().append(attempt, 1, large) == Appended(3)
    assert [line for _, line in await stored(wire, attempt)] == large


async def test_thousands_of_single_records_are_paged(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    for n in range(1, 1201):
        await agent.append(attempt, n, lines(n, n))
    assert await stored(wire, attempt) == numbered(1, 1200)


async def test_attempts_have_streams_of_their_own(wire: Wire, attempt: Held) -> None:
    agent, second = wire.agent(), Held(attempt.execution, 2)
    await agent.append(attempt, 1, lines(1, 3))
    await agent.append(second, 1, lines(1, 1))
    assert await stored(wire, second) == numbered(1, 1)


async def test_an_archived_stream_goes_after_its_time(wire: Wire, attempt: Held) -> None:
    await wire.agent().append(attempt, 1, lines(1, 3))
    await wire.queue.expire_records([(GROUP, attempt.execution, 1)], 60)
    assert await stored(wire, attempt) == numbered(1, 3)
    await wire.queue.expire_records([(GROUP, attempt.execution, 1)], 0)
    assert await stored(wire, attempt) == []


async def test_expiring_what_is_not_there_is_harmless(wire: Wire, attempt: Held) -> None:
    await wire.queue.expire_records([(GROUP, attempt.execution, 1)], 60)
    assert await stored(wire, attempt) == []


# -------------------------------------------------------------------------------------------------- trimming


async def filled(wire: Wire, attempt: Held, last: int) -> None:
    """Append records in entries of ten."""
    for first in range(1, last + 1, 10):
        await wire.agent().append(attempt, first, lines(first, first + 9))


async def trim(wire: Wire, attempt: Held, last: int) -> None:
    await wire.queue.trim_records([((GROUP, attempt.execution, attempt.attempt), last)])


async def test_a_trimmed_stream_keeps_what_came_since_and_the_number_of_its_last_record(
    wire: Wire, attempt: Held
) -> None:
    await filled(wire, attempt, 50)
    await trim(wire, attempt, 30)
    assert await stored(wire, attempt, 30) == numbered(31, 50)
    await trim(wire, attempt, 50)
    assert await stored(wire, attempt, 50) == []
    assert await wire.queue.last_record(GROUP, attempt.execution, 1) == 50
    assert await wire.agent().append(attempt, 51, lines(51, 52)) == Appended(52)
    assert await stored(wire, attempt, 50) == numbered(51, 52)


async def test_trimming_again_or_what_is_not_there_is_harmless(wire: Wire, attempt: Held) -> None:
    await trim(wire, attempt, 30)
    await filled(wire, attempt, 50)
    await trim(wire, attempt, 30)
    await trim(wire, attempt, 10)
    assert await stored(wire, attempt, 30) == numbered(31, 50)


async def test_reading_what_was_trimmed_is_a_gap_and_never_passed_over(wire: Wire, attempt: Held) -> None:
    await filled(wire, attempt, 50)
    await trim(wire, attempt, 30)
    for after in (0, 5, 19):
        with pytest.raises(Gap) as gap:
            await wire.queue.records(GROUP, attempt.execution, 1, after, 100)
        assert after + 1 < gap.value.first <= 31


async def test_following_what_was_trimmed_is_a_gap_and_never_passed_over(wire: Wire, attempt: Held) -> None:
    await filled(wire, attempt, 50)
    await trim(wire, attempt, 30)
    async with aclosing(wire.tail.follow(GROUP, attempt.execution, 1, 0)) as batches:
        with pytest.raises(Gap):
            await anext(batches)


async def test_after_a_flush_a_stream_goes_on_behind_what_the_object_store_has(wire: Wire, attempt: Held) -> None:
    agent = wire.agent()
    await filled(wire, attempt, 50)
    await trim(wire, attempt, 30)
    await wire.flush()
    await wire.queue.prepare()
    assert await agent.append(attempt, 51, lines(51, 60), covered=30) == Appended(30)
    assert await stored(wire, attempt) == []
    assert await agent.append(attempt, 31, lines(31, 60), covered=30) == Appended(60)
    assert await stored(wire, attempt, 30) == numbered(31, 60)


async def test_a_stream_that_went_back_to_before_what_the_object_store_has_begins_behind_it(
    wire: Wire, attempt: Held
) -> None:
    agent = wire.agent()
    await filled(wire, attempt, 20)
    assert await agent.append(attempt, 31, lines(31, 40), covered=30) == Appended(40)
    assert await stored(wire, attempt, 30) == numbered(31, 40)
    with pytest.raises(Gap):
        await wire.queue.records(GROUP, attempt.execution, 1, 0, 100)


async def test_only_covered_records_are_no_gap(wire: Wire, attempt: Held) -> None:
    assert await wire.agent().append(attempt, 32, lines(32, 40), covered=30) == Appended(30)
    assert await stored(wire, attempt) == []
