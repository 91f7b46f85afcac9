"""The table is complete, and everything made from it says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perijove_hub import docs, openapi
from perijove_hub.route import Route
from perijove_hub.routes import API, SERVICE

ROOT = Path(__file__).parents[3]

# What the platform's design promises; a route that is dropped or renamed breaks every client.
PROMISED = """
GET info
GET projects
POST projects
GET projects/{project}
DELETE projects/{project}
PUT projects/{project}/members/{kind}/{name}
DELETE projects/{project}/members/{kind}/{name}
GET projects/{project}/retention
PUT projects/{project}/retention
GET retention
POST retention/sweep
GET executions
POST executions
POST executions/batch
POST executions/stop
GET executions/compare
GET executions/{execution}
DELETE executions/{execution}
POST executions/{execution}/stop
POST executions/{execution}/copy
GET executions/{execution}/why
GET executions/{execution}/events
GET executions/{execution}/log
GET executions/{execution}/notebook
GET executions/{execution}/outputs
GET executions/{execution}/outputs/{name}
GET executions/{execution}/payloads/{sha256}
GET executions/{execution}/metadata
GET code/{code}
PUT code/{code}
GET code/{code}/archive
GET groups
POST groups
GET groups/{group}
PUT groups/{group}
PATCH groups/{group}
GET invitations
POST invitations/{project}/accept
POST invitations/{project}/decline
POST users/{user}/hand-over
GET audit
DELETE groups/{group}
POST groups/{group}/token
POST groups/{group}/tokens
GET groups/{group}/workers
DELETE groups/{group}/workers/{worker}
POST groups/{group}/workers/{worker}/drain
GET events/rejected
POST agents
POST agents/{worker}/release
GET openapi.json
"""


def test_every_promised_route_is_in_the_table():
    assert {f"{route.method} {route.template}" for route in API} == set(PROMISED.split("\n")) - {""}


def test_every_route_is_in_the_openapi_document_and_nothing_else():
    document = openapi.document()
    listed = {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs}
    assert listed == {(route.method, f"/{path}") for path, route in openapi.all_routes()}
    assert document["openapi"] == "3.1.0"


def test_every_reference_in_the_document_leads_somewhere():
    document = openapi.document()
    references = set(re.findall(r"'\$ref': '([^']+)'", str(document)))
    assert references
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} >= references


def test_every_operation_has_a_name_of_its_own_and_declares_its_paths_parameters():
    names = [openapi.operation_id(route) for _, route in openapi.all_routes()]
    assert len(set(names)) == len(names)
    for path, verbs in openapi.document()["paths"].items():
        for operation in verbs.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path))


def test_routes_without_a_hub_token_are_few_and_known():
    assert {f"{route.method} {route.template}" for route in (*API, *SERVICE) if route.scope is None} == {
        "POST agents",
        "POST agents/{worker}/release",
        "GET openapi.json",
        "GET health",
        "GET files/{key}",
        "HEAD files/{key}",
        "PUT files/{key}",
    }


@pytest.mark.parametrize("route", API, ids=lambda route: f"{route.method} {route.path}")
def test_whatever_changes_something_needs_more_than_the_scope_to_read(route: Route):
    if route.method != "GET":
        assert route.scope in {"submit", "admin", None}


@pytest.mark.parametrize("route", API, ids=lambda route: f"{route.method} {route.path}")
def test_every_post_may_be_sent_again_when_its_answer_was_lost(route: Route):
    is_asked_of_a_caller = route.method == "POST" and route.scope is not None
    assert (route.idempotent or route.harmless) is is_asked_of_a_caller


def test_whatever_is_read_of_a_resource_is_taken_where_it_is_written():
    read = {route.path: route.answer for route in API if route.method == "GET" and isinstance(route.answer, type)}
    written = {route.path: route.body for route in API if route.method == "PUT" and isinstance(route.body, type)}
    both = read.keys() & written.keys()
    assert both == {"groups/{group}", "projects/{project}/retention"}
    for path in both:
        assert set(read[path].model_fields) <= set(written[path].model_fields), path


def test_a_post_that_could_not_be_sent_again_is_no_route():
    for flags in ({}, {"idempotent": True, "harmless": True}):
        with pytest.raises(ValueError, match="Idempotency-Keys"):
            Route("POST", "things", API[0].operation, "", **flags)


@pytest.mark.parametrize(
    ("path", "given", "wanted"),
    [
        ("executions/{execution}", "executions/ex-1", {"execution": "ex-1"}),
        ("executions/{execution}", "executions/ex-1/log", None),
        ("executions/{execution}/outputs/{name*}", "executions/a/outputs/b/c", {"execution": "a", "name": "b/c"}),
        ("openapi.json", "openapiXjson", None),
    ],
)  # fmt: skip
def test_a_path_takes_exactly_what_it_says(path, given, wanted):
    route = Route("GET", path, API[0].operation, "")
    match = re.fullmatch(route.pattern, given)
    assert (match and match.groupdict()) == wanted


def test_comparing_is_found_before_an_execution_named_compare():
    paths = [route.path for route in API if route.method == "GET"]
    assert paths.index("executions/compare") < paths.index("executions/{execution}")


def test_the_rest_reference_is_up_to_date():
    written = (ROOT / "docs" / "rest.md").read_text(encoding="utf-8")
    assert written == docs.markdown(), "run: python -m perijove_hub.docs > docs/rest.md"
