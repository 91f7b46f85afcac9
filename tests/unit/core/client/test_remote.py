from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

import perijove
from perijove import errors
from perijove.client import Client, RemoteExecution
from perijove.model.resources import Execution, ExecutionDetail
from perijove.model.status import Status


@pytest.fixture
def remote(service, execution):
    with Client("http://h/", "t", transport=httpx.MockTransport(service.answer), sleep=lambda _: None) as client:
        yield RemoteExecution(client, Execution.model_validate(execution()))


@pytest.fixture
def detail(execution):
    def make(status, **changes):
        return {**execution(status, **changes), "attempts": [], "environment": {}}

    return make


def test_waiting_follows_the_execution_to_its_end(remote, service, message, log_line, detail, execution):
    service.stream(message("execution", execution("started")), log_line(1), message("end", {})).json(detail("complete"))
    assert remote.wait().status is Status.COMPLETE
    assert remote.done


def test_a_wait_with_a_limit_asks_until_it_is_final(remote, service, detail):
    service.json(detail("queued")).json(detail("error"))
    assert remote.wait(timeout=30).status is Status.ERROR


def test_a_wait_that_is_over_leaves_the_execution_alone(remote, service, detail):
    service.json(detail("started"))
    with pytest.raises(TimeoutError, match="goes on"):
        remote.wait(timeout=0)
    assert [request.method for request in service.requests] == ["GET"]


def test_a_failure_is_raised_with_its_sentence_and_hint(remote, service, detail):
    service.json(detail("error", sentence="A cell raised.", hint="Look.", detail="ZeroDivision"))
    with pytest.raises(errors.ExecutionFailed, match=r"A cell raised\. ZeroDivision") as caught:
        remote.refresh().raise_for_status()
    assert caught.value.hint == "Look."


def test_a_completed_execution_raises_nothing(remote, service, detail):
    service.json(detail("complete"))
    assert remote.refresh().raise_for_status() is remote


def test_events_keep_the_object_up_to_date(remote, service, message, execution):
    service.stream(message("execution", execution("started")), message("execution", execution("stopped")),
                   message("end", {}))  # fmt: skip
    assert [(event.execution.status, remote.status) for event in remote.events()] == [
        (Status.STARTED, Status.STARTED),
        (Status.STOPPED, Status.STOPPED),
    ]


def test_the_executed_notebook_is_a_notebook_node(remote, service):
    service.stream(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    assert remote.notebook().nbformat_minor == 5


def test_the_log_is_text(remote, service):
    service.stream("h\u00e9".encode()[:2], "h\u00e9".encode()[2:])
    assert remote.log() == "h\u00e9"


def test_an_output_it_does_not_have_is_named(remote, service, tmp_path):
    service.json({"items": [], "next": None})
    with pytest.raises(errors.UnknownDatum, match="model"):
        remote.download("model.pkl", folder=tmp_path)


def test_an_execution_is_found_by_number_in_the_personal_project(remote, service, detail, execution):
    service.json({"version": "1", "user": "ann", "admin": False, "scopes": [], "snapshot_limit": 1,
                  "notebook_limit": 1})  # fmt: skip
    service.json({"items": [execution()], "next": None}).json(detail("complete"))
    assert isinstance(remote._client.executions.find("12"), ExecutionDetail)
    assert dict(service.requests[1].url.params) == {"project": "ann/ann", "number": "12", "limit": "1"}


@pytest.mark.parametrize("reference", ["digits/12", "digits/#12"])
def test_an_execution_is_found_by_project_and_number(remote, service, detail, execution, reference):
    service.json({"items": [execution()], "next": None}).json(detail("complete"))
    remote._client.executions.find(reference, project="other")
    assert service.requests[0].url.params["project"] == "digits"


@pytest.mark.parametrize("reference", ["", "twelve", "a/b/c/1", "1.5", "-1"])
def test_what_names_no_execution_is_refused(remote, service, reference):
    with pytest.raises(errors.InvalidRequest):
        remote._client.executions.find(reference)
    assert service.requests == []


def test_the_package_exports_what_it_says():
    assert set(perijove.__all__) <= set(dir(perijove))
    for name in perijove.__all__:
        assert getattr(perijove, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        perijove.nothing  # noqa: B018 - reading it is the test


def test_importing_the_package_loads_neither_the_client_nor_its_libraries():
    code = "import sys, perijove; print({'httpx', 'pydantic', 'perijove.client'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
