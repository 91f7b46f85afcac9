from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

PNG = {"data": {"image/png": "iVBO" * 3000, "text/plain": "<Figure>"}, "metadata": {}}


def log(text, stream="stdout"):
    return {"kind": "log", "stream": stream, "text": text}


def output(message, content):
    return {"kind": "output", "cell": "c1", "message": message, "content": content}


def cell(index, state, **more):
    return {"kind": "cell", "cell": f"c{index}", "state": state, "index": index, "total": 3, **more}


@pytest.mark.parametrize(("status", "code"), [("complete", 0), ("error", 1), ("crashed", 3), ("stopped", 3)])
def test_the_exit_status_says_how_it_ended(perijove, execution, story, status, code):
    story(execution(status))
    assert perijove("logs", "-f", "12").status == code


def test_the_log_goes_to_standard_output_and_all_else_to_standard_error(perijove, execution, story):
    records = [
        {"kind": "phase", "phase": "running"},
        cell(1, "running"),
        output("stream", {"text": "one\n"}),
        log("two\n"),
        cell(1, "done", seconds=1.25),
        output("stream", {"name": "stderr", "text": "end"}),
    ]
    made = execution(metadata={"loss": 0.12345678}, hint="Well done.", detail="Really.")
    story(made, *records)
    told = perijove("logs", "-f", "12")
    assert told.out == "one\ntwo\nend\n"
    assert "Cell 1 of 3 done in 1.2 s." in told.err
    assert "Running." in told.err
    assert "It is complete. Really." in told.err
    assert "Hint: Well done." in told.err
    assert "loss    0.123457" in told.err
    assert made["url"] in told.err
    assert "\x1b" not in told.out + told.err


def test_displays_are_put_in_words(perijove, execution, story):
    records = [
        output("display_data", PNG),
        output("execute_result", {"data": {"text/plain": "42"}, "metadata": {}}),
        output("execute_result", {"data": {"text/plain": ["a\n", "b"]}, "metadata": {}}),
        output("error", {"ename": "E", "evalue": "v", "traceback": ["Traceback", "E: v"]}),
        output("error", {"ename": "E", "evalue": "v", "traceback": []}),
        output("display_data", {"data": {"application/x+json": {}}, "metadata": {}}),
        output("clear_output", {"wait": True}),
        output("update_display_data", {"data": {"text/plain": "again"}}),
        {**output("display_data", None), "ref": "0" * 64},
    ]
    story(execution(), *records)
    assert perijove("logs", "-f", "12").out.splitlines() == [
        "[image/png, 8.8 KiB]",
        "42",
        "a",
        "b",
        "Traceback",
        "E: v",
        "E: v",
        "[application/x+json]",
        "[display_data: too large to show here; it is in the executed notebook]",
    ]


def test_json_is_a_line_for_each_event_and_then_the_execution(perijove, execution, story):
    made = execution()
    story(made, log("x"))
    first, second, last = map(json.loads, perijove("logs", "-f", "12", "--json").out.splitlines())
    assert first["event"] == "execution"
    assert second == {"event": "record", "attempt": 1, "record": {"n": 1, "t": 0.0, **log("x")}}
    assert last == made


def test_quiet_leaves_the_log_alone(perijove, execution, story):
    story(execution("error"), log("x\n"))
    told = perijove("logs", "-q", "-f", "12")
    assert (told.status, told.out, told.err) == (1, "x\n", "")


class _UntilAsked(httpx.AsyncByteStream):
    """An event stream that ends once somebody has asked why."""

    def __init__(self, first: bytes, service: Any, why: str) -> None:
        self._first, self._service, self._why = first, service, why

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        asked = asyncio.Event()
        self._service.heard = lambda request: asked.set() if request.url.path.endswith(self._why) else None
        await asked.wait()
        yield b"event: end\ndata: {}\n\n"


def test_while_it_waits_it_is_told_for_what(perijove, execution, service):
    made = execution("queued")
    first = f"event: execution\ndata: {json.dumps(made)}\n\n".encode()
    service.answers[f"GET executions/{made['id']}/events"] = httpx.Response(
        200, stream=_UntilAsked(first, service, "/why")
    )
    service.json(f"GET executions/{made['id']}/why", {"sentence": "Two are before it."})
    told = perijove("logs", "-f", "12")
    assert "Two are before it." in told.err.splitlines()


def test_ctrl_c_leaves_it_running_and_says_how_to_stop_it(perijove, execution, service):
    made = execution("started")
    service.answers[f"GET executions/{made['id']}/events"] = _Interrupting()
    told = perijove("logs", "-f", "12")
    assert told.status == 130
    assert "perijove stop ann/12" in told.err


class _Interrupting(httpx.Response):
    """Ctrl-C arrives while this is being read."""

    def __init__(self) -> None:
        super().__init__(200, stream=httpx.ByteStream(b""))

    async def aiter_bytes(self, chunk_size=None):
        raise KeyboardInterrupt
        yield b""
