from __future__ import annotations

import pytest

from perijove.model.status import HELD, STOPPABLE, TERMINAL, TRANSITIONS, Status, Writer, allowed, sources


def test_nothing_leaves_a_terminal_status():
    assert not [step for step in TRANSITIONS if step.source in TERMINAL]


def test_every_status_that_is_not_terminal_leads_to_a_terminal_one():
    leads = set(TERMINAL)
    for _ in Status:
        leads |= {step.source for step in TRANSITIONS if step.target in leads}
    assert leads == set(Status)


def test_only_work_in_a_worker_s_hands_is_completed():
    assert sources(Status.COMPLETE, Writer.APPLIER) == HELD


def test_a_person_may_stop_whatever_is_not_over_and_not_already_stopping():
    assert set(Status) - TERMINAL - {Status.STOPPING} == STOPPABLE


@pytest.mark.parametrize("writer", list(Writer))
def test_nobody_starts_an_execution_twice(writer):
    assert not allowed(Status.STARTED, Status.STARTED, writer)


def test_only_the_applier_starts_an_execution():
    assert {step.writer for step in TRANSITIONS if step.target is Status.STARTED} == {Writer.APPLIER}
