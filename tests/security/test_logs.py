"""What work prints is shown as text: by REST, by the event stream, in a terminal, and in the service's own log."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from perijove_local.hub import Hub
from sites import Site
from stories import follow

from perijove.model.resources import Execution
from perijove.model.spec import Spec

_HTML = "<script>alert(document.cookie)</script>"
_LINES = {
    "html": _HTML,
    "a title": "\x1b]0;owned\x07",
    "the clipboard": "\x1b]52;c;cm0gLXJmIC8K\x07",
    "a cleared screen": "\x1b[2J\x1b[H",
    "another screen": "\x1b[?1049h",
    "a report that is typed": "\x1b[6n\x1b[c\x1bP$q\x1b\\",
    "a link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "eight bits": "\x9b2J\x9d0;owned\x9c",
    "backspaces": "good\b\b\b\bevil",
    "a colour": "\x1b[31mred\x1b[0m",
    "an end of an event": "data: x\r\n\r\nevent: end\r\ndata: {}\r\n\r\n",
}


@pytest.fixture(scope="module")
def printed(site: Site) -> Execution:
    """An execution that printed all of these, with a title that would write a line into a log."""
    code = f"import json\nfor line in json.loads({json.dumps(json.dumps(list(_LINES.values())))}): print(line)"
    spec = {"command": [f"python3 -c '{_quoted(code)}'"], "group": "local", "title": _HTML}
    with site.client("owner") as owner:
        made = owner.executions.create(Spec.model_validate(spec))
        story = follow(owner, made)
        assert story.end.status.value == "complete", story.log
        return story.end


def _quoted(code: str) -> str:
    return code.replace("'", "'\"'\"'")


def test_the_log_is_text_that_no_browser_takes_for_a_page(site: Site, printed: Execution) -> None:
    with site.http("owner") as http:
        answer = http.get(f"executions/{printed.id}/log")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    for line in (_LINES["html"], _LINES["a title"], _LINES["a colour"]):
        assert line.encode() in answer.content


def test_a_line_cannot_end_the_stream_it_is_told_in(site: Site, printed: Execution) -> None:
    with site.http("owner") as http:
        stream = http.get(f"executions/{printed.id}/events").text
    assert stream.count("\nevent: end\n") == 1
    assert stream.endswith("event: end\ndata: {}\n\n")


def test_a_terminal_gets_colours_and_no_other_sequence(site: Site, printed: Execution, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    program = Path(sys.executable).with_name("perijove")
    environment = {
        **os.environ, "PERIJOVE_URL": site.hub.service_url, "PERIJOVE_TOKEN": site.tokens["owner"], "TERM": "xterm",
    }  # fmt: skip
    with subprocess.Popen(
        [str(program), "logs", printed.id], cwd=tmp_path, env=environment, stdout=follower, stderr=follower,
        stdin=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        os.close(follower)
        shown = _read(leader).decode()
    assert running.returncode == 0, shown
    assert "\x1b[31mred\x1b[0m" in shown
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not re.findall(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", without_colours)
    for told in (_HTML, "␛]0;owned␇", "␛[2J", "\\x9b2J", "good␈␈␈␈evil"):
        assert told in shown, told


def _read(leader: int) -> bytes:
    """Read what a terminal is sent until the program has closed it."""
    pieces = []
    while True:
        try:
            piece = os.read(leader, 65_536)
        except OSError:  # Linux says so that nobody has the other side open
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(leader)
    return b"".join(pieces)


def test_the_services_log_has_one_line_for_a_request_whatever_it_asked_for(site: Site) -> None:
    hub: Hub = site.hub
    with site.http("owner") as http:
        for path in ("executions/%0aFORGED%20level=info", "executions/x%E2%80%A8FORGED", "executions/%1b]0;x%07FORGED"):
            http.get(path)
    lines = [
        line for line in hub.home.log.read_text(encoding="utf-8", errors="replace").split("\n") if "FORGED" in line
    ]
    assert lines
    for line in lines:
        assert " GET /services/perijove/api/v1/executions/" in line
        assert line.isprintable()
