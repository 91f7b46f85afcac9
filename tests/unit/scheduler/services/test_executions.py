from __future__ import annotations

import pytest

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable, UnknownExecution
from perijove.model.control import Stop
from perijove.model.events import Advanced, OutputFile
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.resources import CreateProject, Role
from perijove.model.status import Status
from perijove_scheduler.services.executions import ExecutionFilter

DIGEST = "0" * 64


async def test_an_execution_is_shown_with_its_attempts(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    await local.finish(made.id, reason=Reason.CELL_ERROR, detail="ValueError: x", environment={"python": "3.11"})
    shown = await local.services.executions.get(local.ada, made.id)
    assert (shown.status, shown.reason, shown.detail) == ("error", "cell_error", "ValueError: x")
    assert (shown.sentence, shown.environment) == ("A cell raised an exception.", {"python": "3.11"})
    assert [(a.attempt, a.worker, a.archived) for a in shown.attempts] == [(1, local.worker, False)]


async def test_progress_is_said_in_words_and_numbers(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    fence = {"execution": made.id, "attempt": 1, "worker": local.worker}
    await local.apply(Advanced(**fence, phase=Phase.RUNNING, done=1, total=3, metadata={"loss": 1}))
    shown = await local.services.executions.get(local.ada, made.id)
    assert (shown.sentence, shown.progress.done, shown.progress.total) == ("It is running.", 1, 3)
    assert shown.metadata == {"loss": 1}


async def test_an_unknown_and_a_strangers_execution_answer_alike(local) -> None:
    made = await local.submit(local.ada)
    executions = local.services.executions
    told = set()
    for id_ in (made.id, new_id("ex"), "nonsense"):
        for call in (executions.get, executions.stop, executions.delete, executions.why):
            with pytest.raises(UnknownExecution) as refusal:
                await call(local.bob, id_)
            told.add(str(refusal.value.as_json()))
    assert len(told) == 1


async def test_a_viewer_reads_and_no_more(local) -> None:
    project = await local.services.projects.create(local.ada, CreateProject(name="shared"))
    await local.join(local.ada, project.id, local.bob, Role.VIEWER)
    made = await local.submit(project=project.id)
    assert (await local.services.executions.get(local.bob, made.id)).id == made.id
    for call in (local.services.executions.stop, local.services.executions.delete):
        with pytest.raises(Forbidden):
            await call(local.bob, made.id)


# ---------------------------------------------------------------------------------------------------- lists


async def test_lists_are_newest_first_and_paged(local) -> None:
    made = {(await local.submit()).id for _ in range(3)}
    await local.submit(local.bob)
    executions = local.services.executions
    first = await executions.list(local.ada, ExecutionFilter(), None, 2)
    rest = await executions.list(local.ada, ExecutionFilter(), first.next, 2)
    ids = [each.id for each in (*first.items, *rest.items)]
    assert (ids, set(ids), rest.next) == (sorted(ids, reverse=True), made, None)
    with pytest.raises(InvalidRequest):
        await executions.list(local.ada, ExecutionFilter(), "bad", 2)


@pytest.mark.parametrize(
    "conditions",
    [{"status": Status.STOPPED}, {"tag": "b"}, {"search": "100%_"}, {"group": "other"}, {"project": "p2"}],
)
async def test_lists_are_filtered(local, conditions: dict[str, object]) -> None:
    await local.group("other")
    await local.services.projects.create(local.ada, CreateProject(name="p2"))
    await local.submit(spec={"command": "true", "group": "local", "tags": ["a"], "title": "1000"})
    spec = {"command": "true", "group": "other", "tags": ["a", "b"], "title": "Run 100%_ sure"}
    wanted = await local.submit(spec=spec, project="p2")
    await local.services.executions.stop(local.ada, wanted.id)
    page = await local.services.executions.list(local.ada, ExecutionFilter(**conditions))
    assert [each.id for each in page.items] == [wanted.id]


async def test_an_execution_is_found_by_its_number(local) -> None:
    await local.submit()
    second = await local.submit()
    page = await local.services.executions.list(local.ada, ExecutionFilter(project="ada", number=2))
    assert [each.id for each in page.items] == [second.id]


async def test_lists_can_be_one_owners(local) -> None:
    await local.submit(local.ada)
    theirs = await local.submit(local.bob)
    page = await local.services.executions.list(local.admin, ExecutionFilter(owner="bob"))
    assert [each.id for each in page.items] == [theirs.id]


# ----------------------------------------------------------------------------------------------------- stop


async def test_what_is_queued_is_stopped_and_its_ticket_withdrawn(local) -> None:
    made = await local.submit()
    (offer,) = await local.store.lifecycle.admit([made.id])
    await local.queue.offer(offer.ticket())
    stopped = await local.services.executions.stop(local.ada, made.id)
    assert (stopped.status, stopped.reason) == ("stopped", "stopped_by_user")
    assert (await local.queue.ticket("local", made.id)).state == "withdrawn"
    assert await local.bell.wait("scaler", 0)


async def test_what_runs_is_told_to_stop(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    assert (await local.services.executions.stop(local.ada, made.id)).status == "stopping"
    assert (await local.services.executions.stop(local.ada, made.id)).status == "stopping"
    messages = await local.queue.agent("local", local.worker).listen("0", 0)
    assert {message for _, message in messages} == {Stop(execution=made.id, attempt=1)}


async def test_stopping_what_has_ended_changes_nothing(local) -> None:
    made = await local.submit()
    await local.start(made.id)
    await local.finish(made.id)
    assert (await local.services.executions.stop(local.ada, made.id)).status == "complete"


async def test_nothing_depends_on_redis_being_there(local) -> None:
    local.queue.reachable = False
    made = await local.submit()
    assert (await local.services.executions.stop(local.ada, made.id)).status == "stopped"
    with pytest.raises(Unavailable):
        await local.queue.now()


# --------------------------------------------------------------------------------------------------- delete


async def test_what_has_ended_is_deleted_with_all_its_files(local) -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    spec = {"notebook": {"path": "a.ipynb"}, "group": "local"}
    made, twin = [await local.submit(spec=spec, notebook=document) for _ in range(2)]
    with pytest.raises(Conflict):
        await local.services.executions.delete(local.ada, made.id)
    for each in (made, twin):
        await local.start(each.id)
        await local.finish(each.id, outputs=[OutputFile(name="x", size=1, sha256=DIGEST)])
        await local.archive(each.id, b'{"n":1}')
    await local.services.executions.delete(local.ada, made.id)
    assert [key.split("/")[0] for key in local.stored()] == ["logs", "notebooks"]
    await local.services.executions.delete(local.ada, twin.id)
    assert (local.stored(), await local.executions()) == ([], 0)


# -------------------------------------------------------------------------------------------------- compare


async def test_executions_stand_side_by_side(local) -> None:
    made = []
    for rate in (1, 2):
        each = await local.submit(spec={"command": "true", "group": "local", "parameters": {"rate": rate}})
        await local.start(each.id)
        environment = {"python": "3.11", "packages": {"numpy": str(rate)}}
        await local.finish(each.id, metadata={f"loss{rate}": rate}, environment=environment)
        made.append(each.id)
    table = await local.services.executions.compare(local.ada, made)
    assert [each.id for each in table.executions] == made
    assert table.parameters == {"rate": [1, 2]}
    assert table.metadata == {"loss1": [1, None], "loss2": [None, 2]}
    assert table.environment == {"python": ["3.11", "3.11"], "packages.numpy": ["1", "2"]}
    with pytest.raises(NotFound):
        await local.services.executions.compare(local.bob, made)


async def test_what_a_waiting_execution_needs_is_not_deleted_and_the_refusal_names_it(local) -> None:
    project = await local.services.projects.create(local.ada, CreateProject(name="source"))
    source = await local.submit(local.ada, project="source")
    await local.start(source.id)
    file = OutputFile(name="model", size=1, sha256="0" * 64, media_type="text/plain")
    await local.finish(source.id, outputs=[file])
    (output,) = (await local.services.outputs.list(local.ada, source.id)).items
    inputs = [{"name": "x", "uris": [f"datum://{output.id}"]}]
    waiter = await local.submit(local.ada, spec={"command": "true", "group": "local", "inputs": inputs})
    for refused in (
        local.services.executions.delete(local.ada, source.id),
        local.services.projects.delete(local.ada, project.id),
    ):
        with pytest.raises(Conflict, match=f"ada/ada/1 .{waiter.id}., which has not ended"):
            await refused
    await local.services.executions.stop(local.ada, waiter.id)
    await local.services.executions.delete(local.ada, source.id)
    with pytest.raises(UnknownExecution):
        await local.services.executions.get(local.ada, source.id)
