"""What people ask the store for: projects, executions, groups, code, data and settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from perijove.errors import Unavailable
from perijove.model.events import Claimed, Finished, OutputFile
from perijove.model.fleet import GroupSettings
from perijove.model.ids import new_id
from perijove.model.reasons import Reason
from perijove.model.resources import Role
from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.creation import NewExecution
from perijove_scheduler.store.demand import Demand, demand
from perijove_scheduler.store.groups import GroupCounts
from perijove_scheduler.store.idempotency import Claim, KeyUsed
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import Tie, Viewer

ADA, BOB, ADMIN = Viewer("ada"), Viewer("bob", frozenset({"lab"})), Viewer("root", admin=True)
DIGEST = "0" * 64


def new(world, **values: object) -> NewExecution:
    made = NewExecution(
        project=world.project, owner="ada", group="local", priority=0, retries=2, title="", code=None, notebook=None,
        spec={"command": ["true"], "group": "local"},
    )  # fmt: skip
    return replace(made, **values)


# ----------------------------------------------------------------------------------------------- executions


async def test_numbers_follow_each_other_however_many_come_at_once(world) -> None:
    made = await asyncio.gather(*(world.store.executions.create(new(world)) for _ in range(12)))
    numbers = [(await world.row(id_)).number for id_ in made]
    assert sorted(numbers) == list(range(1, 13))


async def test_a_used_key_takes_no_number(world) -> None:
    executions = world.store.executions
    first = await executions.create(new(world, claim=Claim("ada", "k", DIGEST)))
    with pytest.raises(KeyUsed):
        await executions.create(new(world, claim=Claim("ada", "k", DIGEST)))
    assert (await world.store.idempotency.find("ada", "k")).made == f"{world.project} 1"
    assert [made.id for made in await executions.made_before(f"{world.project} 1", 1)] == [first]
    assert (await world.row(await executions.create(new(world)))).number == 2


async def test_many_are_made_with_one_run_of_numbers_however_many_come_at_once(world) -> None:
    executions = world.store.executions
    batches = [
        [new(world, title=f"{name}{n}", tags=["x"], claim=Claim("ada", name, DIGEST)) for n in range(300)]
        for name in "ab"
    ]
    made = await asyncio.gather(*(executions.create_many(batch) for batch in batches), executions.create(new(world)))
    runs = [[one.number for one in batch] for batch in made[:2]]
    assert all(run == list(range(run[0], run[0] + 300)) for run in runs)
    assert sorted([*runs[0], *runs[1], (await world.row(made[2])).number]) == list(range(1, 602))
    assert [(await world.row(one.id)).title for one in made[0][::100]] == ["a0", "a100", "a200"]
    found = await executions.list(ADA, ExecutionFilter(tag="x"), None, 1000)
    assert len(found) == 600
    assert await executions.made_before(f"{world.project} {made[0][0].number}", 300) == made[0]


async def test_of_many_with_a_used_key_none_is_made(world) -> None:
    await world.store.executions.create(new(world, claim=Claim("ada", "k", DIGEST)))
    with pytest.raises(KeyUsed):
        await world.store.executions.create_many([new(world, claim=Claim("ada", "k", DIGEST)) for _ in range(3)])
    assert (await world.row(await world.store.executions.create(new(world)))).number == 2


async def test_nothing_is_created_in_a_project_that_is_gone(world) -> None:
    assert await world.store.executions.create(new(world, project=new_id("pr"))) is None


async def test_keys_are_forgotten_when_they_are_old(world) -> None:
    await world.store.executions.create(new(world, claim=Claim("ada", "k", DIGEST)))
    assert await world.store.idempotency.forget(3600) == 0
    assert await world.store.idempotency.forget(-1) == 1
    assert await world.store.idempotency.find("ada", "k") is None


@pytest.mark.parametrize(
    "conditions",
    [
        {"status": Status.STOPPED},
        {"tag": "x"},
        {"search": "N%E"},
        {"owner": "bob"},
        {"group": "other"},
        {"number": 2},
        {"project": True, "number": 2},
    ],
)
async def test_lists_are_filtered(world, conditions: dict[str, object]) -> None:
    executions = world.store.executions
    await executions.create(new(world, tags=["y"], title="Nine"))
    wanted = await executions.create(new(world, tags=["x", "x"], title="on%end", owner="bob", group="other"))
    await world.store.lifecycle.stop(wanted)
    if "project" in conditions:
        conditions = {**conditions, "project": world.project}
    found = await executions.list(ADMIN, ExecutionFilter(**conditions), None, 10)
    assert [(each.row.id, each.project_name) for each in found] == [(wanted, "project")]


@pytest.mark.parametrize("viewer", [ADA, ADMIN])
async def test_a_search_finds_every_word_in_what_a_person_sees(world, viewer) -> None:
    executions = world.store.executions
    await world.store.groups.create("gpu", GroupSettings(), "")
    plain = await executions.create(new(world, title="50 nets", spec={"command": ['say "hello"'], "group": "local"}))
    notebook = {"notebook": {"path": "models/Train %2.ipynb"}, "group": "gpu"}
    night = await executions.create(
        new(world, title="Wide net", owner="bob", group="gpu", tags=["Nightly"], spec=notebook)
    )

    async def found(search: str, **more: object) -> list[str]:
        wanted = ExecutionFilter(search=search, **more)
        return [each.row.id for each in await executions.list(viewer, wanted, None, 10)]

    for words in ("NET wide", "train", "models/", "%2", "night", "#2", "2", "BOB gpu", "wide #2 project"):
        assert await found(words) == [night], words
    assert await found("hello") == [plain]
    for words in ("net", "  ", "proj"):
        assert await found(words) == [night, plain], words
    for words in ("wide 1", "#3", "n_t", "nowhere"):
        assert await found(words) == [], words
    assert await found("net", owner="ada", project=world.project) == [plain]


async def test_a_search_looks_through_so_many_and_goes_on_from_there(world, monkeypatch) -> None:
    monkeypatch.setattr("perijove_scheduler.store.listing.WINDOW", 5)
    titles = ["needle", *["hay"] * 3, "needle", *["hay"] * 4]
    made = [await world.store.executions.create(new(world, title=title)) for title in titles]
    for viewer in (ADA, ADMIN):
        wanted = ExecutionFilter(search="needle")
        first = await world.store.executions.list(viewer, wanted, None, 10)
        assert [each.row.id for each in first] == [made[4]]
        rest = await world.store.executions.list(viewer, wanted, made[4], 10)
        assert [each.row.id for each in rest] == [made[0]]


async def test_only_members_find_it(world) -> None:
    store = world.store
    made = await store.executions.create(new(world))
    assert (await store.executions.find(ADA, made)).row.id == made
    assert await store.executions.find(BOB, made) is None
    await store.projects.set_member(world.project, "group", "lab", Role.VIEWER)
    assert (await store.executions.find(BOB, made)).row.id == made
    assert [each.row.id for each in await store.executions.list(BOB, ExecutionFilter(), None, 10)] == [made]
    assert await store.executions.list(BOB, ExecutionFilter(), made, 10) == []


async def test_it_is_said_how_many_are_ahead(world) -> None:
    executions = world.store.executions
    made = sorted([await executions.create(new(world)) for _ in range(2)])
    await executions.create(new(world, priority=1))
    await executions.create(new(world, owner="bob", priority=9))
    last = await world.row(made[-1])
    assert await executions.ahead(last) == (2, 4)


async def test_only_what_has_ended_is_deleted(world) -> None:
    executions = world.store.executions
    made = await executions.create(new(world, tags=["x"], claim=Claim("ada", "k", DIGEST), notebook=DIGEST))
    assert await executions.uses_notebook(DIGEST)
    assert (await executions.sees_notebook(ADA, DIGEST), await executions.sees_notebook(BOB, DIGEST)) == (True, False)
    assert not await executions.delete(made)
    await world.store.lifecycle.stop(made)
    assert await executions.delete(made)
    assert (await executions.find(ADMIN, made), await executions.uses_notebook(DIGEST)) == (None, False)


async def test_data_are_seen_with_their_project_and_read_where_declared(world) -> None:
    made, worker = await world.execution(status="queued"), new_id("wk")
    fence = {"execution": made, "attempt": 1, "worker": worker}
    files = [OutputFile(name="a", size=1, sha256=DIGEST)]
    end = Finished(**fence, reason=Reason.OK, outputs=files)
    await world.store.lifecycle.apply([("local", Claimed(**fence)), ("local", end)])
    data = world.store.data
    (datum,) = [row.id for row in await data.page(made, None, 10)]
    assert (await data.named(made, "a")).id == datum
    assert (await data.visible(ADA, [datum]), await data.visible(BOB, [datum])) == ({datum}, set())
    assert {id_: project for id_, (_, project) in (await data.placed([datum, new_id("da")])).items()} == {
        datum: world.project
    }


# ------------------------------------------------------------------------------------------- projects, code


async def test_a_project_made_twice_at_once_is_made_once(world) -> None:
    made = await asyncio.gather(*(world.store.projects.create("bob", "bob") for _ in range(4)))
    assert sum(row is not None for row in made) == 1


async def test_all_projects_that_a_name_may_mean_are_found_their_own_first(world) -> None:
    projects = world.store.projects
    theirs = await projects.create("bob", "project")
    await projects.set_member(world.project, "user", "bob", Role.MEMBER)
    assert [each.row.id for each in await projects.find(BOB, "project", 9)] == [theirs.id]
    assert await projects.accept(world.project, "bob")
    found = await projects.find(BOB, "project", 9)
    assert [(each.row.id, each.tie) for each in found] == [(theirs.id, Tie.OWNER), (world.project, Tie.MEMBER)]
    assert [each.role for each in await projects.find(BOB, world.project, 9)] == [Role.MEMBER]
    assert [each.row.id for each in await projects.find(BOB, "ada/project", 9)] == [world.project]
    assert [each.row.id for each in await projects.find(ADA, "project", 9)] == [world.project]
    assert await projects.find(ADA, "bob/project", 9) == []
    assert [each.row.id for each in await projects.list(BOB, None, 10)] == sorted([world.project, theirs.id])[::-1]
    assert await projects.list(BOB, min(world.project, theirs.id), 10) == []


async def test_a_project_goes_with_all_it_has_when_nothing_runs(world) -> None:
    projects, running = world.store.projects, await world.execution()
    await world.store.code.add(world.project, "~" + DIGEST, 1, "ada")
    assert await projects.delete(world.project) is None
    await world.store.lifecycle.stop(running)
    assert await projects.delete(world.project) == {running: None}
    assert await projects.find(ADMIN, world.project) == []
    assert await world.store.retention.known_code(["~" + DIGEST]) == set()


async def test_the_first_note_of_a_code_version_stays(world) -> None:
    code = world.store.code
    await code.add(world.project, "~" + DIGEST, 7, "ada")
    again = await code.add(world.project, "~" + DIGEST, 8, "bob")
    assert (again.size, again.created_by) == (7, "ada")


# ------------------------------------------------------------------------------------- groups and settings


async def test_groups_are_kept_with_their_settings(world) -> None:
    groups, settings = world.store.groups, GroupSettings(capacity=Resources(cpus=2), owners=["lab"])
    assert await groups.create("gpu", settings, DIGEST)
    assert not await groups.create("gpu", settings, DIGEST)
    assert await groups.settings("gpu") == settings
    await groups.ensure("gpu", GroupSettings(), "1" * 64)
    assert ((await groups.all())["gpu"], (await groups.get("gpu")).token_sha256) == (GroupSettings(), DIGEST)
    assert await groups.names() == ["gpu", "local", "other"]
    assert not await groups.update("none", settings)
    assert await groups.settings("none") is None


async def test_a_group_in_use_is_not_deleted(world) -> None:
    groups, made = world.store.groups, await world.execution()
    worker = await world.store.workers.start("other")
    assert [await groups.delete(name) for name in ("local", "other", "none")] == [False, False, False]
    await world.store.lifecycle.stop(made)
    await world.store.workers.end([worker])
    assert [await groups.delete(name) for name in ("local", "other")] == [True, True]


async def test_groups_are_counted_at_once(world) -> None:
    worker = await world.store.workers.enrol("local", None, "host", "1", Resources(), DIGEST)
    await world.store.workers.enrol("local", None, "host", "1", Resources(), DIGEST)
    await world.store.workers.start("local")
    await world.executions(3)
    await world.execution(status="queued")
    for status in ("started", "stopping"):
        await world.execution(status=status, worker=worker)
    counts = await world.store.groups.counts()
    assert counts == {"local": GroupCounts(workers=2, busy=1, waiting=4, running=2)}


async def test_like_demands_are_counted_together(world) -> None:
    large = {"command": ["true"], "group": "local", "resources": {"gpus": 1}}
    await world.executions(2, status="queued")
    await world.execution(status="started", worker="wk", spec=large)
    async with world.store.read() as session:
        found = (await demand(session, ["local"]))["local"]
    assert sorted(found, key=lambda each: each.count) == [
        Demand("ada", "wk", Resources(gpus=1), 1),
        Demand("ada", None, Resources(), 2),
    ]


async def test_a_setting_is_made_once(world) -> None:
    settings = world.store.settings
    assert await settings.get("key") is None
    first = await settings.ensure("key", lambda: b"first")
    assert (first, await settings.ensure("key", lambda: b"second"), await settings.get("key")) == (b"first",) * 3


async def test_a_database_that_is_not_there_is_unavailable(world, tmp_path) -> None:
    await world.store.ping()
    away = await Store.open(f"postgresql://postgres@/none?host={tmp_path}")
    with pytest.raises(Unavailable):
        await away.ping()
    await away.aclose()
