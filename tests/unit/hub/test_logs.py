from __future__ import annotations

import json
import logging

from perijove_hub import logs


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("perijove_hub").makeRecord(
        "perijove_hub", logging.INFO, __file__, 1, message, (), None, extra=extra
    )
    made.created = 0.0
    return made


def test_a_line_names_the_request_and_the_execution_it_is_about():
    token = logs.request_id.set("4f00")
    try:
        line = logs.KeyValueFormatter().format(record("stopped it", execution="ex-1"))
    finally:
        logs.request_id.reset(token)
    assert line == (
        "time=1970-01-01T00:00:00.000+00:00 level=info logger=perijove_hub request=4f00 execution=ex-1"
        ' message="stopped it"'
    )


def test_a_json_line_is_one_object_with_the_same_fields():
    assert json.loads(logs.JsonFormatter().format(record('a "quoted"\nline'))) == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "info",
        "logger": "perijove_hub",
        "message": 'a "quoted"\nline',
    }


def test_nobody_can_forge_a_line_through_a_message():
    assert "\n" not in logs.KeyValueFormatter().format(record("fine\ntime=… level=info message=forged"))


def test_a_traceback_goes_to_the_log():
    made = record("failed")
    error = KeyError("lost")
    made.exc_info = (KeyError, error, None)
    assert "KeyError: 'lost'" in logs.KeyValueFormatter().format(made)
    assert "KeyError: 'lost'" in json.loads(logs.JsonFormatter().format(made))["traceback"]
