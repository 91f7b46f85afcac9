"""Records: numbered without a gap, written once, however often they are sent."""

from __future__ import annotations

import pytest

from perijove.model.ids import new_id
from perijove.wire.limits import ENTRY_LIMIT
from perijove.wire.protocol import Appended, Held

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
    await wire.queue.expire_records(GROUP, attempt.execution, 1, 60)
    assert await stored(wire, attempt) == numbered(1, 3)
    await wire.queue.expire_records(GROUP, attempt.execution, 1, 0)
    assert await stored(wire, attempt) == []


async def test_expiring_what_is_not_there_is_harmless(wire: Wire, attempt: Held) -> None:
    await wire.queue.expire_records(GROUP, attempt.execution, 1, 60)
    assert await stored(wire, attempt) == []
