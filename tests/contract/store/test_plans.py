"""A million executions and 300,000 past workers: what each question of the store reads on PostgreSQL.

A new method of the store is named here, with a call of it, or these tests fail.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import million
import pytest
from million import CODE, EXECUTIONS, LIVE, NOTEBOOK, PROJECTS, WAITING, WORKERS, id_of
from plans import Plan, plans_of
from postgres import Cluster
from sqlalchemy import text

from perijove.model.events import Archived, Claimed, Finished, Stopped
from perijove.model.fleet import GroupSettings, WorkerState
from perijove.model.reasons import Reason
from perijove.model.resources import Role
from perijove.model.retention import RetentionSettings
from perijove.model.spec import Resources
from perijove.model.status import Status
from perijove_scheduler.store.creation import NewExecution
from perijove_scheduler.store.executions import COUNTED
from perijove_scheduler.store.idempotency import Claim
from perijove_scheduler.store.leadership import Term
from perijove_scheduler.store.listing import ExecutionFilter
from perijove_scheduler.store.outcomes import AttemptRef, Unfit
from perijove_scheduler.store.rejections import Rejection
from perijove_scheduler.store.store import Store
from perijove_scheduler.store.visibility import Viewer

ADA, ROOT, NEW = Viewer("ada", frozenset({"lab"})), Viewer("root", admin=True), Viewer("new")
PROJECT, SMALL = id_of("pr", 1), id_of("pr", 2)
OLD, ENDED, RUNNING = id_of("ex", 1000), id_of("ex", 700_000), id_of("ex", EXECUTIONS - WAITING - 3)
CREATED, WORKER, LIVE_WORKER = id_of("ex", EXECUTIONS - 5), id_of("wk", 7), id_of("wk", WORKERS + 7)
PAGE = [id_of("ex", number) for number in range(1000, 1200)]
CPU, CAPACITY, LARGE = (1.0, math.inf, 0.0), Resources(), (64.0, math.inf, 0.0)
SETTINGS = GroupSettings(provider="process", max_workers=20)
#: Where many executions are named, all projects may be read to join them: there are far fewer of these.
JOINED = frozenset({"projects"})
#: Read from one end to the other they are no concern: there are hundreds of rows at most.
SHORT = {"groups", "settings", "leases", "rejected_events", "accounts", "audit", "enrolment_tokens"}

# The first of these tests fills the database, which takes its time on a machine that is busy.
# One process: a million rows are made once.
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("million rows")]

#: Rows that a statement may look at for one that it returns or changes, and beside these.
EACH, BESIDE = 12, 500


@dataclass(frozen=True)
class Asked:
    """Calls of one method.

    `beside` is how many rows each may look at beside those it returns, and `scans` which tables it may read whole.
    """

    calls: list[Callable[[Store], Awaitable[Any]]]
    beside: int = BESIDE
    scans: frozenset[str] = frozenset()


def ask(*calls: Callable[[Store], Awaitable[Any]], beside: int = BESIDE, scans: frozenset[str] = frozenset()) -> Asked:
    return Asked(list(calls), beside, scans)


def new(**values: Any) -> NewExecution:
    common = {
        "project": PROJECT,
        "owner": "ada",
        "group": "group-1",
        "priority": 0,
        "retries": 1,
        "title": "",
        "code": CODE,
    }
    return NewExecution(**{**common, "notebook": NOTEBOOK, "spec": {"command": ["true"]}, "tags": ["a"], **values})


def lists(**conditions: Any) -> list[Callable[[Store], Awaitable[Any]]]:
    wanted, after = ExecutionFilter(**conditions), id_of("ex", 250_000)
    return [
        *(lambda store, viewer=viewer: store.executions.list(viewer, wanted, None, 51) for viewer in (ADA, ROOT)),
        *(lambda store, viewer=viewer: store.executions.list(viewer, wanted, after, 51) for viewer in (ADA, ROOT)),
    ]


#: What is under way, or waits, is counted by those who decide about it.
LINES = 3 * (LIVE + WAITING)
#: A viewer's own projects: ada has 51.
MINE = 60

REJECTION = Rejection("group-1", WORKER, "finished", OLD, 1, "", b"{}")
MOVES: dict[str, Any] = {"beside": EXECUTIONS // 10, "scans": frozenset({"code_versions", "idempotency_keys"})}

ASKED: dict[str, Asked] = {
    "lifecycle.admit": ask(lambda store: store.lifecycle.admit([id_of("ex", EXECUTIONS - n) for n in range(50)])),
    "lifecycle.take_back": ask(lambda store: store.lifecycle.take_back([Unfit(RUNNING, 1, CAPACITY)])),
    "lifecycle.refuse": ask(lambda store: store.lifecycle.refuse([Unfit(CREATED, 1, CAPACITY)], "too large")),
    "lifecycle.offers": ask(lambda store: store.lifecycle.offers(PAGE)),
    "lifecycle.apply": ask(
        lambda store: store.lifecycle.apply(
            [
                ("group-1", Claimed(worker=WORKER, execution=RUNNING, attempt=1)),
                ("group-1", Finished(worker=WORKER, execution=RUNNING, attempt=1, reason=Reason.OK)),
                ("group-1", Archived(worker=WORKER, execution=OLD, attempt=1, records=1, size=1, sha256="a" * 64)),
                ("group-1", Stopped(worker=LIVE_WORKER)),
            ]
        )
    ),
    "lifecycle.fail": ask(lambda store: store.lifecycle.fail([AttemptRef("group-1", RUNNING, 1, WORKER)])),
    "lifecycle.lose": ask(lambda store: store.lifecycle.lose([WORKER, id_of("wk", 100)])),
    "lifecycle.stop": ask(lambda store: store.lifecycle.stop(RUNNING)),
    "lifecycle.stop_many": ask(lambda store: store.lifecycle.stop_many([RUNNING, CREATED, OLD])),
    "lifecycle.archived": ask(lambda store: store.lifecycle.archived(OLD, 1, 5)),
    "lifecycle.waiting_groups": ask(lambda store: store.lifecycle.waiting_groups()),
    "lifecycle.heads": ask(
        lambda store: store.lifecycle.heads("group-0", 200, 50),
        lambda store: store.lifecycle.heads("group-0", 200, 50, (CPU,)),
        lambda store: store.lifecycle.heads("group-1", 200, 50),
    ),
    "lifecycle.unfit_created": ask(
        lambda store: store.lifecycle.unfit_created("group-0", [LARGE], 100), beside=2 * WAITING + 500
    ),
    "lifecycle.unfit_queued": ask(
        lambda store: store.lifecycle.unfit_queued("group-0", [LARGE], 100), beside=LIVE + 500
    ),
    "lifecycle.queued": ask(
        lambda store: store.lifecycle.queued(500), lambda store: store.lifecycle.queued(500, "ex-02")
    ),
    "lifecycle.held": ask(
        lambda store: store.lifecycle.held(), lambda store: store.lifecycle.held("group-1"), beside=LIVE + 500
    ),
    "lifecycle.stopping": ask(lambda store: store.lifecycle.stopping(), beside=LIVE + 500),
    "lifecycle.live_workers_in_sql": ask(lambda store: store.lifecycle.live_workers_in_sql()),
    "lifecycle.to_archive": ask(lambda store: store.lifecycle.to_archive(60, 500)),
    "lifecycle.is_to_archive": ask(lambda store: store.lifecycle.is_to_archive(OLD, 1)),
    "executions.create": ask(lambda store: store.executions.create(new(claim=Claim("ada", "k", "x")))),
    "executions.create_many": ask(
        lambda store: store.executions.create_many([new(inputs=[id_of("da", 8)]), new()], borrowed=[NOTEBOOK]),
        lambda store: store.executions.create_many([new()], is_free=lambda *_: True),
        lambda store: store.executions.create_many([new(group="group-0")], is_free=lambda *_: True),
        beside=LIVE // 2,
    ),
    "executions.made_before": ask(lambda store: store.executions.made_before(f"{PROJECT} 1000", 20)),
    "executions.find": ask(
        lambda store: store.executions.find(ADA, OLD), lambda store: store.executions.find(NEW, OLD)
    ),
    "executions.find_whole": ask(lambda store: store.executions.find_whole(ADA, OLD)),
    "executions.find_many": ask(
        lambda store: store.executions.find_many(ADA, PAGE[-20:]), beside=PROJECTS + BESIDE, scans=JOINED
    ),
    "executions.projects_of": ask(
        lambda store: store.executions.projects_of(ADA, PAGE[-20:]), beside=PROJECTS + BESIDE, scans=JOINED
    ),
    "executions.list": ask(
        *lists(),
        *lists(project="project-1"),
        *lists(project=PROJECT),
        *(call for status in Status for call in lists(status=status)),
        *(call for status in Status for call in lists(project=PROJECT, status=status)),
        *lists(owner="ada"),
        *lists(owner="ada", project=PROJECT),
        *lists(owner="nobody"),
        *lists(group="group-3"),
        *lists(group="none"),
        *lists(tag="rare"),
        *lists(tag="none"),
        *lists(tag="nightly"),
        *lists(tag="nightly", project=PROJECT),
        *lists(status=Status.ERROR, owner="ada", project=PROJECT),
        *lists(number=77, project=PROJECT),
        lambda store: store.executions.list(ADA, ExecutionFilter(number=77), None, 51),
        lambda store: store.executions.list(NEW, ExecutionFilter(), None, 51),
        beside=51 * MINE * 2,
    ),
    "executions.delete": ask(lambda store: store.executions.delete(id_of("ex", 650_001))),
    "executions.notebooks": ask(lambda store: store.executions.notebooks(PAGE)),
    "executions.uses_notebook": ask(lambda store: store.executions.uses_notebook(NOTEBOOK)),
    "executions.sees_notebook": ask(
        *(lambda store, viewer=viewer: store.executions.sees_notebook(viewer, NOTEBOOK) for viewer in (ADA, ROOT, NEW)),
        lambda store: store.executions.sees_notebook(Viewer("owner-8"), NOTEBOOK),
    ),
    "executions.ahead": ask(lambda store: _of(store, CREATED, store.executions.ahead), beside=3 * COUNTED),
    "projects.create": ask(lambda store: store.projects.create("ada", "another")),
    "projects.accept": ask(lambda store: store.projects.accept(SMALL, "ada")),
    "projects.invitations": ask(lambda store: store.projects.invitations("ada", None, 50)),
    "projects.invited": ask(lambda store: store.projects.invited("ada", "demo", 50), beside=MINE * 10),
    "projects.find": ask(
        lambda store: store.projects.find(ADA, "project-1"),
        lambda store: store.projects.find(ADA, "demo"),
        lambda store: store.projects.find(NEW, "demo"),
        lambda store: store.projects.find(ROOT, "demo"),
        lambda store: store.projects.find(ADA, PROJECT),
        beside=PROJECTS // 4,
    ),
    "projects.list": ask(
        lambda store: store.projects.list(ADA, None, 51),
        lambda store: store.projects.list(ROOT, None, 51),
        lambda store: store.projects.list(NEW, id_of("pr", 9000), 51),
    ),
    "projects.details": ask(lambda store: store.projects.details([PROJECT, SMALL])),
    "projects.set_member": ask(lambda store: store.projects.set_member(PROJECT, "user", "eve", Role.VIEWER)),
    "projects.remove_member": ask(lambda store: store.projects.remove_member(PROJECT, "user", "eve")),
    "projects.delete": ask(lambda store: store.projects.delete(SMALL)),
    "code.get": ask(lambda store: store.code.get(PROJECT, CODE)),
    "code.add": ask(lambda store: store.code.add(PROJECT, "~new", 1, "ada")),
    "data.page": ask(lambda store: store.data.page(id_of("ex", 400), None, 50)),
    "data.placed": ask(lambda store: store.data.placed([id_of("da", 400)])),
    "data.typed": ask(lambda store: store.data.typed(id_of("ex", 400), "text/csv")),
    "data.named": ask(lambda store: store.data.named(id_of("ex", 400), "out.csv")),
    "data.visible": ask(lambda store: store.data.visible(ADA, [id_of("da", 400)])),
    "groups.names": ask(lambda store: store.groups.names()),
    "groups.all": ask(lambda store: store.groups.all()),
    "groups.settings": ask(lambda store: store.groups.settings("group-1")),
    "groups.get": ask(lambda store: store.groups.get("group-1")),
    "groups.create": ask(lambda store: store.groups.create("another", SETTINGS, "")),
    "groups.update": ask(lambda store: store.groups.update("group-1", SETTINGS)),
    "groups.set_token": ask(lambda store: store.groups.set_token("group-1", "x")),
    "groups.ensure": ask(lambda store: store.groups.ensure("group-1", SETTINGS, "x")),
    "groups.delete": ask(lambda store: store.groups.delete("group-9"), lambda store: store.groups.delete("another")),
    "groups.counts": ask(
        lambda store: store.groups.counts(), lambda store: store.groups.counts("group-0"), beside=LINES
    ),
    "workers.identities": ask(lambda store: store.workers.identities([WORKER, LIVE_WORKER])),
    "workers.start": ask(lambda store: store.workers.start("group-1", CAPACITY)),
    "workers.checkpoint": ask(lambda store: store.workers.checkpoint(LIVE_WORKER, {"pid": 1})),
    "workers.enrol": ask(
        lambda store: store.workers.enrol("group-1", None, "h", "1", CAPACITY, ""),
        lambda store: store.workers.enrol("group-1", LIVE_WORKER, "h", "1", CAPACITY, "", again=True),
    ),
    "workers.unenrol": ask(lambda store: store.workers.unenrol(LIVE_WORKER, "")),
    "workers.get": ask(lambda store: store.workers.get(WORKER)),
    "workers.live": ask(lambda store: store.workers.live(), lambda store: store.workers.live("group-1")),
    "workers.capacities": ask(
        lambda store: store.workers.capacities([f"group-{n}" for n in range(200)]), beside=2_000 + 500
    ),
    "workers.late": ask(lambda store: store.workers.late(120), beside=2_000 + 500),
    "workers.ended": ask(lambda store: store.workers.ended(600)),
    "workers.left_machines": ask(lambda store: store.workers.left_machines("", 100)),
    "workers.forget": ask(lambda store: store.workers.forget(30 * 86400, 500)),
    "workers.mark": ask(lambda store: store.workers.mark(LIVE_WORKER, WorkerState.DRAINING)),
    "workers.end": ask(lambda store: store.workers.end([id_of("wk", WORKERS + 9)])),
    "settings.get": ask(lambda store: store.settings.get("key")),
    "settings.put": ask(lambda store: store.settings.put("key", b"1")),
    "settings.take": ask(lambda store: store.settings.take("key")),
    "settings.ensure": ask(lambda store: store.settings.ensure("key", lambda: b"1")),
    "idempotency.find": ask(lambda store: store.idempotency.find("ada", "key-500000")),
    "idempotency.forget": ask(lambda store: store.idempotency.forget(160 * 86400)),
    "leadership.leader": ask(lambda store: store.leadership.leader()),
    "leadership.campaign": ask(lambda store: store.leadership.campaign("a", 10)),
    "leadership.renew": ask(lambda store: store.leadership.renew(Term("a", 1), 10)),
    "leadership.resign": ask(lambda store: store.leadership.resign(Term("a", 1))),
    "retention.projects": ask(lambda store: store.retention.projects(), scans=frozenset({"projects"})),
    "retention.replace": ask(lambda store: store.retention.replace(PROJECT, RetentionSettings())),
    "retention.get": ask(lambda store: store.retention.get(PROJECT)),
    "retention.logs": ask(
        lambda store: store.retention.logs(PROJECT, 30, ("", 0), 200),
        lambda store: store.retention.logs(PROJECT, 30, (id_of("ex", 200_000), 1), 200),
    ),
    "retention.remove_logs": ask(lambda store: store.retention.remove_logs([(id_of("ex", 2000), 1)])),
    "retention.outputs": ask(
        lambda store: store.retention.outputs(PROJECT, 30, ("", ""), 200),
        lambda store: store.retention.outputs(PROJECT, 30, (id_of("ex", 200_000), "out.csv"), 200),
        beside=2_000,
    ),
    "retention.remove_outputs": ask(lambda store: store.retention.remove_outputs([id_of("da", 2000)])),
    "retention.code": ask(lambda store: store.retention.code(PROJECT, 30, "", 200)),
    "retention.remove_code": ask(lambda store: store.retention.remove_code(PROJECT, [CODE, "~" + f"{5:064d}"])),
    "retention.executions": ask(
        lambda store: store.retention.executions(PROJECT, 30, "", 200),
        lambda store: store.retention.executions(PROJECT, 30, id_of("ex", 200_000), 200),
        lambda store: store.retention.executions(SMALL, 30, "", 200),
    ),
    "retention.remove_executions": ask(lambda store: store.retention.remove_executions(PAGE[:20])),
    "retention.known_executions": ask(lambda store: store.retention.known_executions(PAGE)),
    "retention.known_outputs": ask(lambda store: store.retention.known_outputs(PAGE)),
    "retention.removed_logs": ask(lambda store: store.retention.removed_logs(PAGE)),
    "retention.used_notebooks": ask(lambda store: store.retention.used_notebooks([NOTEBOOK, "b" * 64])),
    "retention.known_code": ask(lambda store: store.retention.known_code([CODE, "~none"])),
    "segments.of": ask(lambda store: store.segments.of(OLD, 1)),
    "segments.last_of": ask(lambda store: store.segments.last_of([(OLD, 1)])),
    "segments.last": ask(lambda store: store.segments.last(OLD, 1)),
    "segments.known": ask(lambda store: store.segments.known(PAGE)),
    "tokens.add": ask(lambda store: store.tokens.add("group-1", "a" * 64, 1, 60.0)),
    "tokens.find": ask(lambda store: store.tokens.find("group-1", "a" * 64)),
    "tokens.spend": ask(lambda store: store.tokens.spend("group-1", "a" * 64)),
    "tokens.give_back": ask(lambda store: store.tokens.give_back("group-1", "a" * 64)),
    "workers.reached": ask(lambda store: store.workers.reached([LIVE_WORKER])),
    "attempts.standings": ask(lambda store: store.attempts.standings([(OLD, 1), (RUNNING, 1)])),
    "attempts.archived": ask(lambda store: store.attempts.archived([(OLD, 1), (RUNNING, 1)])),
    "rejections.add": ask(lambda store: store.rejections.add("group-1", [REJECTION])),
    "rejections.list": ask(lambda store: store.rejections.list(None, 50)),
    "accounts.bind": ask(lambda store: store.accounts.bind("ada", "then")),
    "accounts.rebind": ask(lambda store: store.accounts.rebind("ada", "then", "now")),
    "accounts.entry": ask(lambda store: store.accounts.entry("au-none")),
    "accounts.audit": ask(lambda store: store.accounts.audit(None, 50)),
    # Rare, and an administrator's: what all of it is called is looked through.
    "accounts.park": ask(lambda store: store.accounts.park("ada", "now", "again", "ada (former)"), **MOVES),
    "accounts.hand_over": ask(lambda store: store.accounts.hand_over("root", "owner-77", "eve"), **MOVES),
    # Once a night: what a sweep would remove is compared with all there is.
    "retention.totals": ask(
        lambda store: store.retention.totals(),
        beside=3 * EXECUTIONS,
        scans=frozenset({"executions", "data", "attempts", "code_versions"}),
    ),
}


async def _of(store: Store, execution: str, then: Callable[[Any], Awaitable[Any]]) -> Any:
    found = await store.executions.find(ROOT, execution)
    assert found is not None
    return await then(found.row)


def repositories(store: Store) -> Iterator[tuple[str, Any]]:
    """The store's parts by name, but for the database itself."""
    return ((name, part) for name, part in vars(store).items() if name != "database" and not name.startswith("_"))


@pytest.fixture(scope="module")
def large_url() -> Iterator[str]:
    with Cluster(options=million.OPTIONS) as cluster:
        million.load(cluster.url)
        yield cluster.url


@pytest.fixture
async def large(large_url: str) -> AsyncIterator[Store]:
    store = await Store.open(large_url)
    yield store
    await store.aclose()


async def test_every_method_of_the_store_is_asked(store: Store) -> None:
    methods = {
        f"{name}.{method}"
        for name, part in repositories(store)
        for method, function in inspect.getmembers(part, inspect.iscoroutinefunction)
        if not method.startswith("_")
    }
    assert methods - set(ASKED) == set(), "add a call of it to ASKED"
    assert set(ASKED) - methods == set(), "this method is no more"


@pytest.mark.parametrize("method", ASKED)
async def test_it_reads_little_however_much_there_is(large: Store, method: str) -> None:
    asked = ASKED[method]
    for call in asked.calls:
        with plans_of(large.engine) as plans:
            await call(large)
        assert plans
        for plan in plans:
            check(plan, asked)


def check(plan: Plan, asked: Asked) -> None:
    assert plan.scanned - SHORT - asked.scans == set(), str(plan)
    assert plan.read <= EACH * plan.returned + asked.beside, f"{plan.read} rows for {plan.returned}\n{plan}"


async def test_lists_leave_environments_where_they_are(large: Store) -> None:
    with plans_of(large.engine) as plans:
        await large.executions.list(ADA, ExecutionFilter(), None, 51)
        await large.executions.list(ROOT, ExecutionFilter(), None, 51)
        await large.executions.find(ADA, OLD)
    assert not [plan.statement for plan in plans if ".environment" in plan.statement]


async def test_every_foreign_key_has_an_index_to_find_what_refers_to_a_row(large: Store) -> None:
    query = text("""
        SELECT c.conname FROM pg_constraint c WHERE c.contype = 'f' AND NOT EXISTS (
          SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND i.indkey[0] = c.conkey[1])
    """)
    async with large.read() as session:
        assert list(await session.scalars(query)) == []
