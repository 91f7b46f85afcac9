from __future__ import annotations

import json

import httpx
import pytest

from perijove import errors
from perijove.client.settings import Settings
from perijove.client.transfer import RETRIES
from perijove.model.fleet import GroupSettings
from perijove.model.spec import Spec

SPEC = Spec(group="local", command=["true"])
INFO = {"version": "1", "user": "ann", "admin": False, "scopes": [], "snapshot_limit": 10, "notebook_limit": 10}


def tree(kind: type[errors.PerijoveError]) -> list[type[errors.PerijoveError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in tree(child))]


KNOWN = [kind for kind in tree(errors.PerijoveError) if kind.__module__ == "perijove.errors"]


def test_a_request_goes_below_the_api_and_carries_the_token(talk, service):
    service.json(INFO)
    assert talk.do(lambda c: c.info()).user == "ann"
    (request,) = service.requests
    assert str(request.url) == "https://hub.example.org/services/perijove/api/v1/info"
    assert request.headers["Authorization"] == "token t0k"


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_every_error_of_the_service_comes_back_as_its_class(talk, service, kind):
    status = kind.status if kind.status != 503 else 500
    service.error(status, kind().code, "What.", "How.")
    with pytest.raises(kind) as caught:
        talk.do(lambda c: c.info())
    assert (type(caught.value), caught.value.message, caught.value.hint) == (kind, "What.", "How.")


def test_a_code_from_a_newer_service_keeps_its_name_and_status(talk, service):
    service.error(507, "disk_full")
    with pytest.raises(errors.PerijoveError) as caught:
        talk.do(lambda c: c.info())
    assert (caught.value.code, caught.value.status) == ("disk_full", 507)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, errors.Unauthenticated), (403, errors.Unauthenticated), (404, errors.ConnectionLost),
     (413, errors.TooLarge), (302, errors.ConnectionLost), (500, errors.ConnectionLost)],
)  # fmt: skip
def test_an_answer_that_is_not_perijoves_is_told_from_one_that_is(talk, service, status, kind):
    service.reply(httpx.Response(status, html="<h1>Hub</h1>", headers={"Location": "/hub/login"}))
    with pytest.raises(kind):
        talk.do(lambda c: c.info())


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[]", b'{"error": {"code": "a\\u0000b"}}', b'{"error": {"code": "\\ud800"}}']
)
def test_an_answer_that_only_looks_like_perijoves_is_named_as_anothers(talk, service, body):
    service.reply(httpx.Response(500, content=body))
    with pytest.raises(errors.ConnectionLost, match="is not the Perijove service"):
        talk.do(lambda c: c.info())


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), 502, 503, 504])
def test_a_request_is_repeated_while_the_service_is_away(talk, service, trouble):
    away = httpx.Response(trouble) if isinstance(trouble, int) else trouble
    service.reply(away, away).json(INFO)
    assert talk.do(lambda c: c.info()).user == "ann"
    assert len(talk.slept) == 2
    assert talk.slept[0] < talk.slept[1]


def test_a_service_that_stays_away_is_given_up(talk, service):
    service.reply(*[httpx.ConnectError("refused")] * (RETRIES + 1))
    with pytest.raises(errors.ConnectionLost, match="refused"):
        talk.do(lambda c: c.info())
    assert len(service.requests) == RETRIES + 1


@pytest.mark.parametrize(("status", "code"), [(404, "unknown_execution"), (404, "not_found"), (422, "unknown_group")])
def test_a_repeated_deletion_that_finds_nothing_has_deleted_it(talk, service, status, code):
    service.reply(httpx.ReadError("gone")).error(status, code)
    talk.do(lambda c: c.executions.delete("ex-1"))
    assert [request.method for request in service.requests] == ["DELETE"] * 2


def test_a_deletion_that_finds_nothing_at_first_says_so(talk, service):
    service.error(404, "unknown_execution")
    with pytest.raises(errors.UnknownExecution):
        talk.do(lambda c: c.executions.delete("ex-1"))


def test_the_service_may_say_when_to_come_back(talk, service):
    service.reply(httpx.Response(503, headers={"Retry-After": "7"})).json(INFO)
    talk.do(lambda c: c.info())
    assert talk.slept == [7.0]


def test_what_the_user_did_wrong_is_not_repeated(talk, service):
    service.error(422, "unknown_group")
    with pytest.raises(errors.UnknownGroup):
        talk.do(lambda c: c.executions.create(SPEC))
    assert talk.slept == []


@pytest.mark.parametrize(
    "create",
    [
        lambda c: c.executions.create(SPEC, notebook={"cells": []}),
        lambda c: c.executions.copy("ex-1", parameters={"a": 1}),
    ],
)
def test_a_repeated_creation_carries_one_idempotency_key(talk, service, execution, create):
    service.reply(httpx.ReadError("gone"), httpx.Response(504)).json(execution())
    assert talk.do(create).number == 12
    keys = [request.headers["Idempotency-Key"] for request in service.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert service.bodies[0] == service.bodies[2]


def test_two_creations_carry_two_keys(talk, service, execution):
    for _ in range(2):
        service.json(execution())
        talk.do(lambda c: c.executions.create(SPEC))
    assert len({request.headers["Idempotency-Key"] for request in service.requests}) == 2


def test_a_spec_is_sent_as_it_is_stored(talk, service, execution):
    service.json(execution())
    spec = Spec(group="local", command=["true"], time_limit="2h")
    talk.do(lambda c: c.executions.create(spec, project="digits"))
    assert json.loads(service.bodies[0]) == {
        "project": "digits",
        "spec": {"group": "local", "command": ["true"], "time-limit": 7200},
    }


def test_many_specs_go_in_one_request(talk, service):
    service.json({"project": "pr-1", "executions": [{"id": "ex-1", "number": 7}, {"id": "ex-2", "number": 8}]})
    made = talk.do(lambda c: c.executions.create_many([SPEC, SPEC], project="digits", notebook={"cells": []}))
    assert [(one.id, one.number) for one in made.executions] == [("ex-1", 7), ("ex-2", 8)]
    spec = {"group": "local", "command": ["true"]}
    assert json.loads(service.bodies[0]) == {"project": "digits", "specs": [spec, spec], "notebook": {"cells": []}}
    assert service.requests[0].headers["Idempotency-Key"]


def test_many_are_stopped_in_one_request(talk, service):
    service.json({"stopping": 1})
    assert talk.do(lambda c: c.executions.stop_many(["ex-1", "ex-2"])) == 1
    assert json.loads(service.bodies[0]) == {"executions": ["ex-1", "ex-2"]}


def test_a_list_goes_on_from_page_to_page(talk, service, execution):
    service.json({"items": [execution(number=3), execution(number=2)], "next": "c1"})
    service.json({"items": [execution(number=1)], "next": None})
    found = talk.collect(lambda c: c.executions.list(project="ann", status="error"))
    assert [one.number for one in found] == [3, 2, 1]
    assert dict(service.requests[0].url.params) == {"project": "ann", "status": "error"}
    assert service.requests[1].url.params["cursor"] == "c1"


def test_a_list_with_a_limit_stops_there(talk, service, execution):
    service.json({"items": [execution(number=3), execution(number=2)], "next": "c1"})
    assert len(talk.collect(lambda c: c.executions.list(limit=2))) == 2
    assert len(service.requests) == 1


def test_a_name_cannot_leave_its_place_in_the_address(talk, service):
    service.error(404, "unknown_project")
    with pytest.raises(errors.UnknownProject):
        talk.do(lambda c: c.projects.get("../info?x=#"))
    assert service.requests[0].url.raw_path == b"/services/perijove/api/v1/projects/..%2Finfo%3Fx%3D%23"


def test_a_new_group_comes_with_its_token(talk, service):
    group = {"name": "gpu", "description": "", "runtime": "docker", "image": None, "provider": "manual"}
    group |= dict.fromkeys(["min_workers", "max_workers", "grace_period", "workers", "idle", "waiting", "running"], 0)
    service.json({"group": {**group, "capacity": {"cpus": 2}}, "token": "secret"})
    assert talk.do(lambda c: c.groups.create("gpu", GroupSettings())).token == "secret"


def test_bad_fields_are_refused_before_anything_is_sent(talk, service):
    with pytest.raises(errors.InvalidSpec, match="name"):
        talk.do(lambda c: c.projects.create("no/slash"))
    assert service.requests == []


def test_an_unknown_code_version_is_none(talk, service):
    service.error(404, "unknown_code")
    assert talk.do(lambda c: c.code.get("~" + "0" * 64)) is None


def test_an_upload_is_streamed_whole_again_after_a_break(talk, service, tmp_path):
    archive, sent = tmp_path / "a.tar.zst", []
    archive.write_bytes(b"z" * 600_000)
    stored = {"id": "~1", "project": "p", "size": 600_000, "created_by": "ann", "created_at": "2026-11-20T00:00:00Z"}
    service.reply(httpx.WriteError("broken")).json(stored)
    assert talk.do(lambda c: c.code.upload("~1", archive, project="p", sent=sent.append)).size == 600_000
    assert [len(body) for body in service.bodies] == [600_000, 600_000]
    assert service.requests[1].headers["Content-Length"] == "600000"
    assert "Transfer-Encoding" not in service.requests[1].headers
    assert sent[-1] == 600_000


@pytest.mark.parametrize(
    ("environment", "url", "token"),
    [
        ({"PERIJOVE_URL": "http://h/x", "PERIJOVE_TOKEN": "a", "JUPYTERHUB_API_TOKEN": "b"}, "http://h/x/", "a"),
        ({"JUPYTERHUB_PUBLIC_HUB_URL": "https://h/hub/", "JUPYTERHUB_API_TOKEN": "b"},
         "https://h/services/perijove/", "b"),
        ({"JUPYTERHUB_HOST": "https://h", "JUPYTERHUB_BASE_URL": "/lab/", "JUPYTERHUB_API_TOKEN": "b"},
         "https://h/lab/services/perijove/", "b"),
    ],
)  # fmt: skip
def test_the_environment_says_which_service_and_as_whom(environment, url, token):
    settings = Settings.find(environment=environment)
    assert (settings.url, settings.token) == (url, token)


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, errors.InvalidRequest),
        ({"PERIJOVE_URL": "hub.example.org", "PERIJOVE_TOKEN": "a"}, errors.InvalidRequest),
        ({"PERIJOVE_URL": "http://[::1", "PERIJOVE_TOKEN": "a"}, errors.InvalidRequest),
        ({"PERIJOVE_URL": "http://h/"}, errors.Unauthenticated),
        ({"PERIJOVE_URL": "http://h/", "PERIJOVE_TOKEN": "a\r\nX: y"}, errors.Unauthenticated),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_hint(environment, kind):
    with pytest.raises(kind) as caught:
        Settings.find(environment=environment)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda c: c.executions.copy("ex-1", parameters={"name": "\ud83d"}), "'parameters.name'"),
        (lambda c: c.executions.copy("ex-1", parameters={"deep": ["\ud83d"]}), "'parameters.deep.0'"),
        (lambda c: c.executions.notebook("ex-1", which="\udcff"), "which"),
        (lambda c: c.executions.get("\udcff"), "'\ufffd'"),
    ],
)
def test_text_that_cannot_be_sent_is_refused_with_its_place(talk, service, call, place):
    with pytest.raises(errors.InvalidRequest) as refused:
        talk.do(call)
    assert refused.value.message == f"{place} holds half of a character, which cannot be sent."
    assert refused.value.hint
    assert service.requests == []


@pytest.mark.parametrize("reference", ["..", ".", ""])
def test_a_name_that_means_a_folder_never_becomes_an_address(talk, service, reference):
    for ask in (
        lambda c: c.executions.get(reference),
        lambda c: c.executions.stop(reference),
        lambda c: c.projects.delete(reference),
        lambda c: c.groups.drain("local", reference),
    ):
        with pytest.raises(errors.InvalidRequest, match="no name or id"):
            talk.do(ask)
    assert service.requests == []
