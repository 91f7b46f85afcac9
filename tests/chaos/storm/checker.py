"""What must hold after every storm, checked by pure functions of what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perijove.model.reasons import MEANINGS, Fault, Reason
from storm.plan import EXECUTED, Work


@dataclass(frozen=True)
class FoundAttempt:
    """One attempt's row."""

    attempt: int
    reason: str | None
    records: int | None
    archived: bool


@dataclass(frozen=True)
class FoundOutput:
    """One committed output: what its row says, and the SHA-256 of the bytes that are really there."""

    attempt: int
    name: str
    sha256: str
    stored: str | None


@dataclass(frozen=True)
class FoundExecution:
    """Everything found of one execution.

    Attributes
    ----------
    numbers : list of int
        The numbers of the records in the last attempt's archive, as they lie there.
    printed : list of str
        The lines its work printed, by that archive.
    """

    title: str
    id: str
    status: str
    reason: str | None
    attempt: int
    attempts: Sequence[FoundAttempt] = ()
    outputs: Sequence[FoundOutput] = ()
    numbers: Sequence[int] = ()
    printed: Sequence[str] = ()


def problems(plan: Sequence[Work], executions: Sequence[FoundExecution], leftovers: Sequence[str] = ()) -> list[str]:
    """Return a sentence for every promise that was not kept; an empty list is what a run is for."""
    by_title: dict[str, list[FoundExecution]] = {}
    for execution in executions:
        by_title.setdefault(execution.title, []).append(execution)
    told = [f"nobody submitted '{title}'" for title in sorted(by_title.keys() - {work.name for work in plan})]
    for work in plan:
        found = by_title.get(work.name, [])
        if len(found) == 1:
            told += [f"{work.name} ({found[0].id}): {problem}" for problem in _of_execution(work, found[0])]
        else:
            told.append(f"{work.name}: there are {len(found)} executions of it")
    return [*told, *(f"left behind: {each}" for each in leftovers)]


def _of_execution(work: Work, found: FoundExecution) -> Iterator[str]:
    status = MEANINGS[work.reason].status.value
    if (found.status, found.reason) != (status, work.reason.value):
        yield f"it is {found.status}/{found.reason} instead of {status}/{work.reason.value}"
        return
    yield from _of_attempts(work, found)
    yield from _of_outputs(work, found)
    yield from _of_log(work, found)


def _of_attempts(work: Work, found: FoundExecution) -> Iterator[str]:
    numbers = [each.attempt for each in found.attempts]
    # An attempt that nobody got to claim before it was superseded has no row.
    if numbers != sorted(set(numbers)) or not numbers or numbers[-1] != found.attempt:
        yield f"its attempts are {numbers}, its row says {found.attempt}"
        return
    *earlier, last = found.attempts
    if last.reason != work.reason.value:
        yield f"its last attempt ended for {last.reason}"
    for each in earlier:
        if each.reason is None or MEANINGS[Reason(each.reason)].fault is not Fault.INFRASTRUCTURE:
            yield f"attempt {each.attempt} ended for {each.reason}, and another followed"
    if not last.archived:
        yield "its last attempt is not archived"


def _of_outputs(work: Work, found: FoundExecution) -> Iterator[str]:
    expected: Mapping[str, str | None] = {**work.outputs, **({EXECUTED: None} if work.document else {})}
    names = sorted(each.name for each in found.outputs)
    if names != sorted(expected):
        yield f"its outputs are {names} instead of {sorted(expected)}"
    for each in found.outputs:
        if each.attempt != found.attempt:
            yield f"its output {each.name} is of attempt {each.attempt} instead of {found.attempt}"
        if each.stored != each.sha256:
            yield f"the bytes of its output {each.name} have the digest {each.stored}, its row says {each.sha256}"
        if expected.get(each.name) not in {None, each.sha256}:
            yield f"its output {each.name} has another content than it wrote"


def _of_log(work: Work, found: FoundExecution) -> Iterator[str]:
    last = found.attempts[-1].records if found.attempts else None
    if list(found.numbers) != list(range(1, len(found.numbers) + 1)):
        yield "the records of its archive are not numbered 1, 2, 3, …"
    if len(found.numbers) != last:
        yield f"its archive has {len(found.numbers)} records, its worker told of {last}"
    printed = [line for line in found.printed if line.startswith("line ")]
    if printed != [f"line {n}" for n in range(work.lines)]:
        yield f"its archive has {len(printed)} numbered lines, {len(set(printed))} of them distinct, of {work.lines}"
