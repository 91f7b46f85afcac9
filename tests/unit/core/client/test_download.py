from __future__ import annotations

import hashlib

import httpx
import pytest

from perijove import errors
from perijove.model.resources import Output

SIGNED = "https://objects.example.com/outputs/model.pkl?signature=abc"
CONTENT = b"model" * 1000
BROKEN = httpx.ReadError("reset")


@pytest.fixture
def output():
    digest = hashlib.sha256(CONTENT).hexdigest()
    fields = {"id": "da-1", "execution": "ex-1", "name": "run/model.pkl", "size": len(CONTENT), "sha256": digest}
    return Output(**fields, media_type="x/y", created_at="2026-11-20T00:00:00Z", url="https://hub.example.org/o")


def redirect(to=SIGNED):
    return httpx.Response(302, headers={"Location": to})


def test_an_output_is_fetched_from_its_signed_url_without_the_token(talk, service, output, tmp_path):
    service.reply(redirect()).stream(CONTENT[:7], CONTENT[7:])
    counts = []
    target = talk.do(lambda c: c.executions.download(output, tmp_path, report=counts.append))
    assert target == tmp_path / "run" / "model.pkl"
    assert target.read_bytes() == CONTENT
    assert counts == [7, len(CONTENT)]
    first, second = service.requests
    assert first.headers["Authorization"] == "token t0k"
    assert str(second.url) == SIGNED
    assert "Authorization" not in second.headers


def test_a_signed_url_may_be_relative_to_the_service(talk, service, output, tmp_path):
    service.reply(redirect("/services/perijove/files/x?s=1")).stream(CONTENT)
    talk.do(lambda c: c.executions.download(output, tmp_path))
    assert str(service.requests[1].url) == "https://hub.example.org/services/perijove/files/x?s=1"
    assert "Authorization" not in service.requests[1].headers


def test_a_download_that_breaks_starts_again(talk, service, output, tmp_path):
    service.reply(redirect()).stream(CONTENT[:9], BROKEN).reply(redirect()).stream(CONTENT)
    assert talk.do(lambda c: c.executions.download(output, tmp_path)).read_bytes() == CONTENT


def test_damaged_content_leaves_the_old_file_and_nothing_else(talk, service, output, tmp_path):
    old = tmp_path / "run" / "model.pkl"
    old.parent.mkdir()
    old.write_bytes(b"old")
    service.reply(redirect()).stream(CONTENT[:-1])
    with pytest.raises(errors.ConnectionLost, match="SHA-256"):
        talk.do(lambda c: c.executions.download(output, tmp_path))
    assert old.read_bytes() == b"old"
    assert [path.name for path in old.parent.iterdir()] == ["model.pkl"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "a\x00b"])
def test_an_output_cannot_be_written_outside_the_folder(talk, service, output, tmp_path, name):
    with pytest.raises(errors.InvalidPath):
        talk.do(lambda c: c.executions.download(output.model_copy(update={"name": name}), tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert service.requests == []


def test_an_expired_signed_url_is_told_as_such(talk, service, output, tmp_path):
    service.reply(redirect(), httpx.Response(403, text="<Error>expired</Error>"))
    with pytest.raises(errors.ConnectionLost, match=r"objects\.example\.com"):
        talk.do(lambda c: c.executions.download(output, tmp_path))


def test_a_notebook_may_come_from_the_service_itself(talk, service):
    service.stream(b'{"cells"', b": []}")
    assert talk.do(lambda c: c.executions.notebook("ex-1", which="submitted")) == b'{"cells": []}'
    assert service.requests[0].url.params["which"] == "submitted"


def test_a_file_that_is_there_is_overwritten_only_by_force(talk, service, output, tmp_path):
    mine = tmp_path / "run" / "model.pkl"
    mine.parent.mkdir()
    mine.write_bytes(b"edited")
    for _ in range(3):
        service.reply(redirect()).stream(CONTENT)
    beside = talk.do(lambda c: c.executions.download(output, tmp_path, number=12))
    unnumbered = talk.do(lambda c: c.executions.download(output, tmp_path))
    assert (beside.name, unnumbered.name) == ("model.12.pkl", "model-2.pkl")
    assert (mine.read_bytes(), beside.read_bytes(), unnumbered.read_bytes()) == (b"edited", CONTENT, CONTENT)
    assert talk.do(lambda c: c.executions.download(output, tmp_path, force=True)) == mine
    assert mine.read_bytes() == CONTENT


def test_what_is_there_already_is_not_fetched_again(talk, service, output, tmp_path):
    service.reply(redirect()).stream(CONTENT)
    first = talk.do(lambda c: c.executions.download(output, tmp_path))
    requests = len(service.requests)
    assert talk.do(lambda c: c.executions.download(output, tmp_path)) == first
    assert len(service.requests) == requests


def test_a_file_that_was_made_while_an_output_came_stays(talk, service, output, tmp_path):
    mine = tmp_path / "run" / "model.pkl"
    service.reply(redirect()).stream(CONTENT)
    target = talk.do(lambda c: c.executions.download(output, tmp_path, report=lambda _: mine.write_bytes(b"mine")))
    assert (target.name, mine.read_bytes(), target.read_bytes()) == ("model-2.pkl", b"mine", CONTENT)
