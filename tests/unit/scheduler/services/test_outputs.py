from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from archives import archive, code_id
from sqlalchemy import event

from perijove.errors import Conflict, NotFound, UnknownExecution
from perijove.model.events import LeftOut, ObjectRequest, OutputFile, Segmented, SignRequest
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.status import Status
from perijove_scheduler.store.listing import ExecutionFilter

SHA = "0" * 64
IPYNB = "application/x-ipynb+json"
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CELL]}


def key_of(url: str) -> tuple[str, str]:
    """Return what a signed URL allows, and on which object."""
    parts = urlsplit(url)
    return parse_qs(parts.query)["verb"][0], unquote(parts.path).partition("/files/")[2]


async def ended(world, **spec: Any) -> str:
    made = await world.submit(
        spec={"notebook": {"path": "deep/train.ipynb"}, "group": "local", **spec}, notebook=NOTEBOOK
    )
    await world.start(made.id)
    names = {"train.ipynb": IPYNB, "a/my model#1.bin": "application/octet-stream"}
    files = [OutputFile(name=name, size=1, sha256=SHA, media_type=kind) for name, kind in names.items()]
    await world.finish(made.id, outputs=files)
    return made.id


def ask(world, execution: str, *objects: tuple[str, str], attempt: int = 1, worker: str = "") -> SignRequest:
    wanted = [ObjectRequest(what=what, name=name) for what, name in objects]
    fence = {"execution": execution, "attempt": attempt, "worker": worker or world.worker}
    return SignRequest(**fence, request="r-1", objects=wanted)


async def test_outputs_are_listed_and_fetched_from_signed_addresses(local) -> None:
    execution = await ended(local)
    outputs = local.services.outputs
    listed = (await outputs.list(local.ada, execution)).items
    assert [each.name for each in listed] == ["a/my model#1.bin", "train.ipynb"]
    assert listed[0].url.endswith(f"/api/v1/executions/{execution}/outputs/a/my%20model%231.bin")
    url = await outputs.url(local.ada, execution, "a/my model#1.bin")
    assert key_of(url) == ("GET", f"outputs/{execution}/1/a/my model#1.bin")
    assert parse_qs(urlsplit(url).query)["name"] == ["my model#1.bin"]
    with pytest.raises(NotFound):
        await outputs.url(local.ada, execution, "none")


async def test_what_work_left_and_could_not_be_kept_is_said_of_the_execution(local) -> None:
    made = await local.submit(spec={"command": ["true"], "group": "local"})
    await local.start(made.id)
    bad = LeftOut(name="loop", why="it is a link that leads to itself")
    await local.finish(made.id, left_out=[bad], left_out_count=1_234)
    found = await local.services.executions.get(local.ada, made.id)
    assert (found.status, found.left_out, found.left_out_files) == (Status.COMPLETE, 1_234, [bad])
    assert found.sentence == "It completed. 1,234 files it left could not be kept."
    assert "say why" in found.hint
    listed = await local.services.outputs.list(local.ada, made.id)
    assert (listed.items, listed.left_out, listed.left_out_files) == ([], 1_234, [bad])
    (shown,) = (await local.services.executions.list(local.ada, ExecutionFilter())).items
    assert shown.left_out == 1_234


async def test_a_records_large_content_is_fetched_from_a_signed_address_while_it_runs(local) -> None:
    made = await local.submit(spec={"notebook": {"path": "train.ipynb"}, "group": "local"}, notebook=NOTEBOOK)
    await local.start(made.id)
    outputs = local.services.outputs
    url = await outputs.payload(local.ada, made.id, None, SHA)
    assert key_of(url) == ("GET", f"payloads/{made.id}/1/{SHA}")
    assert await outputs.payload(local.ada, made.id, 1, SHA)
    for attempt, name in ((2, SHA), (1, "../../etc"), (1, SHA.upper() + "x")):
        with pytest.raises(NotFound):
            await outputs.payload(local.ada, made.id, attempt, name)
    with pytest.raises(UnknownExecution):
        await outputs.payload(local.bob, made.id, None, SHA)


async def test_both_notebooks_are_found(local) -> None:
    execution = await ended(local)
    executed = await local.services.outputs.notebook(local.ada, execution, "executed")
    submitted = await local.services.outputs.notebook(local.ada, execution, "submitted")
    assert key_of(executed) == ("GET", f"outputs/{execution}/1/train.ipynb")
    assert key_of(submitted)[1] in local.stored()
    assert parse_qs(urlsplit(submitted).query)["name"] == ["train.ipynb"]


async def test_a_notebook_that_is_not_there_is_said_so(local) -> None:
    command = await local.submit()
    with pytest.raises(NotFound):
        await local.services.outputs.notebook(local.ada, command.id, "submitted")
    waiting = await local.submit(spec={"notebook": {"path": "a.ipynb"}, "group": "local"}, notebook=NOTEBOOK)
    with pytest.raises(Conflict):
        await local.services.outputs.notebook(local.ada, waiting.id, "executed")


async def test_a_stranger_gets_no_address(local) -> None:
    execution = await ended(local)
    outputs = local.services.outputs
    for call in (
        outputs.list(local.bob, execution),
        outputs.url(local.bob, execution, "train.ipynb"),
        outputs.notebook(local.bob, execution, "executed"),
    ):
        with pytest.raises(UnknownExecution):
            await call


# ------------------------------------------------------------------------------------------------- workers


async def test_a_worker_gets_what_its_attempt_needs(local) -> None:
    source = await ended(local)
    (datum,) = [o.id for o in (await local.services.outputs.list(local.ada, source)).items if o.name == "train.ipynb"]
    spec = {"notebook": {"path": "a.ipynb"}, "group": "local", "inputs": [{"name": "x", "uris": [f"datum://{datum}"]}]}
    made = await local.submit(spec=spec, notebook=NOTEBOOK)
    await local.start(made.id)
    sha256 = made.spec.notebook.sha256
    wanted = [
        ("notebook", sha256),
        ("datum", datum),
        ("output", "a/b.csv"),
        ("log", ""),
        ("segment", "1-20"),
        ("payload", SHA),
    ]
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, *wanted)])
    assert [(each.what, each.name) for each in signed.objects] == wanted
    assert signed.request == "r-1"
    assert [key_of(each.url) for each in signed.objects] == [
        ("GET", f"notebooks/{sha256}.ipynb"),
        ("GET", f"outputs/{source}/1/train.ipynb"),
        ("PUT", f"outputs/{made.id}/1/a/b.csv"),
        ("PUT", f"logs/{made.id}/1.jsonl.zst"),
        ("PUT", f"logs/{made.id}/1/1-20.jsonl.zst"),
        ("PUT", f"payloads/{made.id}/1/{SHA}"),
    ]


async def test_a_worker_reads_its_executions_code(local) -> None:
    code = code_id(archive())

    async def body():
        yield archive()

    await local.services.code.put(local.ada, None, code, body(), None)
    made = await local.submit(spec={"command": "true", "group": "local", "code": code})
    await local.start(made.id)
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, ("code", code))])
    assert key_of(signed.objects[0].url) == ("GET", f"code/{code}.tar.zst")


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("code", "~" + SHA),
        ("notebook", SHA),
        ("datum", f"da-{'0' * 26}"),
        ("output", "../escape"),
        ("output", "/etc/passwd"),
        ("output", "a\0b"),
        ("payload", "../" + SHA),
        ("segment", "2-1"),
        ("segment", "0-1"),
        ("segment", "1-../../2"),
    ],
)
async def test_a_worker_gets_nothing_else(local, what: str, name: str) -> None:
    made = await local.submit()
    await local.start(made.id)
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, (what, name), ("log", ""))])
    refused, granted = signed.objects
    assert (refused.url, bool(refused.error), bool(granted.url)) == ("", True, True)


async def test_a_strangers_datum_is_not_read(local) -> None:
    made = await local.submit(local.bob)
    await local.start(made.id)
    execution = await ended(local)
    (datum, *_) = [each.id for each in (await local.services.outputs.list(local.ada, execution)).items]
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, ("datum", datum))])
    assert (signed.objects[0].url, "no such datum" in signed.objects[0].error) == ("", True)


async def refused(world, group: str, *requests: SignRequest) -> bool:
    """Return whether a group's worker was refused every object it asked for."""
    answers = await world.services.outputs.sign(group, requests)
    return all(each.error and not each.url for answer in answers for each in answer.objects)


async def test_another_groups_worker_gets_nothing(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    everything = [(what, "") for what in ("code", "notebook", "datum", "output", "log", "payload")]
    none = ask(local, new_id("ex"), *everything)
    assert await refused(local, "local", ask(local, made.id, *everything, attempt=2), none)
    assert await refused(local, "other", ask(local, made.id, *everything))


async def test_a_worker_that_never_held_an_attempt_gets_neither_its_code_nor_its_log(local) -> None:
    made = await local.submit(spec={"notebook": {"path": "a.ipynb"}, "group": "local"}, notebook=NOTEBOOK)
    await local.start(made.id)
    stranger = ask(
        *(local, made.id, ("notebook", made.spec.notebook.sha256), ("output", "x"), ("log", ""), ("payload", SHA)),
        worker=new_id("wk"),
    )
    assert await refused(local, "local", stranger)
    await local.finish(made.id)
    assert await refused(local, "local", stranger)


async def test_the_log_of_a_superseded_attempt_is_written_by_the_worker_that_ran_it_alone(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    first, local.worker = local.worker, new_id("wk")
    await local.store.lifecycle.lose([first])
    await local.start(made.id, attempt=2)
    mine, theirs = ask(local, made.id, ("log", ""), worker=first), ask(local, made.id, ("log", ""))
    (granted,) = await local.services.outputs.sign("local", [mine])
    assert key_of(granted.objects[0].url) == ("PUT", f"logs/{made.id}/1.jsonl.zst")
    assert await refused(local, "local", theirs)


async def test_a_request_for_an_attempt_that_nobody_is_known_to_hold_yet_is_left_unanswered(local) -> None:
    made = await local.submit()
    await local.store.lifecycle.admit([made.id])
    assert await local.services.outputs.sign("local", [ask(local, made.id, ("log", ""))]) == [None]


async def test_a_hundred_requests_cost_as_many_questions_as_one(local) -> None:
    made = [await local.submit() for _ in range(3)]
    for each in made:
        await local.start(each.id)
    requests = [ask(local, each.id, ("log", ""), ("datum", new_id("da"))) for each in made]
    asked: list[str] = []
    event.listen(local.store.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    await local.services.outputs.sign("local", requests[:1])
    of_one = len(asked)
    await local.services.outputs.sign("local", requests * 33)
    assert len(asked) == 2 * of_one


async def test_committed_outputs_are_not_written_again(local) -> None:
    execution = await ended(local)
    (signed,) = await local.services.outputs.sign(
        "local", [ask(local, execution, ("output", "train.ipynb"), ("log", ""))]
    )
    assert [bool(each.url) for each in signed.objects] == [False, True]


async def test_a_superseded_attempt_writes_its_log_and_no_outputs(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    await local.finish(made.id, reason=Reason.WORKER_DRAINED)
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, ("output", "x"), ("log", ""))])
    assert [bool(each.url) for each in signed.objects] == [False, True]


async def test_a_second_worker_of_an_attempt_writes_no_outputs(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    request = ask(local, made.id, ("output", "x"), worker=new_id("wk"))
    assert await refused(local, "local", request)


async def test_a_segment_is_not_written_again_once_it_is_noted(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    who = {"worker": local.worker, "execution": made.id, "attempt": 1}
    await local.apply(Segmented(**who, first=1, last=20, size=9, sha256=SHA))
    wanted = [("segment", "1-20"), ("segment", "5-30"), ("segment", "21-30")]
    (signed,) = await local.services.outputs.sign("local", [ask(local, made.id, *wanted)])
    assert [bool(each.url) for each in signed.objects] == [False, False, True]
    assert "stored already" in signed.objects[0].error


async def test_a_worker_is_told_that_an_object_was_lost_and_what_heals_it(local) -> None:
    async def body():
        yield archive()

    code = code_id(archive())
    await local.services.code.put(local.ada, None, code, body(), None)
    made = await local.submit(spec={"notebook": {"path": "a.ipynb"}, "group": "local", "code": code}, notebook=NOTEBOOK)
    await local.start(made.id)
    sha256 = made.spec.notebook.sha256
    for key in (f"code/{code}.tar.zst", f"notebooks/{sha256}.ipynb"):
        await local.files.delete(key)
    wanted = ask(local, made.id, ("code", code), ("notebook", sha256), ("log", ""))
    (signed,) = await local.services.outputs.sign("local", [wanted])
    assert [(each.url != "", "Submit" in each.error) for each in signed.objects] == [
        (False, True),
        (False, True),
        (True, False),
    ]
