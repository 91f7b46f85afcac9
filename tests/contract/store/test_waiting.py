from __future__ import annotations

import math
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from perijove.model.spec import Resources
from perijove_scheduler.store.listing import ExecutionFilter, list_query
from perijove_scheduler.store.outcomes import Unfit
from perijove_scheduler.store.visibility import Viewer
from perijove_scheduler.store.waiting import heads_query

DIALECTS: dict[str, Any] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


async def test_heads_are_the_first_of_each_owner_by_priority_then_age(world) -> None:
    old, new = await world.executions(2)
    urgent = await world.execution(priority=5)
    bobs = await world.execution(owner="bob")
    heads = await world.store.lifecycle.heads("local", 10, 2)
    assert [head.id for head in heads if head.owner == "ada"] == [urgent, old]
    assert [head.id for head in heads if head.owner == "bob"] == [bobs]
    assert new not in [head.id for head in heads]


async def test_heads_know_what_each_needs(world) -> None:
    await world.execution(spec={"command": ["true"], "group": "local", "resources": {"cpus": 2, "gpus": 1}})
    (head,) = await world.store.lifecycle.heads("local", 10, 1)
    assert (head.resources.cpus, head.resources.gpus, head.resources.memory) == (2, 1, 0)


async def test_heads_leave_out_other_groups_and_what_is_queued(world) -> None:
    await world.execution(group_name="other")
    await world.execution(status="queued")
    assert await world.store.lifecycle.heads("local", 10, 10) == []


async def test_when_too_many_owners_wait_those_with_least_under_way_come_first(world) -> None:
    await world.execution(owner="ada")
    await world.execution(owner="ada", status="started", worker="wk")
    first = await world.execution(owner="zoe")
    await world.execution(owner="bob")
    heads = await world.store.lifecycle.heads("local", 1, 10)
    assert [head.id for head in heads] == [first]


async def test_waiting_groups_are_those_with_created_rows(world) -> None:
    await world.execution(group_name="other")
    await world.execution(status="started")
    assert await world.store.lifecycle.waiting_groups() == ["other"]


async def test_what_no_worker_of_a_kind_is_large_enough_for_is_found(world) -> None:
    def needs(**resources: float) -> dict:
        return {"spec": {"command": ["true"], "group": "local", "resources": resources}}

    await world.execution()  # one CPU, as it says nothing
    large, gpu = await world.execution(**needs(cpus=4)), await world.execution(**needs(gpus=1))
    queued = await world.execution(**needs(memory=8 * 2**30), status="queued", attempt=2)
    lifecycle, worker = world.store.lifecycle, (2.0, 4.0 * 2**30, 0.0)
    assert {unfit.id for unfit in await lifecycle.unfit_created("local", [worker], 10)} == {large, gpu}
    assert [(unfit.id, unfit.attempt) for unfit in await lifecycle.unfit_queued("local", [worker], 10)] == [(queued, 2)]
    assert await lifecycle.unfit_created("local", [worker, (4.0, math.inf, 1.0)], 10) == []
    assert len(await lifecycle.unfit_created("local", [], 10)) == 3
    assert await lifecycle.unfit_created("other", [worker], 10) == []


async def test_heads_may_leave_out_what_does_not_fit(world) -> None:
    spec = {"command": ["true"], "group": "local", "resources": {"cpus": 4}}
    await world.executions(3, spec=spec)
    await world.execution(owner="bob", spec=spec)
    fits = await world.execution()
    heads = await world.store.lifecycle.heads("local", 1, 2, ((2.0, math.inf, 0.0),))
    assert [head.id for head in heads] == [fits]


async def test_only_the_attempt_that_was_looked_at_is_refused_or_taken_back(world) -> None:
    lifecycle = world.store.lifecycle
    one, other = await world.executions(2, status="queued", attempt=2)
    late = [Unfit(one, 1, Resources()), Unfit(other, 1, Resources())]
    assert (await lifecycle.refuse(late), await lifecycle.take_back(late)) == ([], [])
    assert await lifecycle.take_back([Unfit(one, 2, Resources())]) == [one]
    assert await lifecycle.refuse([Unfit(other, 2, Resources())], "too large") == [other]
    back, refused = await world.row(one), await world.row(other)
    assert (back.status, back.queued_at) == ("created", None)
    assert (refused.status, refused.reason, refused.detail) == ("crashed", "unschedulable", "too large")


async def test_queued_rows_are_paged_by_id(world) -> None:
    ids = await world.executions(3, status="queued", attempt=2)
    first = await world.store.lifecycle.queued(2)
    rest = await world.store.lifecycle.queued(2, after=first[-1].id)
    assert [queued.id for queued in (*first, *rest)] == sorted(ids)
    assert {(queued.group, queued.attempt) for queued in first} == {("local", 2)}


async def test_the_books_say_which_workers_hold_what(world) -> None:
    stopping = await world.execution(status="stopping", worker="wk-1")
    started = await world.execution(status="started", worker="wk-2")
    lifecycle = world.store.lifecycle
    assert sorted(await lifecycle.live_workers_in_sql()) == [("local", "wk-1"), ("local", "wk-2")]
    assert [(ref.execution, ref.worker) for ref in await lifecycle.stopping()] == [(stopping, "wk-1")]
    assert {ref.execution for ref in await lifecycle.held("local")} == {stopping, started}
    assert await lifecycle.held("other") == []


async def test_heads_walk_the_index_and_never_the_table(world) -> None:
    await world.executions(20_000, owner="ada")
    for owner in ("bob", "zoe"):
        await world.executions(100, owner=owner)
    plan = await explain(world, heads_query(world.store.database.dialect, "local", 100, 20))
    assert "ix_executions_waiting" in plan
    for scan in ("SCAN executions", "Seq Scan on executions"):
        assert scan not in plan
    assert len(await world.store.lifecycle.heads("local", 100, 20)) == 60


async def test_lists_walk_the_index_and_never_the_table(world) -> None:
    await world.executions(20_000)
    for wanted in (ExecutionFilter(), ExecutionFilter(search="wide net")):
        plan = await explain(world, list_query(world.store.database.dialect, Viewer("ada"), wanted, None, 50))
        assert "index" in plan.lower()
        for scan in ("SCAN executions", "Seq Scan on executions"):
            assert scan not in plan


async def explain(world, query) -> str:
    dialect = world.store.database.dialect
    compiled = str(query.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True}))
    prefix = "EXPLAIN QUERY PLAN " if dialect == "sqlite" else "EXPLAIN "
    async with world.store.write() as session:
        await session.execute(text("ANALYZE"))
    async with world.store.read() as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql(prefix + compiled)
        return "\n".join(str(row[-1]) for row in rows)
