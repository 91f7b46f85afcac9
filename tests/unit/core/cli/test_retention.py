from __future__ import annotations

import json

SETTINGS = {"logs": 10, "outputs": None, "code": None, "executions": None}
LOGS = {"kind": "logs", "project": "digits", "count": 12, "bytes": 3 << 20}
ORPHANS = {"kind": "orphans", "project": None, "count": 1, "bytes": 5}


def report(*removals, withheld=()):
    return {"settings": SETTINGS, "swept_at": None, "removals": removals, "withheld": withheld}


def test_it_shows_what_the_next_sweep_would_remove(service, perijove):
    service.json("GET retention", report(LOGS, ORPHANS))
    result = perijove("retention")
    assert result.status == 0
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[1:] == [["logs", "digits", "12", "3.0", "MiB"], ["orphans", "-", "1", "5", "B"]]
    assert json.loads(perijove("retention", "--json").out)["removals"] == [LOGS, ORPHANS]


def test_it_says_that_there_is_nothing(service, perijove):
    service.json("GET retention", report())
    assert "would remove nothing" in perijove("retention").err


def test_it_says_what_a_sweep_would_withhold_and_how_it_is_removed(service, perijove):
    service.json("GET retention", report(LOGS, withheld=["logs"]))
    assert "perijove retention --sweep --yes" in perijove("retention").err


def test_a_sweep_is_asked_for_and_may_be_told_to_remove_everything(service, perijove):
    service.json("POST retention/sweep", report(LOGS), status=202)
    assert perijove("retention", "--sweep").status == 0
    assert perijove("retention", "--sweep", "--yes").status == 0
    assert service.bodies("POST retention/sweep") == [{"all": False}, {"all": True}]
    assert perijove("retention", "--yes").status == 2
