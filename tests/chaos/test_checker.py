"""A green storm says something because the checker sees what would be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from storm.checker import FoundAttempt, FoundExecution, FoundOutput, problems
from storm.plan import Work, make_plan

PLAN = make_plan(1, 4)


def good(work: Work) -> FoundExecution:
    status = "complete" if work.reason == "ok" else "error"
    names = {**work.outputs, **({"book.ipynb": "b" * 64} if work.document else {})}
    outputs = [FoundOutput(2, name, sha256, sha256) for name, sha256 in names.items()]
    lines = [f"line {n}" for n in range(work.lines)]
    attempts = [FoundAttempt(1, "worker_lost", 3, True), FoundAttempt(2, work.reason.value, 9, True)]
    numbers = range(1, 10)
    return FoundExecution(work.name, "ex-1", status, work.reason.value, 2, attempts, outputs, numbers, lines)


GOOD = [good(work) for work in PLAN]
FIRST = GOOD[0]
OUTPUT = FIRST.outputs[0]
LAST = FIRST.attempts[1]


def test_a_plan_is_the_same_for_the_same_seed_and_has_every_kind() -> None:
    assert make_plan(1, 20) == make_plan(1, 20) != make_plan(2, 20)
    assert {work.reason.value for work in PLAN} == {"ok", "nonzero_exit", "cell_error"}


def test_kept_promises_are_no_problem() -> None:
    assert problems(PLAN, GOOD) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "there are 0 executions of it"),
        ([FIRST, FIRST], "there are 2 executions of it"),
        ([replace(FIRST, status="started", reason=None)], "it is started/None instead of complete/ok"),
        ([replace(FIRST, status="crashed", reason="worker_lost")], "it is crashed/worker_lost"),
        ([replace(FIRST, attempts=[LAST, LAST])], "its attempts are [2, 2]"),
        ([replace(FIRST, attempts=[replace(LAST, attempt=1), LAST])], "attempt 1 ended for ok, and another followed"),
        ([replace(FIRST, attempts=[replace(LAST, archived=False)])], "its last attempt is not archived"),
        ([replace(FIRST, outputs=[])], "its outputs are []"),
        ([replace(FIRST, outputs=[OUTPUT, OUTPUT])], "its outputs are ['result.txt', 'result.txt']"),
        ([replace(FIRST, outputs=[replace(OUTPUT, attempt=1)])], "is of attempt 1 instead of 2"),
        ([replace(FIRST, outputs=[replace(OUTPUT, stored="c" * 64)])], "have the digest"),
        ([replace(FIRST, outputs=[replace(OUTPUT, sha256="c" * 64, stored="c" * 64)])], "another content"),
        ([replace(FIRST, numbers=[1, 2, 2, *range(3, 9)])], "are not numbered 1, 2, 3"),
        ([replace(FIRST, numbers=range(1, 9))], "its archive has 8 records, its worker told of 9"),
        ([replace(FIRST, printed=FIRST.printed[:-1])], "numbered lines"),
        ([replace(FIRST, printed=[*FIRST.printed[1:], FIRST.printed[0]])], "numbered lines"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_told(found: list[FoundExecution], said: str) -> None:
    (problem,) = problems(PLAN[:1], found)
    assert said in problem


def test_what_nobody_submitted_and_what_is_left_behind_is_told() -> None:
    assert problems([], [FIRST], ["a lease"]) == [f"nobody submitted '{FIRST.title}'", "left behind: a lease"]
