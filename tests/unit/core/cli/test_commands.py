from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from perijove.model.events import LeftOut
from perijove.model.spec import Spec

NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def output(service, execution):
    def make(made, name="model.pkl", content=b"abc", media_type="x/y"):
        digest = hashlib.sha256(content).hexdigest()
        path = f"executions/{made['id']}/outputs"
        service.answers[f"GET {path}/{name}"] = httpx.Response(
            302, headers={"Location": f"https://o.example.com/{name}"}
        )
        service.answers[f"GET /{name}"] = httpx.Response(200, content=content)
        written = {
            "id": "da-1",
            "execution": made["id"],
            "name": name,
            "size": len(content),
            "sha256": digest,
            "media_type": media_type,
            "created_at": "2026-11-20T00:00:00Z",
            "url": f"https://h/{name}",
        }
        service.items(f"GET {path}", written)
        return written

    return make


def test_ls_prints_a_plain_table_without_a_terminal(perijove, execution):
    execution("error", number=7, spec=Spec(group="gpu", command=["python train.py"], title="[red]Nightly"))
    told = perijove("ls")
    assert told.status == 0
    head, row = told.out.splitlines()
    assert head.split() == ["EXECUTION", "STATUS", "WHAT", "GROUP", "OWNER", "CREATED", "RAN"]
    assert row.split()[:5] == ["ann/7", "error", "[red]Nightly", "gpu", "ann"]


def test_ls_passes_its_filters_on(perijove, service):
    service.items("GET executions")
    filters = {"project": "p", "owner": "o", "status": "error", "group": "g", "tag": "t", "search": "s"}
    told = perijove("ls", *[text for name, value in filters.items() for text in (f"--{name}", value)])
    assert (told.status, told.out) == (0, "")
    assert dict(service.asked[0].url.params) == {**filters, "limit": "20"}


def test_ls_prints_the_items_as_json(perijove, execution):
    made = execution()
    (one,) = json.loads(perijove("ls", "--json").out)
    assert one["id"] == made["id"]


def test_show_tells_all_that_matters(perijove, execution, output):
    made = execution("error", detail="ZeroDivisionError", hint="Look.", metadata={"loss": 0.5})
    output(made)
    told = perijove("show", "12").out
    for part in (made["id"], "It is error. ZeroDivisionError", "Look.", "loss=0.5", "train.ipynb", "model.pkl", "3 B"):
        assert part in told


def test_show_prints_the_resource_as_json(perijove, execution):
    made = execution()
    assert json.loads(perijove("show", "ann/12", "--json").out) == made


def test_stop_asks_for_each(perijove, execution, service):
    made = execution("started")
    service.json(f"POST executions/{made['id']}/stop", {**made, "status": "stopping"})
    told = perijove("stop", "12", made["id"])
    assert told.err.splitlines() == ["Execution 12 is stopping."] * 2


def test_stop_of_a_final_execution_is_the_users_error(perijove, execution, service):
    made = execution()
    service.error(f"POST executions/{made['id']}/stop", 409, "conflict", "It has ended.")
    assert perijove("stop", "12").status == 2


def test_why_tells_what_a_waiting_execution_waits_for(perijove, execution, service):
    made = execution("queued")
    service.json(f"GET executions/{made['id']}/why", {"sentence": "Two are before it.", "hint": "Wait."})
    told = perijove("why", "12")
    assert (told.out, told.err) == ("Two are before it.\n", "Hint: Wait.\n")


def test_why_tells_why_a_final_execution_ended(perijove, execution):
    execution("error", detail="E: v")
    assert perijove("why", "12").out == "It is error. E: v\n"


def test_the_log_so_far_is_printed_as_it_is(perijove, execution, service):
    made = execution("started")
    text = "épo\x1b[2Jch\r 50%\rdone"
    service.answers[f"GET executions/{made['id']}/log"] = httpx.Response(200, text=text)
    told = perijove("logs", "12", "--attempt", "2")
    assert (told.status, told.out) == (0, text + "\n")
    assert service.asked[-1].url.params["attempt"] == "2"
    assert json.loads(perijove("logs", "12", "--json").out)["log"] == text


def test_outputs_are_listed(perijove, execution, output):
    output(execution())
    assert perijove("outputs", "12").out.splitlines()[1].split() == ["model.pkl", "3", "B", "x/y"]
    for arguments in (("outputs", "12", "--json"), ("outputs", "--json", "12")):
        assert json.loads(perijove(*arguments).out)[0]["name"] == "model.pkl"


def test_what_was_left_out_is_listed_with_the_outputs(perijove, execution, output):
    named = [LeftOut(name="loop", why="it is a link that leads to itself")]
    output(execution(left_out=3, left_out_files=named))
    told = perijove("outputs", "12")
    assert "model.pkl" in told.out
    assert told.err == "Left out: 'loop': it is a link that leads to itself.\n2 more files are left out.\n"


def test_outputs_are_downloaded_into_a_folder(perijove, execution, output, tmp_path):
    output(execution(), content=b"weights")
    told = perijove("outputs", "get", "12", "-o", str(tmp_path / "new"))
    assert told.status == 0
    assert (tmp_path / "new" / "model.pkl").read_bytes() == b"weights"


def test_an_output_does_not_overwrite_a_file_that_is_there(perijove, execution, output, tmp_path):
    output(execution(), content=b"weights")
    mine = tmp_path / "model.pkl"
    mine.write_bytes(b"edited")
    assert perijove("outputs", "get", "12", "-o", str(tmp_path)).status == 0
    assert (mine.read_bytes(), (tmp_path / "model.12.pkl").read_bytes()) == (b"edited", b"weights")
    (tmp_path / "model.12.pkl").write_bytes(b"edited too")
    told = perijove("outputs", "get", "12", "-o", str(tmp_path))
    assert "model.12-2.pkl" in told.err
    assert (tmp_path / "model.12-2.pkl").read_bytes() == b"weights"
    assert perijove("outputs", "get", "12", "--force", "-o", str(tmp_path)).status == 0
    assert mine.read_bytes() == b"weights"


def test_an_output_that_is_there_already_is_not_written_again(perijove, execution, output, tmp_path):
    output(execution(), content=b"weights")
    for _ in range(2):
        assert perijove("outputs", "get", "12", "-o", str(tmp_path)).status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model.pkl"]


def test_a_notebook_that_was_edited_is_not_replaced_by_the_executed_one(perijove, execution, service, tmp_path):
    made = execution()
    service.answers[f"GET executions/{made['id']}/notebook"] = httpx.Response(200, text=NOTEBOOK)
    mine = tmp_path / "train.ipynb"
    mine.write_text("edited")
    assert perijove("notebook", "12", "-o", str(mine)).status == 0
    assert mine.read_text() == "edited"
    assert (tmp_path / "train.12.ipynb").read_text() == NOTEBOOK


def test_an_output_that_is_not_there_is_the_users_error_and_downloads_nothing(perijove, execution, output, tmp_path):
    output(execution())
    told = perijove("outputs", "get", "12", "model.pkl", "other", "-o", str(tmp_path))
    assert told.status == 2
    assert "It has model.pkl." in told.err
    assert list(tmp_path.iterdir()) == []


def test_the_executed_notebook_does_not_overwrite_the_original(perijove, execution, service, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = execution()
    service.answers[f"GET executions/{made['id']}/notebook"] = httpx.Response(200, text=NOTEBOOK)
    assert perijove("notebook", "12").status == 0
    assert (tmp_path / "train.12.ipynb").read_text() == NOTEBOOK


def test_groups_are_listed_with_what_waits(perijove, service):
    group = {"name": "gpu", "description": "Two A100", "runtime": "docker", "image": None, "provider": "manual"}
    group |= {
        "min_workers": 0,
        "max_workers": 4,
        "grace_period": 1,
        "workers": 1,
        "idle": 0,
        "waiting": 3,
        "running": 2,
    }
    service.items("GET groups", {**group, "capacity": {"cpus": 8, "memory": 1 << 34, "gpus": 2}})
    row = perijove("groups").out.splitlines()[1]
    assert row.split() == [
        "gpu",
        "docker",
        "unsandboxed",
        "8",
        "CPU,",
        "16.0",
        "GiB,",
        "2",
        "GPU",
        "1/4",
        "2",
        "3",
        "Two",
        "A100",
    ]


@pytest.fixture
def project():
    return {
        "id": "pr-1",
        "name": "digits",
        "owner": "ann",
        "role": "admin",
        "executions": 3,
        "created_at": "2026-11-20T00:00:00Z",
        "members": [{"kind": "user", "name": "bob", "role": "viewer"}],
    }


def test_projects_are_listed_and_made(perijove, service, project):
    service.items("GET projects", project)
    service.json("POST projects", project)
    assert perijove("projects").out.splitlines()[1].split()[:4] == ["digits", "admin", "ann", "3"]
    assert json.loads(perijove("projects", "--json").out)[0]["name"] == "digits"
    assert perijove("projects", "create", "digits").status == 0
    assert service.bodies("POST projects") == [{"name": "digits"}]


def test_members_come_and_go(perijove, service, project):
    service.json("GET projects/digits", project)
    service.json("PUT projects/digits/members/group/staff", project)
    service.answers["DELETE projects/digits/members/user/bob"] = httpx.Response(204)
    assert "bob" in perijove("projects", "members", "digits").out
    assert perijove("projects", "add", "digits", "staff", "--group", "--role", "viewer").status == 0
    assert service.bodies("PUT projects/digits/members/group/staff") == [{"role": "viewer"}]
    assert perijove("projects", "remove", "digits", "bob").status == 0


def test_compare_shows_metrics_and_only_the_environment_that_differs(perijove, execution, service):
    made = execution()
    service.json(
        "GET executions/compare",
        {
            "executions": [made, made],
            "parameters": {"lr": [0.1, None]},
            "metadata": {"loss": [1, 2]},
            "environment": {"python": ["3.11", "3.12"], "os": ["x", "x"]},
        },
    )
    told = perijove("compare", "12", made["id"])
    rows = {line.split()[0]: line.split()[1:] for line in told.out.splitlines()[1:]}
    assert (rows["lr"], rows["loss"], rows["python"]) == (["0.1", "-"], ["1", "2"], ["3.11", "3.12"])
    assert "os" not in rows


def test_delete_takes_a_yes(perijove, execution, service):
    made = execution()
    service.answers[f"DELETE executions/{made['id']}"] = httpx.Response(204)
    assert perijove("delete", "12", "-y").err == "Deleted ann/12.\n"
    assert [request.method for request in service.asked][-1] == "DELETE"


def test_rerun_sends_what_differs_and_follows_the_new_execution(perijove, execution, service, story):
    copied = execution("complete", number=13)
    made = execution()
    story(copied)
    service.json(f"POST executions/{made['id']}/copy", copied)
    service.json(f"GET executions/{copied['id']}", copied)
    told = perijove("rerun", "12", "-p", "lr=0.5", "-p", "name=adam", "--tag", "again")
    assert told.status == 0
    assert service.bodies(f"POST executions/{made['id']}/copy") == [
        {"parameters": {"lr": 0.5, "name": "adam"}, "tags": ["again"]}
    ]
    assert "ann/13" in told.err


def test_rejected_events_are_listed_with_the_reason(service, perijove) -> None:
    event = {
        "id": "rj-1", "group": "gpu", "worker": "wk-1", "kind": "finished", "execution": "ex-1", "attempt": 2,
        "why": "It cannot be read.", "size": 9, "document": "{", "rejected_at": "2026-11-26T12:00:00Z",
    }  # fmt: skip
    service.items("GET events/rejected", event)
    done = perijove("events", "rejected")
    assert (done.status, "gpu" in done.out, "ex-1/2" in done.out, "It cannot be read." in done.out) == (
        0,
        True,
        True,
        True,
    )
    assert json.loads(perijove("events", "rejected", "--json").out)[0]["why"] == "It cannot be read."


def test_a_group_of_commands_alone_lists(service, perijove) -> None:
    for route in ("GET groups", "GET projects", "GET invitations", "GET events/rejected"):
        service.items(route)
    for group in (("groups",), ("projects",), ("projects", "invitations"), ("events",)):
        assert (perijove(*group, "--json").status, perijove(*group, "--json").out) == (0, "[]\n")
        told = perijove(*group)
        assert (told.status, told.out, len(told.err.splitlines())) == (0, "", 1)
    asked = {request.url.path.rpartition("/v1/")[2] for request in service.asked}
    assert asked == {"groups", "projects", "invitations", "events/rejected"}


def test_a_worker_is_evicted_and_a_token_made(service, perijove) -> None:
    service.json("DELETE groups/gpu/workers/wk-1", None, 204)
    done = perijove("groups", "evict", "gpu", "wk-1")
    assert (done.status, "wk-1 is out" in done.out + done.err) == (0, True)
    made = {"token": "secret", "uses": 3, "expires_at": "2026-11-26T12:00:00Z"}
    service.json("POST groups/gpu/tokens", made, 201)
    done = perijove("groups", "token", "gpu", "--uses", "3", "--hours", "1")
    assert (done.status, done.out.strip()) == (0, "secret")
    assert json.loads(service.asked[-1].content) == {"uses": 3, "expires_in": 3600}
