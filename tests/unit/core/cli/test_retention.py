from __future__ import annotations

import json

SETTINGS = {"logs": 10, "outputs": None, "code": None, "executions": None}
LOGS = {"kind": "logs", "project": "digits", "count": 12, "bytes": 3 << 20}
ORPHANS = {"kind": "orphans", "project": None, "count": 1, "bytes": 5}


def report(*removals):
    return {"settings": SETTINGS, "swept_at": None, "removals": removals}


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
