"""Code versions go up as a stream and come back through signed URLs, whole or in part."""

from __future__ import annotations

import json
import random
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from archives import archive, code_id
from perijove_local.hub import Hub
from waiting import until

SNAPSHOT = archive(content=bytes(range(256)) * 40)
CODE = code_id(SNAPSHOT)


@pytest.fixture
def signed(http: httpx.Client) -> str:
    """A signed URL of a stored snapshot."""
    assert http.put(f"api/v1/code/{CODE}", content=SNAPSHOT).status_code in {200, 201}
    answer = http.get(f"api/v1/code/{CODE}/archive")
    assert answer.status_code == 302
    return str(answer.headers["location"])


def test_a_stored_snapshot_is_described(http: httpx.Client, signed: str) -> None:
    stored = http.get(f"api/v1/code/{CODE}").json()
    assert (stored["id"], stored["size"], stored["created_by"]) == (CODE, len(SNAPSHOT), "alice")


def test_a_signed_url_needs_no_token_and_serves_a_sandboxed_download(signed: str) -> None:
    answer = httpx.get(signed, timeout=60)
    assert answer.content == SNAPSHOT
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_part_of_a_file_can_be_asked_for(signed: str) -> None:
    answer = httpx.get(signed, headers={"Range": "bytes=2-5"}, timeout=60)
    assert (answer.status_code, answer.content) == (206, SNAPSHOT[2:6])
    assert answer.headers["content-range"] == f"bytes 2-5/{len(SNAPSHOT)}"


def test_a_part_that_does_not_exist_is_refused(signed: str) -> None:
    answer = httpx.get(signed, headers={"Range": f"bytes={len(SNAPSHOT)}-"}, timeout=60)
    assert answer.status_code == 416


def test_a_head_request_tells_the_size_and_sends_nothing(signed: str) -> None:
    answer = httpx.head(signed)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(SNAPSHOT)), b"")


@pytest.mark.parametrize("change", [("verb=GET", "verb=PUT"), ("expires=", "expires=9"), ("signature=", "signature=0")])
def test_a_changed_url_is_refused(signed: str, change: tuple[str, str]) -> None:
    answer = httpx.get(signed.replace(*change), timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_a_url_to_read_does_not_write(signed: str) -> None:
    assert httpx.put(signed, content=b"something else", timeout=60).status_code == 403
    assert httpx.get(signed, timeout=60).content == SNAPSHOT


def test_another_user_does_not_see_a_snapshot(http: httpx.Client, http_of_bob: httpx.Client, signed: str) -> None:
    assert http_of_bob.get(f"api/v1/code/{CODE}").status_code in {404, 422}
    assert http_of_bob.get(f"api/v1/code/{CODE}/archive").status_code in {404, 422}


def test_a_sender_that_leaves_in_the_middle_leaves_no_file_behind(hub: Hub, http: httpx.Client) -> None:
    address, body = urlsplit(hub.service_url), archive(content=random.Random(1).randbytes(300_000))
    code = code_id(body)
    head = (
        f"PUT {address.path}api/v1/code/{code} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: {http.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    before = _objects(hub)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(head.encode() + body[:200_000])
        until(lambda: _objects(hub) != before)
    until(lambda: _objects(hub) == before)
    assert http.get(f"api/v1/code/{code}").status_code in {404, 422}


def _objects(hub: Hub) -> set[str]:
    return {str(path) for path in hub.home.path.rglob("*") if path.is_file() and "files" in path.parts}


def test_errors_of_files_are_json_like_all_others(nobody: httpx.Client) -> None:
    answer = nobody.get("files/code/nothing.tar.zst")
    assert answer.status_code == 403
    assert set(json.loads(answer.text)["error"]) == {"code", "message", "hint"}
