"""What counts as executed."""

from __future__ import annotations

import pytest

from perijove.magics.session import executed_cells


@pytest.fixture
def executed(session):
    def look():
        failures = session.shell.magics_manager.registry["RemoteMagics"].failures
        return {cell.number: cell.source for cell in executed_cells(session.shell, failures)}

    return look


def test_inputs_count_as_they_were_written(session, executed):
    session.run("a = 1")
    session.run("%timeit -n1 -r1 a")
    assert executed() == {1: "a = 1", 2: "%timeit -n1 -r1 a"}


def test_a_cell_that_was_sent_away_did_not_run_here(session, service, executed):
    session.run("%%remote\nb = 1")
    session.run("a = 1")
    assert executed() == {2: "a = 1"}


def test_a_cell_sent_from_within_another_magic_did_not_run_here_either(session, service, executed):
    session.run("%%time\n%%remote\nb = 1")
    assert executed() == {}
    assert [*service.sources] == ["in-1"]


def test_what_loads_perijove_stays(session, executed):
    session.shell.run_cell("import math\n%load_ext perijove\nx = 1", store_history=True)
    assert executed() == {1: "import math\n\nx = 1"}


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("a = 1\nb = 1 / 0\nc = 2", "a = 1"),
        ("a = 1\n@int('x')\ndef f(): ...", "a = 1"),
        ("%matplotlib_is_not_there\na = 1", None),
        ("def f():\n    raise KeyError\nf()", "def f():\n    raise KeyError"),
        ("a = 1\nfor i in [0]:\n    b = 1\n    1 / i", "a = 1"),
        ("1 / 0", None),
        ("a = ", None),
    ],
)
def test_a_cell_that_raised_counts_up_to_the_statement_that_raised(session, executed, source, left):
    session.shell.run_cell(source, store_history=True)
    assert executed() == ({} if left is None else {1: left})


def test_asking_for_help_defines_nothing(session, executed):
    session.run("len?")
    assert executed() == {}
