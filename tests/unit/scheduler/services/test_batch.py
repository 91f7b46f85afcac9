"""Many executions in one request: all of them, or none."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from typing import Any

import pytest
from statements import statements

from perijove.errors import (
    Forbidden,
    IdempotencyConflict,
    InvalidNotebook,
    InvalidParameter,
    InvalidSpec,
    PerijoveError,
    UnknownCode,
    UnknownExecution,
    UnknownGroup,
)
from perijove.model.resources import CreatedExecutions, CreateExecutions, CreateProject, Role
from perijove_hub.reading import read
from perijove_scheduler.services import Limits
from perijove_scheduler.services.caller import Caller

COMMAND = {"command": "true", "group": "local"}
NOTEBOOK = {"notebook": {"path": "train.ipynb"}, "group": "local"}
PARAMETERS = {
    "cell_type": "code", "id": "p", "metadata": {"tags": ["parameters"]}, "source": "rate = 1", "outputs": [],
    "execution_count": None,
}  # fmt: skip
DOCUMENT = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [PARAMETERS]}


async def batch(local: Any, *specs: dict[str, Any], key: str | None = None, **more: Any) -> CreatedExecutions:
    request = CreateExecutions.model_validate({"specs": [*specs], **more})
    made: CreatedExecutions = await local.services.executions.create_many(local.ada, request, key)
    return made


async def specs_of(local: Any, made: CreatedExecutions) -> list[Any]:
    return [(await local.services.executions.get(local.ada, one.id)).spec for one in made.executions]


async def test_a_batch_is_made_in_its_order(local) -> None:
    await local.submit()
    made = await batch(local, *({**COMMAND, "title": f"number {n}", "tags": ["sweep"]} for n in range(30)))
    assert [one.number for one in made.executions] == list(range(2, 32))
    assert [spec.title for spec in await specs_of(local, made)] == [f"number {n}" for n in range(30)]
    # A line is served in the order of its identifiers.
    assert sorted(one.id for one in made.executions) == [one.id for one in made.executions]
    assert (await local.submit()).number == 32
    assert await local.bell.wait("dispatcher", 0)


async def test_a_batch_of_one_notebook_stores_one_document_for_all_its_parameters(local) -> None:
    wanted = [{**NOTEBOOK, "parameters": {"rate": rate}} for rate in (1, 2, 2)]
    made = await batch(local, *wanted, COMMAND, notebook=DOCUMENT)
    specs = await specs_of(local, made)
    assert [spec.parameters for spec in specs] == [{"rate": 1}, {"rate": 2}, {"rate": 2}, {}]
    (document,) = {spec.notebook.sha256 for spec in specs[:3]}
    assert local.stored() == [f"notebooks/{document}.ipynb"]

    stored = {**NOTEBOOK, "notebook": {**NOTEBOOK["notebook"], "sha256": document}, "parameters": {"rate": "3"}}
    again = await specs_of(local, await batch(local, stored, {**NOTEBOOK, "parameters": {}}, notebook=DOCUMENT))
    assert again[0].parameters == {"rate": 3}
    assert {spec.notebook.sha256 for spec in again} == {document}


async def test_ten_thousand_executions_of_a_large_notebook_cost_the_memory_of_their_specs(local) -> None:
    """With a document for each choice of parameters it was 10 GB."""
    text = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "x" * 1024 * 1024}
    specs = [{**NOTEBOOK, "parameters": {"rate": number}} for number in range(10_000)]
    sent = json.dumps({"specs": specs, "notebook": {**DOCUMENT, "cells": [PARAMETERS, text]}}).encode()
    local.services.executions._submission._limits = Limits(notebook_limit=2 * 1024 * 1024)
    request, document = await read(CreateExecutions, sent)
    assert isinstance(request, CreateExecutions)
    tracemalloc.start()
    try:
        made = await local.services.executions.create_many(local.ada, request, "key", document)
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert (len(made.executions), len(local.stored())) == (10_000, 1)
    (last,) = await specs_of(local, made.model_copy(update={"executions": made.executions[-1:]}))
    assert last.parameters == {"rate": 9_999}


async def test_a_batch_of_a_stored_notebook_costs_as_many_statements_however_many_run_it(local) -> None:
    (first,) = await specs_of(local, await batch(local, NOTEBOOK, notebook=DOCUMENT))
    stored = {**NOTEBOOK, "notebook": {**NOTEBOOK["notebook"], "sha256": first.notebook.sha256}}
    few = await statements(local.store, lambda: batch(local, *[stored] * 2))
    assert await statements(local.store, lambda: batch(local, *[stored] * 50)) <= few


BAD = {
    "unknown group": ({**COMMAND, "group": "none"}, UnknownGroup),
    "unknown code": ({**COMMAND, "code": "~" + "0" * 64}, UnknownCode),
    "too large for a worker": ({**COMMAND, "resources": {"cpus": 5}}, InvalidSpec),
    "unknown parameter": ({**NOTEBOOK, "parameters": {"speed": 1}}, InvalidParameter),
    "unknown document": ({"notebook": {"path": "a.ipynb", "sha256": "0" * 64}, "group": "local"}, InvalidNotebook),
    "unknown cell": ({"notebook": {"path": "a.ipynb", "cells": ["zz"]}, "group": "local"}, PerijoveError),
}


@pytest.mark.parametrize(("bad", "error"), BAD.values(), ids=BAD)
async def test_one_bad_spec_refuses_the_whole_batch_and_is_named(local, bad: dict[str, Any], error: type) -> None:
    with pytest.raises(error, match=r"^specs\.2: ") as refusal:
        await batch(local, COMMAND, NOTEBOOK, bad, NOTEBOOK, notebook=DOCUMENT)
    assert 400 <= refusal.value.status < 500
    assert (await local.executions(), local.stored()) == (0, [])
    assert (await local.submit()).number == 1


async def test_a_batch_repeated_with_its_key_makes_nothing_new(local) -> None:
    wanted = [{**COMMAND, "title": str(n)} for n in range(5)]
    first = await batch(local, *wanted, key="k")
    assert await batch(local, *wanted, key="k") == first
    together = await asyncio.gather(*(batch(local, *wanted, key="other") for _ in range(4)))
    assert all(each == together[0] for each in together)
    assert await local.executions() == 10
    with pytest.raises(IdempotencyConflict):
        await batch(local, *wanted[:4], key="k")
    # The same key for a single execution is another request, too.
    with pytest.raises(IdempotencyConflict):
        await local.submit(spec=wanted[0], key="k")


async def test_a_repeated_batch_leaves_out_what_was_deleted_since(local) -> None:
    made = await batch(local, COMMAND, COMMAND, COMMAND, key="k")
    await local.services.executions.stop(local.ada, made.executions[1].id)
    await local.services.executions.delete(local.ada, made.executions[1].id)
    again = await batch(local, COMMAND, COMMAND, COMMAND, key="k")
    assert again.executions == [made.executions[0], made.executions[2]]


async def test_a_token_that_may_only_read_makes_no_batch(local) -> None:
    reader = Caller("ada", scopes=frozenset({"read"}))
    request = CreateExecutions.model_validate({"specs": [COMMAND]})
    with pytest.raises(PerijoveError, match="submit"):
        await local.services.executions.create_many(reader, request)


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_specs(count: int) -> None:
    with pytest.raises(ValueError, match="specs"):
        CreateExecutions.model_validate({"specs": [COMMAND] * count})


async def test_many_are_stopped_at_once_each_as_it_stands(local) -> None:
    made = [one.id for one in (await batch(local, *[COMMAND] * 4)).executions]
    await local.store.lifecycle.admit(made[1:2])
    await local.start(made[2])
    await local.start(made[3])
    await local.finish(made[3])
    assert (await local.services.executions.stop_many(local.ada, made)).stopping == 3
    rows = [await local.services.executions.get(local.ada, one) for one in made]
    assert [row.status for row in rows] == ["stopped", "stopped", "stopping", "complete"]
    agent = local.queue.agent("local", local.worker)
    (told,) = [message for _, message in await agent.listen("0", 0)]
    assert (told.kind, told.execution) == ("stop", made[2])
    assert (await local.services.executions.stop_many(local.ada, made)).stopping == 0


async def test_where_one_is_not_the_callers_to_stop_none_is(local) -> None:
    mine = (await batch(local, COMMAND, COMMAND)).executions
    theirs = await local.submit(local.bob)
    with pytest.raises(UnknownExecution, match=theirs.id):
        await local.services.executions.stop_many(local.ada, [mine[0].id, theirs.id, mine[1].id])
    project = await local.services.projects.create(local.bob, CreateProject(name="shared"))
    await local.join(local.bob, "shared", local.ada, Role.VIEWER)
    seen = await local.submit(local.bob, project=project.id)
    with pytest.raises(Forbidden, match="viewer"):
        await local.services.executions.stop_many(local.ada, [mine[0].id, seen.id])
    states = {(await local.services.executions.get(local.ada, one)).status for one in (mine[0].id, mine[1].id, seen.id)}
    assert states == {"created"}
