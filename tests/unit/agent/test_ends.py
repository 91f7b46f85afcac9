"""The ends of attempts: each can be sent, and is sent once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perijove.model.events import EVENT, Finished, OutputFile
from perijove.model.reasons import Reason
from perijove.wire import ends
from perijove.wire.ends import sendable
from perijove.wire.protocol import Held
from perijove_agent import ends as remembering
from perijove_agent.ending import Ending
from perijove_agent.ends import Ends
from perijove_scheduler.queue.memory import MemoryQueue

WORKER = "wk-00000000000000000000000001"
HELD = Held("ex-00000000000000000000000001", 1)


def finished(**fields: Any) -> Finished:
    """Return an end; `fields` are taken as they are, as nobody looks at what an agent's own code puts together."""
    event = {"worker": WORKER, "execution": HELD.execution, "attempt": 1, "reason": Reason.OK, "records": 7}
    return Finished.model_validate(event).model_copy(update=fields)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"a": "\ud83d"}},
        {"detail": "\ud83d"},
        {"metadata": {"a": nested(240)}},
        {"metadata": {"a": nested(10_000)}},
        {"environment": {"a": 10**5000}},
        {"environment": {"a": object()}},
    ],
    ids=["a surrogate", "a surrogate in the detail", "deep", "very deep", "a huge number", "an object"],
)
def test_an_end_that_cannot_be_sent_becomes_a_small_one_with_the_cause(fields: Any) -> None:
    event = sendable(finished(**fields))
    assert (event.reason, event.execution, event.attempt, event.records) == (Reason.AGENT_FAILED, HELD.execution, 1, 7)
    assert event.detail.startswith("Its end can't be sent: ")
    assert EVENT.validate_json(event.model_dump_json()) == event


def test_an_end_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "LARGEST", 2_000)
    files = [OutputFile(name=f"{n}.txt", size=1, sha256="0" * 64) for n in range(30)]
    assert "with 30 outputs" in sendable(finished(outputs=files)).detail
    kept = finished(outputs=files[:3])
    assert sendable(kept) is kept


def test_the_sentence_of_an_ending_is_bounded_and_repaired() -> None:
    detail = Ending(detail="\ud83d" + "x" * 10_000).detail
    assert (detail[:2], len(detail)) == ("\ufffdx", ends.LONGEST_DETAIL)


async def test_an_end_that_cannot_be_sent_is_sent_once_as_a_small_one() -> None:
    queue, closed = MemoryQueue(), []
    sending = Ends(queue.agent("g", WORKER), WORKER, asyncio.Lock(), closed.append)
    assert sending.of(HELD) is None
    assert await sending.close(finished(metadata={"a": "\ud83d"}))
    told = [delivery.event for delivery in await queue.read_events(["g"], "m", 0, 10)]
    (end,) = [event for event in told if isinstance(event, Finished)]
    assert end.reason is Reason.AGENT_FAILED
    assert (closed, sending.of(HELD)) == ([HELD], end)


async def test_the_outputs_that_remembered_ends_name_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_OUTPUTS", 5)
    sending = Ends(MemoryQueue().agent("g", WORKER), WORKER, asyncio.Lock(), lambda _: None)
    outputs = [OutputFile(name=f"{n}.txt", size=1, sha256="0" * 64) for n in range(3)]
    known = []
    for attempt in (1, 2, 3):
        await sending.close(finished(attempt=attempt, outputs=outputs * attempt))
        known.append([n for n in (1, 2, 3) if sending.of(Held(HELD.execution, n))])
    assert known == [[1], [2], [3]]  # the last one always, however many it names
