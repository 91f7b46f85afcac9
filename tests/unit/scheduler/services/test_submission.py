from __future__ import annotations

import asyncio
from typing import Any

import pytest
from archives import archive, code_id

from perijove.errors import (
    Forbidden,
    IdempotencyConflict,
    ImageNotSupported,
    InvalidNotebook,
    InvalidRequest,
    InvalidSpec,
    PerijoveError,
    TooLarge,
    UnknownCode,
    UnknownDatum,
    UnknownGroup,
    UnknownProject,
)
from perijove.model.ids import new_id
from perijove.model.resources import CopyExecution, CreateExecution, CreateProject, Role
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import Stored
from perijove_scheduler.queue.memory import MemoryTail
from perijove_scheduler.services import Services
from perijove_scheduler.services.caller import Caller

NOTEBOOK = {"notebook": {"path": "train.ipynb"}, "group": "local"}
COMMAND = {"command": "true", "group": "local"}
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}


def notebook(*cells: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells or [CELL]), **changes}


async def test_a_command_is_created_in_the_personal_project(local) -> None:
    made = await local.submit(spec={**COMMAND, "title": "hello", "tags": ["a", "b"], "priority": 3})
    assert (made.number, made.owner, made.project_name, made.status) == (1, "ada", "ada", "created")
    assert made.url == f"https://hub.example/services/perijove/api/v1/executions/{made.id}"
    assert (made.spec.title, made.spec.tags, made.spec.priority) == ("hello", ["a", "b"], 3)
    assert await local.bell.wait("dispatcher", 0)


async def test_a_notebooks_document_is_stored_under_its_digest(local) -> None:
    made = await local.submit(spec=NOTEBOOK, notebook=notebook())
    assert made.spec.notebook.sha256 is not None
    assert local.stored() == [f"notebooks/{made.spec.notebook.sha256}.ipynb"]


async def test_the_same_document_is_stored_once_whatever_the_order_of_its_keys(local) -> None:
    one = await local.submit(spec=NOTEBOOK, notebook=notebook())
    other = await local.submit(spec=NOTEBOOK, notebook=dict(reversed(notebook().items())))
    assert one.spec.notebook.sha256 == other.spec.notebook.sha256
    assert len(local.stored()) == 1


BAD = {
    "unknown group": ({"spec": {**COMMAND, "group": "none"}}, UnknownGroup),
    "image on a process group": ({"spec": {**COMMAND, "image": "python:3"}}, ImageNotSupported),
    "more than a worker has": ({"spec": {**COMMAND, "resources": {"gpus": 2}}}, InvalidSpec),
    "unknown code": ({"spec": {**COMMAND, "code": "~" + "0" * 64}}, UnknownCode),
    "unknown project": ({"spec": COMMAND, "project": "none"}, UnknownProject),
    "unknown datum": (
        {"spec": {**COMMAND, "inputs": [{"name": "x", "uris": [f"datum://{new_id('da')}"]}]}},
        UnknownDatum,
    ),
    "alias of no datum": ({"spec": {**COMMAND, "inputs": [{"name": "x", "uris": ["datum://best"]}]}}, UnknownDatum),
    "a NUL in a parameter": ({"spec": {**COMMAND, "parameters": {"x": ["a\0"]}}}, InvalidSpec),
    "no number": ({"spec": {**COMMAND, "parameters": {"x": float("nan")}}}, InvalidSpec),
    "no document": ({"spec": NOTEBOOK}, InvalidNotebook),
    "a document with a command": ({"spec": COMMAND, "notebook": notebook()}, InvalidSpec),
    "not a notebook": ({"spec": NOTEBOOK, "notebook": {"a": 1}}, InvalidNotebook),
    "an old format": ({"spec": NOTEBOOK, "notebook": notebook(nbformat_minor=4)}, InvalidNotebook),
    "not valid": ({"spec": NOTEBOOK, "notebook": notebook({"cell_type": "code"})}, InvalidNotebook),
    "no code cell": (
        {"spec": NOTEBOOK, "notebook": notebook({"cell_type": "markdown", "id": "a", "metadata": {}, "source": "x"})},
        InvalidNotebook,
    ),
    "two cells of one id": ({"spec": NOTEBOOK, "notebook": notebook(CELL, CELL)}, InvalidNotebook),
    "too large": ({"spec": NOTEBOOK, "notebook": notebook({**CELL, "source": "x" * 20_000})}, TooLarge),
    "not JSON": ({"spec": NOTEBOOK, "notebook": notebook(metadata={"x": float("nan")})}, InvalidNotebook),
    "another document's digest": (
        {"spec": {"notebook": {"path": "a.ipynb", "sha256": "0" * 64}, "group": "local"}, "notebook": notebook()},
        InvalidNotebook,
    ),
    "a digest nobody stored": (
        {"spec": {"notebook": {"path": "a.ipynb", "sha256": "0" * 64}, "group": "local"}},
        InvalidNotebook,
    ),
}


@pytest.mark.parametrize(("request_", "error"), BAD.values(), ids=BAD)
async def test_what_is_refused_leaves_nothing_behind(local, request_: dict[str, Any], error: type) -> None:
    with pytest.raises(error) as refusal:
        await local.submit(**request_)
    assert 400 <= refusal.value.status < 500
    assert (await local.executions(), local.stored()) == (0, [])
    assert (await local.services.projects.list(local.ada)).items == []


async def test_a_group_of_others_is_unknown(local) -> None:
    await local.group("lab", owners=["lab"])
    await local.submit(local.ada, spec={**COMMAND, "group": "lab"})
    with pytest.raises(UnknownGroup):
        await local.submit(local.eve, spec={**COMMAND, "group": "lab"})


async def test_a_token_that_may_only_read_submits_nothing(local) -> None:
    reader = Caller("ada", scopes=frozenset({"read"}))
    with pytest.raises(Forbidden, match="submit"):
        await local.submit(reader)


async def test_a_viewer_of_a_project_submits_nothing_to_it(local) -> None:
    project = await local.services.projects.create(local.ada, CreateProject(name="shared"))
    await local.join(local.ada, "shared", local.bob, Role.VIEWER)
    with pytest.raises(Forbidden, match="viewer"):
        await local.submit(local.bob, project=project.id)
    await local.join(local.ada, "shared", local.bob, Role.MEMBER)
    assert (await local.submit(local.bob, project=project.id)).owner == "bob"


async def test_numbers_have_no_gaps_however_many_come_at_once(local) -> None:
    made = await asyncio.gather(*(local.submit() for _ in range(10)), local.submit(local.bob))
    assert sorted(each.number for each in made if each.owner == "ada") == list(range(1, 11))
    assert len({each.project for each in made}) == 2


async def test_a_failed_write_leaves_no_document_and_no_number(local) -> None:
    await local.submit(key="taken")
    with pytest.raises(IdempotencyConflict):
        await local.submit(spec=NOTEBOOK, notebook=notebook(), key="taken")
    assert local.stored() == []
    assert (await local.submit()).number == 2


async def test_a_project_deleted_meanwhile_leaves_no_document(local) -> None:
    project = await local.services.projects.create(local.ada, CreateProject(name="doomed"))

    class Slow(LocalFiles):
        async def put(self, *args: Any, **values: Any) -> Stored:
            stored = await super().put(*args, **values)
            await local.services.projects.delete(local.ada, project.id)
            return stored

    files = Slow(local.root, b"k" * 32, "/")
    services = Services(local.store, local.queue, MemoryTail(local.queue), files, local.bell, local.services.limits)
    request = CreateExecution.model_validate({"spec": NOTEBOOK, "notebook": notebook(), "project": project.id})
    with pytest.raises(UnknownProject):
        await services.executions.create(local.ada, request, None)
    assert (local.stored(), await local.executions()) == ([], 0)


async def test_a_document_deleted_before_its_execution_is_written_is_stored_again(local) -> None:
    class Deleting(LocalFiles):
        """Deletes what is stored first, as another replica may that has just deleted the last execution of it."""

        deleted = False

        async def put(self, *args: Any, **values: Any) -> Stored:
            stored = await super().put(*args, **values)
            if not self.deleted:
                self.deleted = True
                await self.delete(args[0])
            return stored

    files = Deleting(local.root, b"k" * 32, "/")
    services = Services(local.store, local.queue, MemoryTail(local.queue), files, local.bell, local.services.limits)
    request = CreateExecution.model_validate({"spec": NOTEBOOK, "notebook": notebook()})
    await services.executions.create(local.ada, request, None)
    assert (files.deleted, len(local.stored())) == (True, 1)


# ---------------------------------------------------------------------------------------------- idempotency


async def test_a_repeated_request_gives_the_same_execution(local) -> None:
    first = await local.submit(key="k")
    assert (await local.submit(key="k")).id == first.id
    assert await local.executions() == 1


async def test_a_key_belongs_to_its_caller(local) -> None:
    first = await local.submit(local.ada, key="k")
    assert (await local.submit(local.bob, key="k")).id != first.id


async def test_one_key_at_once_makes_one_execution(local) -> None:
    made = await asyncio.gather(*(local.submit(spec=NOTEBOOK, notebook=notebook(), key="k") for _ in range(5)))
    assert len({each.id for each in made}) == 1
    assert (await local.executions(), len(local.stored())) == (1, 1)
    assert (await local.submit()).number == 2


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ä"])
async def test_a_key_that_is_none_is_refused(local, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await local.submit(key=key)


# ---------------------------------------------------------------------------------------------------- copies


async def test_a_copy_runs_the_same_with_what_differs(local) -> None:
    spec = {**NOTEBOOK, "parameters": {"rate": 1, "epochs": 2}, "title": "one", "tags": ["a"]}
    first = await local.submit(spec=spec, notebook=notebook())
    changes = CopyExecution(parameters={"rate": 3}, title="two")
    copy = await local.services.executions.copy(local.ada, first.id, changes, None)
    assert copy.spec.parameters == {"rate": 3, "epochs": 2}
    assert (copy.spec.title, copy.spec.tags) == ("two", ["a"])
    assert (copy.number, copy.project) == (2, first.project)


async def test_a_copy_with_other_parameters_runs_the_same_document(local) -> None:
    first = await local.submit(spec={**NOTEBOOK, "parameters": {"rate": 1}}, notebook=notebook())
    same = await local.services.executions.copy(local.ada, first.id, CopyExecution(), None)
    other = await local.services.executions.copy(local.ada, first.id, CopyExecution(parameters={"rate": 3}), None)
    assert same.spec.notebook == first.spec.notebook
    assert other.spec.notebook == first.spec.notebook
    assert len(local.stored()) == 1


async def test_a_copy_with_a_bad_change_is_refused(local) -> None:
    first = await local.submit()
    with pytest.raises(PerijoveError) as refusal:
        await local.services.executions.copy(local.ada, first.id, CopyExecution(tags=["a,b"]), None)
    assert refusal.value.status == 422
    assert "tags.0" in refusal.value.message
    assert "\n" not in refusal.value.message
    assert await local.executions() == 1


async def test_a_document_somebody_else_ran_is_not_the_callers_to_run(local) -> None:
    theirs = await local.submit(local.bob, spec=NOTEBOOK, notebook=notebook())
    stolen = {"notebook": {"path": "a.ipynb", "sha256": theirs.spec.notebook.sha256}, "group": "local"}
    with pytest.raises(InvalidNotebook, match="not yours"):
        await local.submit(local.ada, spec=stolen)


async def test_a_document_whose_object_was_lost_is_said_to_be_and_stored_again_when_it_is_sent(local) -> None:
    first = await local.submit(spec=NOTEBOOK, notebook=notebook())
    key = f"notebooks/{first.spec.notebook.sha256}.ipynb"
    await local.files.delete(key)
    for changes in (CopyExecution(), CopyExecution(parameters={"rate": 2})):
        with pytest.raises(InvalidNotebook, match="not in the store any more") as refused:
            await local.services.executions.copy(local.ada, first.id, changes, None)
        assert "again" in refused.value.hint
    again = await local.submit(spec=NOTEBOOK, notebook=notebook())
    assert again.spec.notebook == first.spec.notebook
    assert local.stored() == [key]
    assert (await local.services.executions.copy(local.ada, first.id, CopyExecution(), None)).number == 3


async def test_code_whose_object_was_lost_is_unknown_so_that_clients_send_it(local) -> None:
    body = archive()

    async def sent():
        yield body

    await local.services.code.put(local.ada, None, code_id(body), sent(), None)
    spec = {**COMMAND, "code": code_id(body)}
    await local.submit(spec=spec)
    await local.files.delete(f"code/{code_id(body)}.tar.zst")
    with pytest.raises(UnknownCode, match="not in the store any more") as refused:
        await local.submit(spec=spec)
    assert "Upload" in refused.value.hint
    await local.services.code.put(local.ada, None, code_id(body), sent(), None)
    assert (await local.submit(spec=spec)).number == 2
