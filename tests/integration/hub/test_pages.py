"""Pages for people: signing in through the Hub, and what a browser may do with its cookie."""

from __future__ import annotations

import httpx
from perijove_local.hub import Hub

HOME = "services/perijove/"


def test_a_stranger_is_sent_to_the_hub(hub: Hub) -> None:
    answer = httpx.get(hub.service_url, timeout=60)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/hub/api/oauth2/authorize")


def test_whoever_is_signed_in_to_the_hub_sees_their_page_at_once(browser: httpx.Client) -> None:
    answer = browser.get(HOME)
    assert answer.status_code == 200
    assert "Your executions" in answer.text
    assert "<td>unsandboxed</td>" in answer.text  # what the group local isolates
    assert "alice" in answer.text


def test_the_address_without_its_slash_leads_there_too(browser: httpx.Client) -> None:
    assert "Your executions" in browser.get(HOME.rstrip("/")).text


def test_a_page_loads_nothing_from_elsewhere(browser: httpx.Client) -> None:
    for path in (HOME, f"{HOME}api/v1/docs"):
        answer = browser.get(path)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "http://" not in answer.text
        assert "https://" not in answer.text


def test_the_documentation_and_what_it_needs_are_served_locally(browser: httpx.Client) -> None:
    page = browser.get(f"{HOME}api/v1/docs")
    assert "documentation.js" in page.text
    assert browser.get(f"{HOME}static/documentation.js").is_success
    assert browser.get(f"{HOME}static/perijove.css").is_success


def test_a_cookie_reads_the_api(browser: httpx.Client) -> None:
    browser.get(HOME)
    assert browser.get(f"{HOME}api/v1/info").json()["user"] == "alice"


def test_a_cookie_writes_only_with_its_xsrf_token(browser: httpx.Client) -> None:
    browser.get(HOME)
    body = {"name": "from-a-browser"}
    refused = browser.post(f"{HOME}api/v1/projects", json=body)
    assert refused.status_code == 403
    assert "XSRF" in refused.json()["error"]["message"]
    token = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == f"/{HOME}")
    made = browser.post(f"{HOME}api/v1/projects", json=body, headers={"X-XSRFToken": token or ""})
    assert made.status_code == 201, made.text
    project = made.json()["id"]
    assert browser.delete(f"{HOME}api/v1/projects/{project}", headers={"X-XSRFToken": token or ""}).status_code == 204


def test_a_wrong_token_is_not_rescued_by_a_good_cookie(browser: httpx.Client) -> None:
    browser.get(HOME)
    answer = browser.get(f"{HOME}api/v1/info", headers={"Authorization": "token wrong"})
    assert answer.status_code == 401
