from __future__ import annotations

import asyncio
import json
import tarfile

import httpx
import pytest
from archives import EVIL, archive, code_id
from masters import told

from perijove.code import scan

GOOD = archive(tarfile.TarInfo("lib/tool.py"), tarfile.TarInfo("data.csv"))
AS_IT_RAN = {"cells": ["as it ran"]}


@pytest.fixture
def ran(service, execution):
    """An execution whose folder the service has; returns its id."""

    def make(body=GOOD, notebook="work/train.ipynb", document=AS_IT_RAN, parameters=None, **changes):
        made = execution("complete", **changes)
        spec = {"group": "local", "code": code_id(body), "parameters": parameters or {}}
        spec |= {"notebook": {"path": notebook}} if notebook else {"command": ["true"]}
        detail = {**made, "spec": spec, "attempts": [], "environment": {}}
        service.json("GET", f"executions/{made['id']}", detail)
        service.on("GET", f"code/{spec['code']}/archive", lambda _: httpx.Response(200, content=body))
        content = json.dumps(document)
        service.on("GET", f"executions/{made['id']}/notebook", lambda _: httpx.Response(200, content=content))
        return made["id"]

    return make


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_the_folder_that_ran_is_laid_out_with_its_notebook(ask, ran, service, jp_root_dir):
    reply = await ask("POST", "ran", {"execution": ran()})
    assert (reply.code, told(reply)) == (200, {"path": "perijove/ann/12/code"})
    folder = jp_root_dir / "perijove/ann/12/code"
    assert files(folder) == [".perijoveignore", "data.csv", "lib/tool.py", "work/train.ipynb"]
    assert json.loads((folder / "work/train.ipynb").read_text()) == {"cells": ["as it ran"]}
    assert [path.name for path in folder.parent.iterdir()] == ["code"]
    submitted = next(request for request in service.requests if request.url.path.endswith("/notebook"))
    assert submitted.url.params["which"] == "submitted"


async def test_the_notebook_that_is_laid_out_has_the_parameters_it_ran_with(ask, ran, service, jp_root_dir):
    cell = {"cell_type": "code", "id": "p", "source": "n = 1", "metadata": {"tags": ["parameters"]}}
    document = {"cells": [{**cell, "outputs": [], "execution_count": None}], "metadata": {}}
    execution = ran(document=document, parameters={"n": 3})
    await ask("POST", "ran", {"execution": execution})
    laid_out = json.loads((jp_root_dir / "perijove/ann/12/code/work/train.ipynb").read_text())
    assert [each["source"] for each in laid_out["cells"]] == ["n = 1", "# Parameters\nn = 3"]


async def test_a_copy_that_is_there_stays_as_it_was_left(ask, ran, jp_root_dir):
    execution = ran()
    await ask("POST", "ran", {"execution": execution})
    mine = jp_root_dir / "perijove/ann/12/code/data.csv"
    mine.write_text("mine")
    reply = await ask("POST", "ran", {"execution": execution})
    assert (reply.code, mine.read_text()) == (200, "mine")


async def test_two_who_ask_at_once_get_one_folder(ask, ran, jp_root_dir):
    execution = ran(notebook=None)
    replies = await asyncio.gather(*(ask("POST", "ran", {"execution": execution}) for _ in range(4)))
    assert {(reply.code, told(reply)["path"]) for reply in replies} == {(200, "perijove/ann/12/code")}
    assert files(jp_root_dir / "perijove/ann/12") == ["code/.perijoveignore", "code/data.csv", "code/lib/tool.py"]


async def test_copies_do_not_go_along_with_the_next_run(ask, ran, jp_root_dir):
    (jp_root_dir / "train.py").write_text("1")
    await ask("POST", "ran", {"execution": ran()})
    assert [entry.name for entry in scan(jp_root_dir).entries if entry.kind == "file"] == ["train.py"]
    # What is run in a copy sends the copy.
    inside = [entry.name for entry in scan(jp_root_dir / "perijove/ann/12/code").entries if entry.kind == "file"]
    assert inside == [".perijoveignore", "data.csv", "lib/tool.py", "work/train.ipynb"]


async def test_a_folder_of_that_name_is_left_as_it_is(ask, jp_root_dir):
    (jp_root_dir / "perijove").mkdir()
    assert told(await ask("POST", "copies")) == {"path": "perijove"}
    assert files(jp_root_dir / "perijove") == []


async def test_a_file_in_its_place_is_told(ask, ran, jp_root_dir):
    (jp_root_dir / "perijove").write_text("mine")
    for action, body in (("copies", None), ("ran", {"execution": ran()})):
        reply = await ask("POST", action, body)
        assert reply.code == 409
        assert "There is a file where the folder 'perijove' would be." in told(reply)["error"]["message"]


@pytest.mark.parametrize("what", EVIL)
async def test_an_archive_that_would_leave_its_folder_leaves_nothing(ask, ran, jp_root_dir, what):
    reply = await ask("POST", "ran", {"execution": ran(EVIL[what])})
    assert reply.code == 422
    assert files(jp_root_dir / "perijove") == [".gitignore"]


async def test_what_arrives_damaged_leaves_nothing(ask, ran, service, jp_root_dir):
    execution = ran()
    service.on("GET", f"code/{code_id(GOOD)}/archive", lambda _: httpx.Response(200, content=archive()))
    reply = await ask("POST", "ran", {"execution": execution})
    assert reply.code == 502 or told(reply)["error"]["code"] == "connection_lost"
    assert files(jp_root_dir / "perijove") == [".gitignore"]


async def test_a_notebook_is_not_written_through_a_link(ask, ran, jp_root_dir):
    (jp_root_dir / "elsewhere").mkdir()
    reply = await ask("POST", "ran", {"execution": ran(notebook="../../elsewhere/a.ipynb")})
    assert reply.code >= 400
    assert files(jp_root_dir / "elsewhere") == []


async def test_a_notebook_that_lies_behind_a_loop_of_links_is_not_written(ask, ran, jp_root_dir):
    loop = tarfile.TarInfo("loop")
    loop.type, loop.linkname = tarfile.SYMTYPE, "loop"
    reply = await ask("POST", "ran", {"execution": ran(archive(loop), notebook="loop/a.ipynb")})
    assert reply.code == 422
    assert "behind a link" in told(reply)["error"]["message"]
    assert files(jp_root_dir / "perijove") == [".gitignore"]


async def test_what_ran_without_a_folder_says_so(ask, service, execution):
    made = {**execution("complete"), "attempts": [], "environment": {}}
    service.json("GET", f"executions/{made['id']}", made)
    reply = await ask("POST", "ran", {"execution": made["id"]})
    assert (reply.code, told(reply)["error"]["message"]) == (404, "Execution 12 ran without a folder.")


@pytest.mark.parametrize("body", [{}, {"execution": 7}, {"execution": ""}, {"execution": "../groups"}])
async def test_a_request_without_an_execution_is_refused(ask, body, service):
    assert (await ask("POST", "ran", body)).code == 400
    assert service.requests == []
