"""The reference names everything the code can answer, in the code's own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perijove import errors
from perijove.cli.failures import EXIT
from perijove.cli.root import COMMANDS
from perijove.errors import PerijoveError
from perijove.model.reasons import MEANINGS, Reason
from perijove.model.status import TRANSITIONS, Status, Transition


@pytest.fixture(scope="session")
def rows(root: Path) -> dict[str, list[list[str]]]:
    """The tables of the page: heading → rows of cells."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in (root / "docs" / "reference.md").read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("| "):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def _row(table: list[list[str]], first: str) -> list[str]:
    matching = [row for row in table if row[0] == first]
    assert len(matching) == 1, f"{first} stands {len(matching)} times"
    return matching[0]


@pytest.mark.parametrize("status", Status)
def test_each_status_is_explained(rows: dict[str, list[list[str]]], status: Status) -> None:
    assert len(_row(rows["Statuses"], f"`{status}`")[1]) > 10


@pytest.mark.parametrize("step", TRANSITIONS)
def test_each_transition_is_listed(rows: dict[str, list[list[str]]], step: Transition) -> None:
    assert [f"`{step.source}` → `{step.target}`", step.writer.value, step.when] in rows["Statuses"]


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_explained_in_its_own_words(rows: dict[str, list[list[str]]], reason: Reason) -> None:
    meaning = MEANINGS[reason]
    _, status, _, _, words = _row(rows["Reasons"], f"`{reason}`")
    assert status == f"`{meaning.status}`"
    assert words == f"{meaning.sentence} {meaning.hint}".strip()


def _tree(kind: type[PerijoveError]) -> Iterator[type[PerijoveError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


@pytest.mark.parametrize("kind", [kind for kind in _tree(PerijoveError) if kind.__module__ == errors.__name__])
def test_each_error_is_listed(rows: dict[str, list[list[str]]], kind: type[PerijoveError]) -> None:
    assert _row(rows["Errors"], f"`{kind().code}`") == [f"`{kind().code}`", str(kind.status), kind().message]


def test_no_table_lists_what_the_code_does_not_know(rows: dict[str, list[list[str]]]) -> None:
    codes = {f"`{kind().code}`" for kind in _tree(PerijoveError)} | {"code", "---"}
    assert {row[0] for row in rows["Errors"]} <= codes
    assert {row[0] for row in rows["Reasons"]} == {f"`{reason}`" for reason in Reason} | {"reason", "---"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_listed(rows: dict[str, list[list[str]]], command: str) -> None:
    table = [row[0] for row in rows["The command line"]]
    assert any(cell.startswith((f"`perijove {command} ", f"`perijove {command}`")) for cell in table)


@pytest.mark.parametrize("status", sorted(set(EXIT.values())))
def test_each_exit_status_is_listed(rows: dict[str, list[list[str]]], status: int) -> None:
    assert _row(rows["The command line"], str(status))
