"""An agent that cannot reach Redis says so, and what to check; not every time."""

from __future__ import annotations

import logging

import pytest

from perijove.errors import Unavailable
from perijove_agent.away import Away


def test_an_agent_that_enrolled_and_cannot_reach_redis_says_what_to_check(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    away = Away()
    for _ in range(3):
        away.note(Unavailable("Connection refused."), first=True)
    (line,) = caplog.messages
    assert line.startswith("enrolled, but Redis cannot be reached")
    assert "Connection refused." in line
    assert all(word in line for word in ("address", "firewall", "TLS"))
    away.over()
    assert caplog.messages[-1] == "Redis answers again"


def test_an_agent_whose_redis_goes_away_says_that_what_runs_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    away = Away()
    away.note(Unavailable("Connection reset."), first=False)
    assert "What runs goes on." in caplog.messages[0]
