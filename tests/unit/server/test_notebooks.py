from __future__ import annotations

import json

import httpx
import pytest
from jupyter_server.services.contents.manager import AsyncContentsManager
from masters import told

from perijove.model.resources import Page

CELLS = ("x = 1", "y = 2", "print(x)")


@pytest.fixture
def platform(service, execution):
    """A master that takes everything."""

    def created(request):
        return httpx.Response(201, json={**execution(), "spec": json.loads(request.content)["spec"]})

    def stored(request):
        code = {"id": request.url.path.rpartition("/")[2], "project": "pr", "size": 1, "created_by": "ann"}
        return httpx.Response(201, json={**code, "created_at": "2026-11-20T00:00:00Z"})

    service.on("POST", "executions", created)
    unknown = {"error": {"code": "unknown_code", "message": "Not stored.", "hint": ""}}
    service.rest = lambda request: stored(request) if request.method == "PUT" else httpx.Response(404, json=unknown)
    return service


async def test_a_preview_tells_the_form_the_cells_and_the_snapshot(ask, document, jp_root_dir):
    body = document(*CELLS, cells=["cell-3"], choices={"title": "Last time"})
    (jp_root_dir / "work" / "data.csv").write_text("1,2\n" * 100)
    reply = await ask("POST", "preview", body)
    preview = told(reply)
    assert reply.code == 200
    (offered,) = preview["schema"]["properties"]["group"]["oneOf"]
    assert offered["const"] == "local"
    assert "unsandboxed" in offered["title"]
    assert (preview["values"]["group"], preview["values"]["title"]) == ("local", "Last time")
    along = {context: [cell["id"] for cell in cells] for context, cells in preview["along"].items()}
    assert along == {"only": ["cell-3"], "needed": ["cell-1", "cell-3"], "above": ["cell-1", "cell-2", "cell-3"]}
    assert {"path": "data.csv", "size": 400} in preview["snapshot"]["biggest"]


async def test_a_whole_notebook_has_nothing_to_choose_along(ask, document):
    assert told(await ask("POST", "preview", document(*CELLS)))["along"] is None


async def test_a_notebook_of_the_collaboration_drive_is_this_servers_own(ask, document):
    assert (await ask("POST", "preview", document(path="RTC:work/train.ipynb"))).code == 200


async def test_a_colon_may_be_part_of_a_files_name(ask, document, jp_root_dir):
    body = document(path="a:b.ipynb")
    (jp_root_dir / "a:b.ipynb").write_text("{}")
    assert (await ask("POST", "preview", body)).code == 200


async def test_a_linked_folder_is_as_good_as_another(ask, document, jp_root_dir, tmp_path):
    (tmp_path / "shared").mkdir()
    (jp_root_dir / "linked").symlink_to(tmp_path / "shared")
    assert (await ask("POST", "preview", document(path="linked/train.ipynb"))).code == 200


@pytest.mark.parametrize("action", ["preview", "submit"])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../outside.ipynb", "does not lie in this server's folder"),
        ("work/../../outside.ipynb", "does not lie in this server's folder"),
        ("work/a\0.ipynb", "does not lie in this server's folder"),
        ("S3:bucket/train.ipynb", "lies in the drive 'S3'"),
        ("gone/train.ipynb", "does not exist any more"),
        ("", "'path' is not valid"),
    ],
)
async def test_a_notebook_that_is_not_this_servers_is_refused(ask, document, service, action, path, words):
    reply = await ask("POST", action, document(path=path))
    assert reply.code in {400, 422}
    assert words in told(reply)["error"]["message"]
    assert service.requests == []


async def test_a_server_without_files_says_so(ask, document, jp_serverapp):
    jp_serverapp.web_app.settings["contents_manager"] = AsyncContentsManager()
    reply = await ask("POST", "preview", document())
    assert reply.code == 422
    assert "elsewhere than in files" in told(reply)["error"]["message"]


@pytest.mark.parametrize("action", ["preview", "submit"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "names no nbformat"),
        ({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}, "has no code cells"),
        ({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}, "is not a valid notebook"),
        ({"nbformat": 9, "cells": []}, "is of nbformat 9"),
    ],
)
async def test_what_is_no_notebook_is_refused(ask, document, action, content, words):
    reply = await ask("POST", action, {**document(), "content": content})
    assert (reply.code, told(reply)["error"]["code"]) == (422, "invalid_notebook")
    assert words in told(reply)["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "is not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 200_000, "is not JSON"),
        ({"path": "a.ipynb"}, "'content' is not valid"),
        ({"path": "a.ipynb", "content": {}, "context": "all"}, "'context' is not valid"),
        ({"path": "a.ipynb", "content": {}, "choices": {"tags": "x"}}, "'choices.tags' is not valid"),
    ],
)
async def test_what_is_not_understood_names_the_field(ask, body, words):
    reply = await ask("POST", "preview", body)
    assert reply.code == 400
    assert words in told(reply)["error"]["message"]


async def test_cells_that_are_not_there_are_refused(ask, document):
    reply = await ask("POST", "preview", document(cells=["gone"]))
    assert (reply.code, told(reply)["error"]["code"]) == (422, "unknown_cell")


async def test_a_folder_that_is_too_large_is_told_before_anything_is_sent(ask, document, jp_root_dir, platform):
    body = document()
    (jp_root_dir / "work" / "huge.bin").write_bytes(bytes(1 << 21))
    for action in ("preview", "submit"):
        reply = await ask("POST", action, body)
        assert (reply.code, told(reply)["error"]["code"]) == (413, "snapshot_too_large")
    assert {request.method for request in platform.requests} == {"GET"}


async def test_a_submission_tells_the_execution_and_the_cells_that_run(ask, document, platform):
    body = document(*CELLS, cells=["cell-3"], choices={"group": "local", "title": "Once more", "tags": ["a"]})
    reply = await ask("POST", "submit", body)
    sent = told(reply)
    assert (reply.code, sent["cells"], sent["notes"]) == (201, ["cell-1", "cell-3"], [])
    assert sent["execution"]["spec"]["title"] == "Once more"
    creation = next(request for request in platform.requests if request.method == "POST")
    assert creation.headers["Idempotency-Key"]
    spec = json.loads(creation.content)["spec"]
    assert (spec["notebook"]["path"], spec["tags"]) == ("train.ipynb", ["a"])
    assert spec["notebook"]["origin"] == "work/train.ipynb"
    upload = next(request for request in platform.requests if request.method == "PUT")
    assert upload.url.path.endswith(spec["code"])


async def test_a_submission_of_the_collaboration_drive_comes_from_the_same_notebook(ask, document, platform):
    assert (await ask("POST", "submit", document(path="RTC:work/train.ipynb"))).code == 201
    creation = next(request for request in platform.requests if request.method == "POST")
    assert json.loads(creation.content)["spec"]["notebook"]["origin"] == "work/train.ipynb"


async def test_a_note_on_what_goes_along_reaches_the_person(ask, document, platform):
    body = document("x = 1", "y = 2", "print(", cells=["cell-3"])
    sent = told(await ask("POST", "submit", body))
    assert sent["cells"] == ["cell-1", "cell-2", "cell-3"]
    assert any("needs everything above it" in note for note in sent["notes"])


async def test_what_is_in_the_editor_counts_not_what_is_saved(ask, document, platform, jp_root_dir):
    body = document("print('unsaved')")
    (jp_root_dir / "work" / "train.ipynb").write_text("not even a notebook")
    assert (await ask("POST", "submit", body)).code == 201
    creation = next(request for request in platform.requests if request.method == "POST")
    assert json.loads(creation.content)["notebook"]["cells"][0]["source"] == "print('unsaved')"


async def test_a_refusal_of_the_master_reaches_the_person(ask, document, service):
    service.error("GET", "groups/gpu", 422, "unknown_group", "There is no group 'gpu'.")
    reply = await ask("POST", "submit", document(choices={"group": "gpu"}))
    assert (reply.code, told(reply)["error"]["message"]) == (422, "There is no group 'gpu'.")


async def test_nobody_who_is_not_signed_in_can_submit(ask, document, service):
    for action in ("preview", "submit"):
        assert (await ask("POST", action, document(), headers={"Authorization": ""})).code == 403
    assert service.requests == []


async def test_without_worker_groups_the_form_still_opens(ask, document, service):
    service.json("GET", "groups", Page(items=[]).model_dump(mode="json"))
    preview = told(await ask("POST", "preview", document()))
    assert preview["schema"]["properties"]["group"]["oneOf"] == []
    assert preview["values"]["group"] == ""
