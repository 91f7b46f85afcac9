"""Bad input over REST: a 4xx with a code, a sentence and a hint; no row and no file is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from archives import EVIL, archive, code_id
from perijove_local.hub import Hub
from stories import notebook, run

from perijove.client.client import Client
from perijove.errors import Conflict
from perijove.model.fleet import GroupSettings

Send = Callable[[httpx.Client], httpx.Response]
_NOWHERE = "ex-" + "0" * 26
_SNAPSHOT = archive()
_CODE = code_id(_SNAPSHOT)


def _post(document: Any = None, **spec: Any) -> Send:
    """Return a request for an execution of `document` that is well-formed but for what is named."""
    spec = {"notebook": {"path": "notebook.ipynb"}, "group": "local", **spec}
    body = {"spec": spec, "notebook": notebook("n = 1") if document is None else document}
    return lambda api: api.post("executions", json=body)


def _typed_notebook() -> dict[str, Any]:
    document = notebook("epochs = 3", "print(epochs)")
    document["cells"][0]["metadata"]["tags"] = ["parameters"]
    return document


def _prose() -> dict[str, Any]:
    return {**notebook(), "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "prose"}]}


def _get(path: str, params: dict[str, Any] | None = None) -> Send:
    return lambda api: api.get(path, params=params)


def _send(path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Send:
    return lambda api: api.post(path, json=body, headers=headers)


def _raw(body: bytes) -> Send:
    return lambda api: api.post("executions", content=body, headers={"Content-Type": "application/json"})


def _put_code(code: str, body: bytes) -> Send:
    return lambda api: api.put(f"code/{code}", content=body)


_BAD: dict[str, tuple[Send, int, str]] = {
    "not a notebook": (_post({"hello": "world"}), 422, "invalid_notebook"),
    "a list for a notebook": (_post([1, 2, 3]), 422, "invalid_spec"),
    "a notebook of version 2": (_post({**notebook("1"), "nbformat": 2}), 422, "invalid_notebook"),
    "no notebook at all": (
        _send("executions", {"spec": {"notebook": {"path": "n.ipynb"}, "group": "local"}}),
        422,
        "invalid_notebook",
    ),
    "no code cells": (_post(_prose()), 422, "invalid_notebook"),
    "an unknown cell id": (_post(notebook={"path": "n.ipynb", "cells": ["no-such-cell"]}), 422, "unknown_cell"),
    "a parameter of the wrong type": (
        _post(_typed_notebook(), parameters={"epochs": "many"}),
        422,
        "invalid_parameter",
    ),
    "a parameter with an impossible name": (_post(parameters={"a b": 1}), 422, "invalid_parameter"),
    "an unknown group": (_post(group="no-such-group"), 422, "unknown_group"),
    "a group that is not the caller's": (_post(group="theirs"), 422, "unknown_group"),
    "an image on a process group": (_post(image="python:3.12"), 422, "image_not_supported"),
    "an unknown code version": (_post(code="~" + "0" * 64), 422, "unknown_code"),
    "an unknown project": (
        _send("executions", {"project": "no-such", "spec": {"command": "true", "group": "local"}}),
        404,
        "unknown_project",
    ),
    "neither command nor notebook": (_send("executions", {"spec": {"group": "local"}}), 422, "invalid_spec"),
    "both command and notebook": (_post(command=["true"]), 422, "invalid_spec"),
    "a path that leaves its folder": (_post(notebook={"path": "../../etc/passwd"}), 422, "invalid_path"),
    "an absolute path": (_post(notebook={"path": "/etc/passwd"}), 422, "invalid_path"),
    "a path with a NUL": (_post(notebook={"path": "a\0b.ipynb"}), 422, "invalid_path"),
    "an input name with a slash": (
        _post(inputs=[{"name": "a/b", "uris": ["https://example.org/x"]}]),
        422,
        "invalid_spec",
    ),
    "an input from the master's disk": (
        _post(inputs=[{"name": "a", "uris": ["file:///etc/passwd"]}]),
        422,
        "invalid_spec",
    ),
    "a title with a NUL": (_post(title="a\0b"), 422, "invalid_spec"),
    "a command with a NUL": (_send("executions", {"spec": {"command": "a\0b", "group": "local"}}), 422, "invalid_spec"),
    "a project name with a slash": (_send("projects", {"name": "a/b"}), 422, "invalid_spec"),
    "a project name with a NUL": (_send("projects", {"name": "a\0b"}), 422, "invalid_spec"),
    "a negative time limit": (_post(**{"time-limit": -5}), 422, "invalid_spec"),
    "a negative no-output limit": (_post(**{"no-output-timeout": -1}), 422, "invalid_spec"),
    "a negative page size": (_get("executions", {"limit": -1}), 400, "invalid_request"),
    "a cursor that is none": (_get("executions", {"cursor": "…"}), 400, "invalid_request"),
    "a status that is none": (_get("executions", {"status": "happy"}), 400, "invalid_request"),
    "an event number that is none": (_get(f"executions/{_NOWHERE}/events", {"after": "x"}), 400, "invalid_request"),
    "a field nobody knows": (_post(colour="blue"), 422, "invalid_spec"),
    "a body that isn't JSON": (_raw(b"{"), 400, "invalid_request"),
    "a body that isn't an object": (_raw(b"[]"), 400, "invalid_request"),
    "a body that isn't text": (_raw(b"\xff\xfe"), 400, "invalid_request"),
    "an empty body": (_raw(b""), 400, "invalid_request"),
    "an idempotency key that is too long": (
        _send("executions", {"spec": {"command": "true", "group": "local"}}, {"Idempotency-Key": "k" * 1000}),
        400,
        "invalid_request",
    ),
    "an empty idempotency key": (
        _send("projects", {"name": "of-no-key"}, {"Idempotency-Key": ""}),
        400,
        "invalid_request",
    ),
    "an unknown execution": (_get(f"executions/{_NOWHERE}"), 404, "unknown_execution"),
    "an id that is no id": (_get("executions/..%2f..%2fetc"), 404, "unknown_execution"),
    "an unknown route": (_get("no-such-route"), 404, "not_found"),
    "a snapshot over the limit": (_put_code("~" + "1" * 64, b"x" * (5 * 2**20)), 413, "snapshot_too_large"),
    "a snapshot that is not what its name says": (_put_code("~" + "1" * 64, _SNAPSHOT), 400, "invalid_request"),
    **{f"a snapshot with {what}": (_put_code(code_id(body), body), 422, "invalid_path") for what, body in EVIL.items()},
    "a code version that is none": (_put_code("latest", _SNAPSHOT), 400, "invalid_request"),
    "a group made by somebody who may not": (_send("groups", {"name": "mine", "settings": {}}), 403, "forbidden"),
}


@pytest.fixture(scope="module", autouse=True)
def _their_group(hub: Hub, admin: Client) -> Iterator[None]:
    """A worker group that alice may not use: it is for a Hub group that she is not in."""
    own = _header(admin.settings.token)
    httpx.post(f"{hub.url}hub/api/groups/somebody-else", headers=own, timeout=60).raise_for_status()
    try:
        admin.groups.create("theirs", GroupSettings(owners=["somebody-else"]))
    except Conflict:
        raise AssertionError("a group of an earlier test was left behind") from None
    yield
    admin.groups.delete("theirs")
    httpx.delete(f"{hub.url}hub/api/groups/somebody-else", headers=own, timeout=60).raise_for_status()


@pytest.fixture
def api(alice: Client) -> Iterator[httpx.Client]:
    """A bare HTTP client with alice's token."""
    with httpx.Client(base_url=alice.settings.api, headers=_header(alice.settings.token), timeout=60) as client:
        yield client


def _header(token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


def _check(response: httpx.Response, status: int, code: str) -> None:
    """Check that a refusal is one of ours, for a person to read."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code, error
    assert error["message"].strip().endswith((".", "?", "!")), error
    assert error["hint"].strip(), error
    assert "Traceback" not in response.text


@pytest.mark.parametrize(("send", "status", "code"), _BAD.values(), ids=_BAD.keys())
def test_bad_input_is_refused_and_leaves_nothing(
    api: httpx.Client, traces: Callable[[], object], send: Send, status: int, code: str
) -> None:
    before = traces()
    _check(send(api), status, code)
    assert traces() == before


@pytest.mark.parametrize("token", ["wrong", "f" * 64])
def test_a_wrong_token_is_refused(api: httpx.Client, traces: Callable[[], object], token: str) -> None:
    before = traces()
    api.headers.update(_header(token))
    _check(_post()(api), 401, "unauthenticated")
    assert traces() == before


def test_a_request_without_a_token_is_refused(api: httpx.Client) -> None:
    del api.headers["Authorization"]
    _check(api.get("executions"), 401, "unauthenticated")


def test_an_expired_token_is_refused(api: httpx.Client, traces: Callable[[], object], expired_token: str) -> None:
    before = traces()
    api.headers.update(_header(expired_token))
    _check(_post()(api), 401, "unauthenticated")
    assert traces() == before


def test_another_users_execution_is_not_found(api: httpx.Client, bob: Client) -> None:
    theirs = run(bob, "print('mine')").id
    answers = [
        api.get(f"executions/{theirs}"),
        api.get(f"executions/{theirs}/log"),
        api.get(f"executions/{theirs}/events"),
        api.get(f"executions/{theirs}/notebook"),
        api.get(f"executions/{theirs}/outputs/notebook.ipynb"),
        api.post(f"executions/{theirs}/stop"),
        api.post(f"executions/{theirs}/copy", json={}),
        api.delete(f"executions/{theirs}"),
    ]
    for answer in answers:
        _check(answer, 404, "unknown_execution")
    assert bob.executions.get(theirs).status.value == "complete"
