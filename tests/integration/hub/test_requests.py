"""What the service makes of requests that are odd before anybody looks at what they ask for."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest
from perijove_local.hub import Hub

JSON = {"Content-Type": "application/json"}


def test_the_service_says_who_the_caller_is(http: httpx.Client, http_of_admin: httpx.Client) -> None:
    mine, theirs = http.get("api/v1/info").json(), http_of_admin.get("api/v1/info").json()
    assert (mine["user"], mine["admin"], mine["scopes"]) == ("alice", False, ["read", "submit"])
    assert (theirs["user"], theirs["admin"]) == ("admin", True)


def test_bearer_does_as_well_as_token(http: httpx.Client) -> None:
    token = http.headers.pop("Authorization").partition(" ")[2]
    assert http.get("api/v1/info", headers={"Authorization": f"Bearer {token}"}).is_success


@pytest.mark.parametrize("header", ["", "token", "Basic YTpi", "token wrong"])
def test_whatever_is_no_token_is_refused(nobody: httpx.Client, header: str) -> None:
    answer = nobody.get("api/v1/info", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "token"


def test_a_token_that_may_not_reach_the_service_is_forbidden(hub: Hub, http: httpx.Client) -> None:
    asked = {"scopes": ["read:users:name!user"]}
    made = httpx.post(f"{hub.url}hub/api/users/alice/tokens", json=asked, headers=http.headers, timeout=60)
    narrow = made.raise_for_status().json()["token"]
    answer = http.get("api/v1/info", headers={"Authorization": f"token {narrow}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_a_token_that_may_only_read_submits_nothing(hub: Hub, http: httpx.Client) -> None:
    asked = {"scopes": ["access:services!service=perijove", "custom:perijove:read"]}
    made = httpx.post(f"{hub.url}hub/api/users/alice/tokens", json=asked, headers=http.headers, timeout=60)
    http.headers["Authorization"] = f"token {made.raise_for_status().json()['token']}"
    assert http.get("api/v1/executions").is_success
    answer = http.post("api/v1/projects", json={"name": "mine"})
    assert answer.status_code == 403
    assert "custom:perijove:submit" in answer.json()["error"]["message"]


def test_an_unknown_method_is_told_which_ones_there_are(http: httpx.Client) -> None:
    answer = http.patch("api/v1/projects")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.json()["error"]["hint"] == "It takes GET and POST."


@pytest.mark.parametrize("path", ["nowhere", "api/v1/nowhere", "api/v2/info", "api/v1/executions/a/b/c"])
def test_an_unknown_address_is_answered_in_json(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["projects/a%00b", "executions/%0d%0aX-Injected:1", "groups/%7f"])
def test_control_characters_in_an_address_are_refused(http: httpx.Client, path: str) -> None:
    answer = http.get(f"api/v1/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert "x-injected" not in answer.headers


def test_an_address_that_is_not_utf_8_is_refused(own_address: str) -> None:
    answer = httpx.get(f"{own_address}api/v1/groups/%ff%fe", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_a_body_over_its_limit_is_refused_by_its_announced_length(own_address: str, http: httpx.Client) -> None:
    refused = _announce(own_address, "PUT", f"api/v1/code/~{'0' * 64}", http.headers["Authorization"], 2**40)
    assert refused.startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused_when_it_grows_too_long(http: httpx.Client) -> None:
    def endless(chunk: bytes = b" " * 65_536, count: int = 64) -> object:
        for _ in range(count):
            yield chunk

    answer = http.post("api/v1/projects", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_stranger_is_refused_before_sending_a_body(own_address: str) -> None:
    assert _announce(own_address, "POST", "api/v1/executions", "token wrong", 10_000_000).startswith(b"HTTP/1.1 401 ")


def _announce(service: str, method: str, path: str, authorization: str, length: int) -> bytes:
    """Send a request's head, none of the body it announces, and return the head of the answer."""
    address = urlsplit(service)
    head = (
        f"{method} {address.path}{path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(head.encode())
        return connection.recv(4096)


def test_every_answer_has_a_request_number_and_is_not_sniffed_or_framed(http: httpx.Client) -> None:
    answer = http.get("api/v1/groups")
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_everybody_may_ask_whether_the_service_works(nobody: httpx.Client) -> None:
    assert nobody.get("health").json() == {"status": "ok", "database": True, "redis": True, "leading": True}


def test_metrics_are_for_prometheus_and_administrators(http: httpx.Client, http_of_admin: httpx.Client) -> None:
    assert http.get("metrics").status_code == 403
    answer = http_of_admin.get("metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'perijove_group_workers{group="local"}' in answer.text
    assert 'perijove_loop_runs_total{loop="dispatcher"}' in answer.text
    assert 'perijove_http_requests_total{method="GET",route="metrics",status="403"}' in answer.text


def test_the_document_lists_itself_and_needs_no_token(nobody: httpx.Client) -> None:
    document = nobody.get("api/v1/openapi.json").json()
    assert document["servers"] == [{"url": "/services/perijove"}]
    assert "/api/v1/openapi.json" in document["paths"]
