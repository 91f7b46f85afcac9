from __future__ import annotations

import io
import json
import os
import tarfile
import time
from pathlib import Path

import httpx
import nbformat
import pytest
import zstandard

from perijove import errors
from perijove.client import Client
from perijove.client.roots import find_root
from perijove.client.submit import Chosen, Known, Noted, Scanned, Submission, Uploading
from perijove.code import scan

INFO = {"version": "1", "user": "ann", "admin": False, "scopes": [], "snapshot_limit": 1 << 20, "notebook_limit": 1}
CODE = {"id": "~1", "project": "p", "size": 1, "created_by": "ann", "created_at": "2026-11-20T00:00:00Z"}


@pytest.fixture
def notebook(tmp_path):
    """A notebook with a parameter, in a project folder with a module."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "helper.py").write_text("x = 1\n")
    cells = [nbformat.v4.new_code_cell("epochs = 1", metadata={"tags": ["parameters"]}),
             nbformat.v4.new_code_cell("print(epochs)"), nbformat.v4.new_code_cell("1 / 0")]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    path = tmp_path / "work" / "train.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def groups(*names):
    fields = {"description": "", "runtime": "process", "image": None, "provider": "process", "capacity": {}}
    fields |= dict.fromkeys(["min_workers", "max_workers", "grace_period", "workers", "idle", "waiting", "running"], 0)
    return {"items": [{"name": name, **fields} for name in names], "next": None}


GROUP = groups("local")["items"][0]


def routes(service):
    return [f"{r.method} {r.url.path.rpartition('/v1/')[2]}" for r in service.requests]


def test_a_notebook_goes_with_its_project_folder(talk, service, execution, notebook):
    service.json(INFO).json(GROUP).error(404, "unknown_code").json(CODE).json(execution())
    reports = []
    work = Submission(path=notebook, group="local", typed={"epochs": "5"}, title="Digits", project="p", time_limit="2h")
    assert talk.do(lambda c: c.submit(work, reports.append)).number == 12

    *_, lookup, upload, create = service.requests
    spec = json.loads(service.bodies[-1])["spec"]
    assert upload.url.path == lookup.url.path
    assert upload.url.path.endswith(spec["code"].replace("~", "~"))
    assert upload.url.params["project"] == "p"
    assert (spec["title"], spec["time-limit"], spec["parameters"]) == ("Digits", 7200, {"epochs": 5})
    assert spec["notebook"]["path"] == "work/train.ipynb"
    assert create.headers["Idempotency-Key"]
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().stream_reader(service.bodies[-2]).read())) as tar:
        assert [member.name for member in tar if member.isfile()] == ["helper.py"]
    kinds = [type(report) for report in reports]
    assert kinds.index(Scanned) < kinds.index(Uploading)


def test_the_document_is_sent_as_it_will_run(talk, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    reports = []
    work = Submission(path=notebook, group="local", cells="2", context="needed")
    talk.do(lambda c: c.submit(work, reports.append))
    (chosen,) = [report for report in reports if isinstance(report, Chosen)]
    assert (len(chosen.cells), len(chosen.picked), chosen.needed) == (2, 1, ["epochs"])
    document = json.loads(service.bodies[-1])["notebook"]
    assert "1 / 0" not in [cell["source"] for cell in document["cells"]]


def test_a_notebook_may_be_sent_as_it_stands_in_an_editor(talk, service, execution, notebook):
    content = json.loads(notebook.read_text())
    content["cells"][1]["source"] = "print('not saved')"
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    talk.do(lambda c: c.submit(Submission(path=notebook, content=content, group="local")))
    sources = [cell["source"] for cell in json.loads(service.bodies[-1])["notebook"]["cells"]]
    assert "print('not saved')" in ["".join(source) for source in sources]


def test_a_snapshot_the_service_has_is_not_sent_again(talk, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    reports = []
    talk.do(lambda c: c.submit(Submission(path=notebook, group="local"), reports.append))
    assert "PUT" not in [request.method for request in service.requests]
    assert any(isinstance(report, Known) for report in reports)


def test_a_command_goes_without_a_notebook(talk, service, execution, tmp_path):
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    work = Submission(
        command=["python a.py {parameters}"], root=tmp_path, group="local", typed={"lr": "0.5", "n": "adam"}
    )
    talk.do(lambda c: c.submit(work))
    body = json.loads(service.bodies[-1])
    assert body["spec"]["command"] == ["python a.py {parameters}"]
    assert body["spec"]["parameters"] == {"lr": 0.5, "n": "adam"}
    assert "notebook" not in body


@pytest.mark.parametrize(
    ("names", "chosen"), [(["gpu"], "gpu"), (["gpu", "local"], "local"), (["gpu", "cpu"], None), ([], None)]
)
def test_the_group_is_the_only_one_or_local(talk, service, execution, tmp_path, names, chosen):
    service.json(INFO).json(groups(*names)).json(CODE).json(execution())
    work = Submission(command=["true"], root=tmp_path)
    if chosen is None:
        with pytest.raises(errors.UnknownGroup) as caught:
            talk.do(lambda c: c.submit(work))
        assert all(name in caught.value.hint for name in names)
        assert routes(service) == ["GET info", "GET groups"]
    else:
        talk.do(lambda c: c.submit(work))
        assert json.loads(service.bodies[-1])["spec"]["group"] == chosen


BAD = {
    "not a notebook": ({"path": "helper.py"}, errors.InvalidNotebook),
    "no such file": ({"path": "none.ipynb"}, errors.PerijoveError),
    "outside the folder": ({"root": "other"}, errors.InvalidPath),
    "an unknown cell": ({"cells": "99"}, errors.UnknownCell),
    "a parameter of the wrong type": ({"typed": {"epochs": "many"}}, errors.InvalidParameter),
    "an unknown parameter": ({"typed": {"epoch": "1"}}, errors.InvalidParameter),
    "a negative limit": ({"time_limit": -1}, errors.InvalidSpec),
    "a group with a slash": ({"group": "a/b"}, errors.InvalidSpec),
    "a title with a NUL": ({"title": "a\0b"}, errors.InvalidSpec),
    "a reserved variable": ({"environment": {"PERIJOVE_X": "1"}}, errors.InvalidSpec),
    "an input that is no address": ({"inputs": {"a": "file:///etc/passwd"}}, errors.InvalidSpec),
    "an image on a process group": ({"image": "python:3.12"}, errors.ImageNotSupported),
    "both kinds of work": ({"command": ["true"]}, errors.InvalidRequest),
}


@pytest.mark.parametrize(("changes", "kind"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_anything_is_sent(talk, service, notebook, changes, kind):
    (notebook.parents[1] / "other").mkdir()
    places = {name: notebook.parents[1] / changes[name] for name in ("path", "root") if name in changes}
    service.json(INFO).json(GROUP)
    work = Submission(**{"path": notebook, "group": "local", **changes, **places})
    with pytest.raises(kind) as caught:
        talk.do(lambda c: c.submit(work))
    assert 400 <= caught.value.status < 500
    assert {request.method for request in service.requests} <= {"GET"}


def test_an_unknown_group_is_refused_before_a_snapshot_is_stored_for_it(talk, service, notebook):
    service.json(INFO).error(422, "unknown_group")
    with pytest.raises(errors.UnknownGroup):
        talk.do(lambda c: c.submit(Submission(path=notebook, group="nope")))
    assert routes(service) == ["GET info", "GET groups/nope"]


def test_a_snapshot_over_the_limit_is_refused_before_it_is_packed(talk, service, notebook):
    (notebook.parents[1] / "big.bin").write_bytes(b"0" * 100)
    service.json({**INFO, "snapshot_limit": 50}).json(GROUP)
    with pytest.raises(errors.SnapshotTooLarge):
        talk.do(lambda c: c.submit(Submission(path=notebook, group="local")))
    assert routes(service) == ["GET info", "GET groups/local"]


def test_no_archive_stays_behind_when_the_service_refuses(talk, service, notebook, monkeypatch, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    service.json(INFO).json(GROUP).error(404, "unknown_code").error(413, "snapshot_too_large")
    with pytest.raises(errors.SnapshotTooLarge):
        talk.do(lambda c: c.submit(Submission(path=notebook, group="local")))
    assert list(temporary.iterdir()) == []


def test_what_conversion_changed_is_told(talk, service, execution, notebook):
    document = json.loads(notebook.read_text())
    document["cells"][2]["id"] = document["cells"][1]["id"]
    notebook.write_text(json.dumps(document))
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    reports = []
    talk.do(lambda c: c.submit(Submission(path=notebook, group="local"), reports.append))
    assert any("Cell 3" in report.sentence for report in reports if isinstance(report, Noted))


@pytest.mark.parametrize("marker", [".git", "valohai.yaml", ".perijoveignore"])
def test_the_project_folder_is_the_nearest_with_a_marker(tmp_path, marker):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / marker).touch()
    assert find_root(below / "n.ipynb") == tmp_path / "a"


def test_a_breaking_upload_is_told_as_a_lost_connection(talk, service, notebook):
    service.json(INFO).json(GROUP).error(404, "unknown_code").reply(*[httpx.WriteError("broken")] * 5)
    with pytest.raises(errors.ConnectionLost):
        talk.do(lambda c: c.submit(Submission(path=notebook, group="local")))


def test_run_submits_and_returns_the_execution(service, execution, notebook):
    from perijove import Client, run

    service.json(INFO).json(GROUP).json(CODE).json(execution())
    with Client("http://h/", "t", transport=httpx.MockTransport(service.answer)) as client:
        remote = run(notebook, parameters={"epochs": 2}, group="local", resources={"cpus": 2}, client=client)
    assert (remote.number, remote.status.value) == (12, "created")
    spec = json.loads(service.bodies[-1])["spec"]
    assert (spec["parameters"], spec["resources"]) == ({"epochs": 2}, {"cpus": 2})
    assert Path(spec["notebook"]["path"]).name == "train.ipynb"


@pytest.fixture
def client(service):
    """A client that submits more than once."""
    transport = httpx.MockTransport(service.answer)
    with Client("https://hub.example.org/services/perijove/", "t0k", transport=transport) as client:
        yield client


def packed_long_ago(client, notebook):
    """Let the folder's files look as if they had been packed a minute after they were written."""
    plan = scan(notebook.parents[1], leave_out={"work/train.ipynb"})
    client._recall.stored(plan, None, "~1", time.time_ns() + 60_000_000_000)


def test_the_next_submission_of_an_unchanged_folder_is_one_request(client, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).json(execution()).json(execution())
    work, reports = Submission(path=notebook, group="local"), []
    client.submit(work)
    packed_long_ago(client, notebook)
    client.submit(work, reports.append)
    assert routes(service)[3:] == ["POST executions", "POST executions"]
    assert json.loads(service.bodies[-1])["spec"]["code"] == "~1"
    assert Known("~1") in reports


def test_a_folder_that_was_just_written_is_packed_again(client, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).json(execution()).json(CODE).json(execution())
    work = Submission(path=notebook, group="local")
    client.submit(work)
    client.submit(work)
    assert [route.partition("/")[0] for route in routes(service)[4:]] == ["GET code", "POST executions"]


def test_a_changed_file_is_packed_again_whatever_its_time_says(client, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    helper = notebook.parents[1] / "helper.py"
    packed_long_ago(client, notebook)
    times = helper.stat()
    helper.write_text("x = 2\n")
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    client.submit(Submission(path=notebook, group="local"))
    assert json.loads(service.bodies[-1])["spec"]["code"] != "~1"


def test_a_snapshot_that_the_service_lost_is_stored_again(client, service, execution, notebook):
    service.json(INFO).json(GROUP).error(422, "unknown_code")
    service.error(404, "unknown_code").json(CODE).json(execution())
    packed_long_ago(client, notebook)
    client.submit(Submission(path=notebook, group="local"))
    verbs = [route.partition("/")[0] for route in routes(service)]
    assert verbs == ["GET info", "GET groups", "POST executions", "GET code", "PUT code", "POST executions"]


def test_what_the_service_refused_is_asked_anew(client, service, execution, notebook):
    service.json(INFO).json(GROUP).json(CODE).error(404, "unknown_group")
    service.json(INFO).json(GROUP).json(CODE).json(execution())
    work = Submission(path=notebook, group="local")
    with pytest.raises(errors.UnknownGroup):
        client.submit(work)
    assert client.submit(work).number == 12
