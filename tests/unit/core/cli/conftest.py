from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from perijove.cli.root import main
from perijove.cli.session import Connection
from perijove.model.ids import new_id
from perijove.model.resources import ExecutionDetail
from perijove.model.spec import Notebook, Spec
from perijove.model.status import Status

PREFIX = "/services/perijove/api/v1/"
INFO = {"version": "1", "user": "ann", "admin": False, "scopes": [], "snapshot_limit": 1 << 20, "notebook_limit": 1}


@dataclass
class Service:
    """The answers recorded for each route, and what was asked of it."""

    answers: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    heard: Callable[[httpx.Request], None] = field(default=lambda _request: None)

    def json(self, route: str, body: Any, status: int = 200) -> None:
        self.answers[route] = httpx.Response(status, json=body)

    def items(self, route: str, *items: Any) -> None:
        self.json(route, {"items": items, "next": None})

    def error(self, route: str, status: int, code: str, message: str, hint: str = "") -> None:
        self.json(route, {"error": {"code": code, "message": message, "hint": hint}}, status)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.heard(request)
        route = f"{request.method} {request.url.path.removeprefix(PREFIX)}"
        family = route.partition("/")[0] + "/*"
        answer = (
            self.answers.get(route)
            or self.answers.get(family)
            or httpx.Response(
                404, json={"error": {"code": "not_found", "message": f"There is no {route}.", "hint": ""}}
            )
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bodies(self, route: str) -> list[Any]:
        """The JSON bodies that were sent to a route."""
        method, _, path = route.partition(" ")
        return [json.loads(r.content) for r in self.asked if r.method == method and r.url.path == PREFIX + path]


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


@pytest.fixture
def service() -> Service:
    service = Service()
    service.json("GET info", INFO)
    return service


@pytest.fixture
def perijove(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Calls the command line as the process would."""
    monkeypatch.setenv("PERIJOVE_URL", "https://hub.example.org/services/perijove/")
    monkeypatch.setenv("PERIJOVE_TOKEN", "t0k")
    transport = httpx.MockTransport(service.answer)

    def call(*arguments: str) -> Result:
        status = main(arguments, Connection(transport, transport))
        told = capsys.readouterr()
        return Result(status, told.out, told.err)

    return call


@pytest.fixture
def execution(service: Service) -> Callable[..., dict[str, Any]]:
    """Makes an execution that the service knows by its number and its id."""

    def make(status: str = "complete", number: int = 12, **changes: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {n: None for n, field in ExecutionDetail.model_fields.items() if field.is_required()}
        now = datetime(2026, 11, 20, tzinfo=timezone.utc)
        fields |= {"id": new_id("ex"), "number": number, "project": new_id("pr"), "project_name": "ann"}
        fields |= {"owner": "ann", "status": Status(status), "detail": "", "sentence": f"It is {status}.", "hint": ""}
        fields |= {"attempt": 1, "metadata": {}, "environment": {}, "attempts": [], "created_at": now}
        fields |= {"left_out": 0, "left_out_files": [], "metadata_truncated": False, "waits_for": ""}
        fields |= {"spec": Spec(group="local", notebook=Notebook(path="train.ipynb"))}
        fields |= {"url": f"https://hub.example.org/services/perijove/executions/{number}"}
        made = ExecutionDetail(**{**fields, **changes})
        written = {**made.model_dump(mode="json"), "spec": made.spec.as_json()}
        service.items("GET executions", written)
        service.json(f"GET executions/{made.id}", written)
        service.items(f"GET executions/{made.id}/outputs")
        return written

    return make


@pytest.fixture
def story(service: Service) -> Callable[..., None]:
    """Records the event stream of an execution: its records, given without number and time."""

    def tell(execution: dict[str, Any], *records: dict[str, Any]) -> None:
        body = [f"event: execution\ndata: {json.dumps(execution)}\n\n"]
        for n, record in enumerate(records, 1):
            line = json.dumps({"n": n, "t": 0.0, **record})
            body.append(f"event: record\nid: 1-{n}\ndata: {line}\n\n")
        body.append("event: end\ndata: {}\n\n")
        service.answers[f"GET executions/{execution['id']}/events"] = httpx.Response(200, text="".join(body))

    return tell
