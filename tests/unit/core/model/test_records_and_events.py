from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from perijove.model.control import CONTROL, Stop
from perijove.model.events import EVENT, LEFT_OUT_NAMED, OBJECTS, OUTPUTS, Finished, OutputFile
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.records import RECORD, LogRecord


def test_a_record_s_line_begins_with_its_number():
    line = LogRecord(n=7, t=1.5, stream="stdout", text="hi\n").model_dump_json()
    assert line.startswith('{"n":7,')
    assert RECORD.validate_json(line).text == "hi\n"


def test_an_event_survives_the_wire():
    event = Finished(
        worker=new_id("wk"),
        execution=new_id("ex"),
        attempt=2,
        reason=Reason.CELL_ERROR,
        outputs=[OutputFile(name="a/b.bin", size=3, sha256="0" * 64)],
    )
    assert EVENT.validate_json(event.model_dump_json()) == event


def test_an_output_outside_its_folder_is_no_event():
    event = {"kind": "finished", "worker": new_id("wk"), "execution": new_id("ex"), "attempt": 1, "reason": "ok"}
    with pytest.raises(ValidationError):
        EVENT.validate_python({**event, "outputs": [{"name": "../x", "size": 1, "sha256": "0" * 64}]})


@pytest.mark.parametrize(
    ("name", "item", "most"),
    [
        ("outputs", {"name": "x", "size": 1, "sha256": "0" * 64}, OUTPUTS),
        ("objects", {"what": "output", "name": "x"}, OBJECTS),
        ("left_out", {"name": "x", "why": "y"}, LEFT_OUT_NAMED),
    ],
)
def test_a_list_in_an_event_is_bounded(name: str, item: dict[str, Any], most: int) -> None:
    common = {"worker": new_id("wk"), "execution": new_id("ex"), "attempt": 1}
    kind = {"kind": "sign", "request": "1"} if name == "objects" else {"kind": "finished", "reason": "ok"}
    assert len(getattr(EVENT.validate_python({**common, **kind, name: [item] * most}), name)) == most
    with pytest.raises(ValidationError, match="at most"):
        EVENT.validate_python({**common, **kind, name: [item] * (most + 1)})


def test_a_control_message_says_what_it_is():
    text = Stop(execution=new_id("ex"), attempt=1).model_dump_json()
    assert json.loads(text)["kind"] == "stop"
    assert isinstance(CONTROL.validate_json(text), Stop)


def test_identifiers_sort_by_the_time_they_were_made():
    ids = [new_id("ex") for _ in range(100)]
    assert len(set(ids)) == 100
    assert [i[:13] for i in ids] == sorted(i[:13] for i in ids)
