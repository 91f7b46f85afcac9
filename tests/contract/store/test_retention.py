"""Whatever the settings and whoever refers to whom: the sweep removes nothing that is referenced."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.model.retention import RetentionSettings
from perijove_scheduler.files.local import LocalFiles
from perijove_scheduler.files.protocol import (
    attempt_prefix,
    code_key,
    digest_in,
    log_key,
    notebook_key,
    payload_key,
    segment_key,
)
from perijove_scheduler.services.retention import Sweep, sweep, swept_at
from perijove_scheduler.store.creation import NewExecution, SourceGone
from perijove_scheduler.store.retention import KeptProject
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.tables import (
    AttemptRow,
    CodeRow,
    DatumRow,
    ExecutionRow,
    ProjectRow,
    SegmentRow,
    TagRow,
    UseRow,
)

OLD = 30
#: Days, or for ever.
DAYS = st.sampled_from([None, 1, 10, 100])
EVERYTHING = RetentionSettings(logs=1, outputs=1, code=1, executions=1)


@dataclass(frozen=True)
class Plan:
    """One execution to make: its age in days, and what refers to it or is referred to."""

    age: int
    status: str
    tagged: bool
    code: int
    notebook: int
    inputs: tuple[int, ...]


PLAN = st.builds(
    Plan,
    age=st.sampled_from([0, 5, 50, 500]),
    status=st.sampled_from(["complete", "complete", "complete", "error", "started"]),
    tagged=st.sampled_from([False, False, False, True]),
    code=st.integers(0, 3),
    notebook=st.integers(0, 3),
    inputs=st.lists(st.integers(0, 9), max_size=2).map(tuple),
)
#: Contents by their digests, which name objects of them.
CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (b"%d" % number for number in range(10))}
SETTINGS = st.builds(RetentionSettings, logs=DAYS, outputs=DAYS, code=DAYS, executions=DAYS)


@dataclass
class Land:
    """A project with executions, each with one output, one log, one payload, and files that belong to nothing."""

    store: Store
    files: LocalFiles
    root: Path
    project: str = field(default_factory=lambda: new_id("pr"))
    executions: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    async def prepare(self) -> None:
        now = datetime.now(timezone.utc)
        await self.store.groups.create("local", GroupSettings(), "0" * 64)
        async with self.store.write() as session:
            row = {"id": self.project, "name": self.project, "owner": "ada", "created_at": now}
            await session.execute(insert(ProjectRow), [row])
            rows = [{"project_id": self.project, "id": code(n), "size": 1, "created_by": "ada",
                     "created_at": now - timedelta(days=400)} for n in range(4)]  # fmt: skip
            await session.execute(insert(CodeRow), rows)
        for n in range(4):
            await self.put(code_key(code(n)))
            await self.put(notebook_key(notebook(n)))

    async def put(self, key: str, age: float = OLD) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield CONTENTS.get(digest_in(key) or "", b"x")

        await self.files.put(key, body())
        then = time.time() - age * 86_400
        os.utime(self.root / key, (then, then))

    async def make(self, plan: Plan) -> str:
        execution, datum = new_id("ex"), new_id("da")
        then = datetime.now(timezone.utc) - timedelta(days=plan.age, hours=1)
        finished = None if plan.status == "started" else then
        self.executions.append(execution)
        async with self.store.write() as session:
            values = {
                "id": execution, "project_id": self.project, "number": len(self.executions), "owner": "ada",
                "group_name": "local", "status": plan.status, "retries_left": 0, "spec": {"command": ["true"]},
                "code": code(plan.code), "notebook": notebook(plan.notebook), "created_at": then,
                "finished_at": finished,
            }  # fmt: skip
            await session.execute(insert(ExecutionRow), [values])
            attempt = {"execution_id": execution, "attempt": 1, "finished_at": finished, "archived_at": finished}
            await session.execute(insert(AttemptRow), [attempt])
            segment = {"execution_id": execution, "attempt": 1, "first": 1, "last": 9, "size": 1}
            await session.execute(insert(SegmentRow), [segment])
            if plan.tagged:
                await session.execute(insert(TagRow), [{"execution_id": execution, "tag": "keep"}])
            uses = {self.data[n % len(self.data)] for n in plan.inputs} if self.data else set()
            if uses:
                await session.execute(
                    insert(UseRow), [{"execution_id": execution, "datum_id": each} for each in sorted(uses)]
                )
            if plan.status != "started":
                output = {"id": datum, "execution_id": execution, "attempt": 1, "name": "model", "size": 1,
                          "sha256": "0" * 64, "media_type": "text/plain", "created_at": then}  # fmt: skip
                await session.execute(insert(DatumRow), [output])
                self.data.append(datum)
        for key in self.files_of(execution):
            await self.put(key)
        await self.put(f"{attempt_prefix(execution, 2)}model")  # a superseded attempt's upload
        return execution

    def files_of(self, execution: str) -> list[str]:
        records = [log_key(execution, 1), segment_key(execution, 1, 1, 9), payload_key(execution, 1, notebook(0))]
        return [f"{attempt_prefix(execution, 1)}model", *records]

    async def there(self, key: str) -> bool:
        return await self.files.stat(key) is not None

    async def rows(self, query: object) -> list[object]:
        async with self.store.read() as session:
            return list(await session.execute(query))


def code(number: int) -> str:
    return f"~{notebook(number)}"


def notebook(number: int) -> str:
    return list(CONTENTS)[number]


@pytest.fixture
async def land(store: Store, tmp_path: Path) -> Land:
    land = Land(store, LocalFiles(tmp_path / "files", b"k" * 32, "/"), tmp_path / "files")
    await land.prepare()
    return land


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(PLAN, min_size=1, max_size=10), chosen=SETTINGS, nights=st.integers(1, 2))
async def test_nothing_referenced_is_ever_removed(
    store: Store, tmp_path: Path, plans: list[Plan], chosen: RetentionSettings, nights: int
) -> None:
    root = tmp_path / new_id("pr")
    land = Land(store, LocalFiles(root, b"k" * 32, "/"), root)
    async with store.write() as session:
        for row in (UseRow, DatumRow, ExecutionRow, CodeRow, ProjectRow):
            await session.execute(row.__table__.delete())
    await land.prepare()
    made = {await land.make(plan): plan for plan in plans}
    used = {datum: execution for execution, datum in await land.rows(select(UseRow.execution_id, UseRow.datum_id))}
    owners = dict(await land.rows(select(DatumRow.id, DatumRow.execution_id)))
    expected = await Sweep(store, land.files, chosen, dry=True).run()
    assert expected == await Sweep(store, land.files, chosen, dry=True).run(), "looking has changed something"
    first, _ = await sweep(store, land.files, chosen)
    # A dry run sees what a removed execution takes along as its own; the sweep counts it with the execution.
    counted = {(each.kind, each.project): each.count for each in expected if each.kind in {"executions", "orphans"}}
    assert counted == {(e.kind, e.project): e.count for e in first if e.kind in {"executions", "orphans"}}
    for _ in range(nights - 1):
        await sweep(store, land.files, chosen)

    left = {id_ for (id_,) in await land.rows(select(ExecutionRow.id))}
    data = {id_ for (id_,) in await land.rows(select(DatumRow.id))}
    for execution, plan in made.items():
        whole = plan.tagged or plan.status == "started"
        if whole or chosen.executions is None or plan.age < chosen.executions:
            assert execution in left
        if execution not in left:
            continue
        assert await land.there(code_key(code(plan.code)))
        assert await land.there(notebook_key(notebook(plan.notebook)))
        output, *records = land.files_of(execution)
        if whole or chosen.logs is None or plan.age < chosen.logs:
            assert all([await land.there(key) for key in records])
        if (plan.tagged or chosen.outputs is None or plan.age < chosen.outputs) and plan.status != "started":
            assert await land.there(output)
    codes = {id_ for (id_,) in await land.rows(select(CodeRow.id))}
    assert codes >= {code(made[execution].code) for execution in left}
    for datum, reader in used.items():
        if reader in left:
            assert datum in data
            assert await land.there(land.files_of(owners[datum])[0])


async def test_by_default_only_what_belongs_to_nothing_is_removed(land: Land) -> None:
    execution = await land.make(Plan(500, "complete", False, 1, 1, ()))
    await land.put(f"outputs/{new_id('ex')}/1/model")
    await land.put(f"outputs/{new_id('ex')}/1/fresh", age=0)
    removed = {each.kind: each.count for each in (await sweep(land.store, land.files, RetentionSettings()))[0]}
    # The upload of a superseded attempt, the output of no execution, and three documents that nothing runs.
    assert removed == {"orphans": 5}
    assert all([await land.there(key) for key in land.files_of(execution)])
    assert len([stored async for stored in land.files.list("code/")]) == 4


async def test_what_was_kept_long_enough_goes_with_its_files_and_the_shared_ones_a_night_later(land: Land) -> None:
    await land.make(Plan(50, "complete", False, 1, 1, ()))
    kept = await land.make(Plan(50, "complete", True, 2, 2, ()))
    removed = {each.kind: each.count for each in (await sweep(land.store, land.files, EVERYTHING))[0]}
    assert (removed["executions"], removed["code"]) == (1, 3)
    await sweep(land.store, land.files, EVERYTHING)
    left = {stored.key async for stored in land.files.list("")}
    assert left == {*land.files_of(kept), code_key(code(2)), notebook_key(notebook(2))}
    assert await swept_at(land.store) is not None


async def test_logs_and_outputs_may_go_before_their_execution(land: Land) -> None:
    execution = await land.make(Plan(50, "complete", False, 1, 1, ()))
    removed, _ = await sweep(land.store, land.files, RetentionSettings(logs=10, outputs=10))
    assert {each.kind: (each.count, each.bytes) for each in removed if each.project} == {
        "logs": (1, 3), "outputs": (1, 1),
    }  # fmt: skip
    assert not any([await land.there(key) for key in land.files_of(execution)])
    assert await land.rows(select(ExecutionRow.id)) == [(execution,)]
    again, _ = await sweep(land.store, land.files, RetentionSettings(logs=10))
    assert [each for each in again if each.project] == []


async def test_a_project_s_own_settings_win(land: Land) -> None:
    execution = await land.make(Plan(50, "complete", False, 1, 1, ()))
    await land.store.retention.replace(land.project, RetentionSettings(executions=100))
    (project,) = await land.store.retention.projects()
    assert project == KeptProject(land.project, land.project, RetentionSettings(executions=100))
    await sweep(land.store, land.files, RetentionSettings(executions=1))
    assert await land.rows(select(ExecutionRow.id)) == [(execution,)]


async def test_what_is_taken_as_an_input_while_it_is_being_removed_stays_or_the_taker_is_refused(land: Land) -> None:
    source = await land.make(Plan(50, "complete", False, 1, 1, ()))
    datum = land.data[0]
    assert await land.store.retention.remove_executions([source]) == {source}
    with pytest.raises(SourceGone):
        await land.store.executions.create(new(land, inputs=[datum]))
    with pytest.raises(SourceGone):
        await land.store.executions.create(new(land, code=code(9)))
    other = await land.make(Plan(50, "complete", False, 1, 1, ()))
    assert await land.store.executions.create(new(land, inputs=[land.data[1]])) is not None
    assert await land.store.retention.remove_executions([other]) == set()
    assert await land.store.retention.remove_outputs([land.data[1]]) == set()


def new(land: Land, code: str | None = None, inputs: list[str] | None = None) -> NewExecution:
    return NewExecution(
        project=land.project, owner="ada", group="local", priority=0, retries=0, title="", code=code, notebook=None,
        spec={"command": ["true"]}, inputs=inputs or [],
    )  # fmt: skip


async def test_who_deletes_an_execution_takes_its_outputs_from_those_that_use_them(land: Land) -> None:
    source = await land.make(Plan(0, "complete", False, 1, 1, ()))
    reader = await land.make(Plan(0, "complete", False, 1, 1, (0,)))
    async with land.store.write() as session:
        await session.execute(update(ProjectRow).values(next_number=10))
    assert await land.store.executions.delete(source) is True
    assert await land.rows(select(ExecutionRow.id)) == [(reader,)]
    assert await land.rows(select(func.count()).select_from(UseRow)) == [(0,)]
    assert await land.store.projects.delete(land.project) == {reader: notebook(1)}


async def test_the_migration_notes_the_inputs_there_are(land: Land) -> None:
    await land.make(Plan(0, "complete", False, 1, 1, ()))
    reader = await land.make(Plan(0, "complete", False, 1, 1, ()))
    spec = {"inputs": [{"name": "a", "uris": [f"datum://{land.data[0]}", "datum://gone", "https://example.org"]}]}
    async with land.store.write() as session:
        await session.execute(update(ExecutionRow).where(ExecutionRow.id == reader).values(spec=spec))
        migration = import_module("perijove_scheduler.store.migrations.versions.0002_production")
        connection = await session.connection()
        await connection.run_sync(migration.note_uses)
    assert await land.rows(select(UseRow.execution_id, UseRow.datum_id)) == [(reader, land.data[0])]


async def test_a_sweep_withholds_what_is_most_of_what_there_is_until_it_is_asked_for(land: Land) -> None:
    for number in range(101):
        await land.put(f"outputs/{new_id('ex')}/1/model-{number}")
    removed, withheld = await sweep(land.store, land.files, RetentionSettings())
    assert ([each.kind for each in removed], [each.kind for each in withheld]) == ([], ["orphans"])
    assert len([stored async for stored in land.files.list("outputs/")]) == 101
    removed, withheld = await sweep(land.store, land.files, RetentionSettings(), everything=True)
    assert ([each.kind for each in removed], withheld) == (["orphans"], [])
    assert [stored async for stored in land.files.list("outputs/")] == []


async def test_a_segment_that_no_row_names_is_an_orphan_once_its_execution_ended_a_day_ago(land: Land) -> None:
    ended = await land.make(Plan(5, "complete", False, 0, 0, ()))
    running = await land.make(Plan(5, "started", False, 0, 0, ()))
    unknown = {execution: segment_key(execution, 1, 10, 20) for execution in (ended, running)}
    for key in unknown.values():
        await land.put(key)
    await sweep(land.store, land.files, RetentionSettings())
    assert [await land.there(key) for key in unknown.values()] == [False, True]
    assert all([await land.there(key) for execution in (ended, running) for key in land.files_of(execution)[1:]])


async def test_removed_records_leave_no_segments_behind(land: Land) -> None:
    execution = await land.make(Plan(50, "complete", False, 0, 0, ()))
    await sweep(land.store, land.files, RetentionSettings(logs=10))
    assert not any([await land.there(key) for key in land.files_of(execution)[1:]])
    assert await land.store.segments.last(execution, 1) == 0
