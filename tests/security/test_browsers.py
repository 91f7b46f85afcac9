"""What a browser is told, and what another site's page can do with a signed-in user's browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from browsers import signed_in
from sites import Site

_HOME = "services/perijove/"


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    """A browser in which the owner has signed in, and opened the page."""
    with signed_in(site.hub, "owner") as client:
        client.get(_HOME).raise_for_status()
        yield client


def test_every_kind_of_answer_forbids_sniffing_and_framing(browser: httpx.Client) -> None:
    paths = ("", "api/v1/docs", "api/v1/info", "api/v1/nothing", "api/v1/openapi.json", "health", "static/perijove.css",
             "static/documentation.js", "static/nothing.js", "files/nothing")  # fmt: skip
    for path in paths:
        headers = browser.get(f"{_HOME}{path}").headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "same-origin", path
        assert "tornado" not in headers.get("server", "").lower(), path


def test_pages_load_only_what_the_service_itself_serves(browser: httpx.Client) -> None:
    for path in ("", "api/v1/docs"):
        answer = browser.get(f"{_HOME}{path}")
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'self'", "base-uri 'none'", "form-action 'self'"):
            assert part in policy
        assert answer.headers["cache-control"] == "no-store"
        # Neither a script nor a style stands in the page itself: the policy would refuse it.
        assert "<style" not in answer.text
        assert " onclick=" not in answer.text
        assert "<script>" not in answer.text


def test_the_services_cookie_is_for_the_service_alone_and_for_no_script(site: Site) -> None:
    with signed_in(site.hub, "owner") as browser:
        answer = browser.get(_HOME)
    given = [line for each in [*answer.history, answer] for line in each.headers.get_list("set-cookie")]
    ours = [line for line in given if line.startswith("service-perijove=")]
    assert ours, given
    for line in ours:
        flags = {part.strip().lower() for part in line.split(";")[1:]}
        assert "httponly" in flags
        assert f"path=/{_HOME}" in flags
        assert flags & {"samesite=lax", "samesite=strict"}, line


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("xsrf", [None, "", "wrong", "2|00000000|00000000000000000000000000000000|1700000000"])
def test_another_sites_page_changes_nothing(browser: httpx.Client, method: str, xsrf: str | None) -> None:
    headers = {"Origin": "https://evil.example"} | ({} if xsrf is None else {"X-XSRFToken": xsrf})
    path = {"POST": "projects", "PUT": "projects/p/members/user/x", "DELETE": "projects/p"}[method]
    answer = browser.request(method, f"{_HOME}api/v1/{path}", json={"name": "forged"}, headers=headers)
    assert answer.status_code == 403, answer.text
    assert "forged" not in browser.get(f"{_HOME}api/v1/projects").text


def test_no_other_origin_reads_an_answer(browser: httpx.Client) -> None:
    answer = browser.get(f"{_HOME}api/v1/info", headers={"Origin": "https://evil.example"})
    preflight = browser.options(
        f"{_HOME}api/v1/info",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    for each in (answer, preflight):
        assert not [name for name in each.headers if name.startswith("access-control-")]


def test_what_people_write_is_shown_as_text(site: Site, browser: httpx.Client) -> None:
    evil = "<img src=x onerror=alert(1)>\"'&{{7*7}}"
    with site.http("admin") as admin, site.http("owner") as owner:
        admin.post("groups", json={"name": "shown", "settings": {"description": evil}}).raise_for_status()
        spec = {"command": ["true"], "group": "shown", "title": evil, "tags": ["<b>bold</b>"]}
        owner.post("executions", json={"spec": spec}).raise_for_status()
    page = browser.get(_HOME).text
    assert "<img" not in page.partition("<main>")[2]
    assert "<b>" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;{{7*7}}") == 2


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "https:evil.example"])
def test_nobody_is_sent_elsewhere(browser: httpx.Client, path: str) -> None:
    answer = browser.get(
        f"{_HOME}oauth_callback", params={"next": path, "code": "x", "state": "x"}, follow_redirects=False
    )
    # Whoever comes without a sign-in that they began is sent to begin one, or refused.
    assert answer.status_code in {302, 400, 403}
    assert "evil" not in answer.headers.get("location", "")
    assert answer.headers.get("location", "/").startswith(("/hub/", f"/{_HOME}")) or "location" not in answer.headers
