from __future__ import annotations

import pytest

from perijove.model.reasons import MEANINGS, Fault, Reason, Retry
from perijove.model.status import Status


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_a_user_can_read(reason):
    sentence = MEANINGS[reason].sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()


@pytest.mark.parametrize("reason", [r for r in Reason if MEANINGS[r].fault is not Fault.NOBODY])
def test_every_failure_has_a_hint(reason):
    assert MEANINGS[reason].hint


@pytest.mark.parametrize("reason", [r for r in Reason if MEANINGS[r].fault is Fault.USER])
def test_the_user_s_failures_end_in_error_and_are_never_retried(reason):
    assert MEANINGS[reason].status is Status.ERROR
    assert MEANINGS[reason].retry is Retry.NEVER


@pytest.mark.parametrize("reason", [Reason.TIME_LIMIT, Reason.NO_OUTPUT, Reason.OUT_OF_MEMORY])
def test_limits_are_the_user_s(reason):
    assert MEANINGS[reason].fault is Fault.USER


def test_infrastructure_failures_never_end_in_error():
    assert all(
        meaning.status is Status.CRASHED for meaning in MEANINGS.values() if meaning.fault is Fault.INFRASTRUCTURE
    )
