"""Kernels that send what they should not: the work runs once, and the log says what was wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import odd_kernel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perijove.model.reasons import Reason
from perijove_agent.kernel import connection
from perijove_agent.kernel.messages import MOST

ODD_TEXT = st.text(st.characters(), max_size=5)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)
#: Every type of message, with the fields it has.
FIELDS: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout", "text": "text"},
    "display_data": {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "d"}},
    "update_display_data": {"data": {"text/plain": "2"}, "metadata": {}, "transient": {"display_id": "d"}},
    "execute_result": {"data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1},
    "error": {"ename": "E", "evalue": "v", "traceback": ["t"]},
    "clear_output": {"wait": True},
    "status": {"execution_state": "busy"},
    "execute_input": {"code": "1", "execution_count": 1},
    "comm_open": {
        "comm_id": "c", "target_name": "jupyter.widget",
        "data": {"state": {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}},
    },
    "comm_msg": {"comm_id": "c", "data": {"method": "update", "state": {"msg_id": ""}, "buffer_paths": [["a"]]}},
    "comm_close": {"comm_id": "c", "data": {}},
    "debug_event": {"event": "e"},
    "of_nobody": {"a": 1},
}  # fmt: skip
PARTS = st.sampled_from(["", "{", "null", "[]", "1", '"\\ud800"', "[" * 5000, '{"a": NaN}', '{"msg_id": 1}', "\ud83d"])


@st.composite
def contents(draw: st.DrawFn) -> tuple[str, str]:
    """A message's type and content, in which one field is missing or of any type, or has any inside."""
    kind = draw(st.sampled_from(sorted(FIELDS)))
    content = json.loads(json.dumps(FIELDS[kind]))
    inside = content
    while True:
        name = draw(st.sampled_from(sorted(inside)))
        if not (isinstance(inside[name], dict) and inside[name] and draw(st.booleans())):
            break
        inside = inside[name]
    if draw(st.booleans()):
        inside[name] = draw(VALUE)
    else:
        del inside[name]
    return kind, json.dumps(content)


@st.composite
def messages(draw: st.DrawFn) -> list[str | None]:
    """A message: mostly with odd content, now and then with an odd part in another place."""
    kind, content = draw(contents())
    header = json.dumps({"msg_id": draw(ODD_TEXT), "msg_type": kind})
    parts: list[str | None] = [header, None, None, content]
    if draw(st.integers(0, 4)) == 0:
        parts[draw(st.integers(0, 3))] = draw(PARTS)
    return parts


@pytest.fixture
def odd(notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a ticket whose cells are given to the odd kernel."""
    folder = tmp_path / "jupyter" / "kernels" / "odd"
    folder.mkdir(parents=True)
    argv = [sys.executable, odd_kernel.__file__, "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Odd", "language": "odd"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return lambda *cells: notebook(*map(json.dumps, cells), kernel="odd")


async def run_once(master: Any, ticket: Any) -> tuple[Any, list[Any], Any]:
    """Run a ticket; return how it ended, its records and the executed notebook, which must be valid."""
    finished, records = await master.run_ticket(ticket)
    executed = json.loads(await master.output(ticket, "book.ipynb"), parse_constant=pytest.fail)
    nbformat.validate(executed)
    return finished, records, executed


def said(records: list[Any]) -> str:
    return "".join(r.text for r in records if r.kind == "log" and r.stream == "system")


@pytest.mark.usefixtures("agent")
@given(cells=st.lists(st.lists(messages(), min_size=1, max_size=8), min_size=1, max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_a_kernel_sends_its_notebook_runs_once_and_completes(master: Any, odd: Any, cells: Any) -> None:
    master.events.clear()
    ticket = odd(*({"iopub": cell, "shell": cell[:1]} for cell in cells))
    finished, records, _ = await run_once(master, ticket)
    assert finished.reason is Reason.OK, finished.detail
    assert [r.done for r in records if r.kind == "progress"] == list(range(len(cells) + 1))
    assert said(records).count("\n") <= MOST + 1
    assert [event.attempt for event in master.events if event.kind == "finished"] == [1]


@pytest.mark.usefixtures("agent")
@given(content=st.one_of(VALUE.map(json.dumps), PARTS))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_a_reply_holds_its_cell_ends(master: Any, odd: Any, content: str) -> None:
    ticket = odd({"reply": content}, {})
    _, records = await master.run_ticket(ticket)
    assert [r.done for r in records if r.kind == "progress"][:2] in ([0, 1], [0])


@pytest.mark.usefixtures("agent")
async def test_what_is_wrong_with_a_display_is_said_and_the_rest_is_shown(master: Any, odd: Any) -> None:
    data = {"text/plain": "A", "text/html": None, "image/png": 5, "application/json": [1, None]}
    content = json.dumps({"data": data, "metadata": None, "transient": None})
    header = json.dumps({"msg_id": "1", "msg_type": "display_data"})
    _, records, executed = await run_once(master, odd({"iopub": [[header, None, None, content]]}))
    shown = {"text/plain": "A", "image/png": "5", "application/json": [1, None]}
    (record,) = [r for r in records if r.kind == "output"]
    assert record.content["data"] == shown
    assert executed["cells"][0]["outputs"][0]["data"]["image/png"] == "5"
    assert "with nothing for text/html, which was left out" in said(records)


@pytest.mark.usefixtures("agent")
async def test_a_kernel_that_does_not_say_that_it_is_done_is_not_waited_for(
    master: Any, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SILENCE", 0.2)
    finished, records, _ = await run_once(master, odd({"idle": False}, {"idle": False}))
    assert finished.reason is Reason.OK
    assert "did not say that it is done" in said(records)
    finished, records, _ = await run_once(master, odd({"reply": None}))
    assert (finished.reason, finished.detail) == (Reason.CELL_ERROR, "NoReply: The kernel did not reply.")


@pytest.mark.usefixtures("agent")
async def test_a_reason_names_the_error_that_the_cell_shows(master: Any, odd: Any) -> None:
    header = json.dumps({"msg_id": "1", "msg_type": "error"})
    shown = json.dumps({"ename": "DomainError", "evalue": "x < 0\nmore", "traceback": []})
    reply = json.dumps({"status": "error", "ename": "NoneType", "evalue": "None", "traceback": []})
    finished, _, _ = await run_once(master, odd({"iopub": [[header, None, None, shown]], "reply": reply}))
    assert (finished.reason, finished.detail) == (Reason.CELL_ERROR, "DomainError: x < 0")
