from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from perijove.errors import (
    Conflict,
    Forbidden,
    IncompatibleAgent,
    InvalidRequest,
    InvalidSpec,
    NotFound,
    RuntimeNotSupported,
    Unauthenticated,
    Unavailable,
    UnknownGroup,
)
from perijove.model.control import Drain
from perijove.model.fleet import Enrol, Enrolment, GroupSettings, NewToken, WorkerState
from perijove.model.ids import new_id
from perijove.model.spec import Resources
from perijove.wire import versions
from perijove_scheduler.services.agents import Agents
from perijove_scheduler.services.credentials import WorkerKeys
from perijove_scheduler.store.clock import db_now
from perijove_scheduler.store.tables import TokenRow

CAPACITY = Resources(cpus=4)


async def enrol(world, token: str, group: str = "local", worker: str | None = None, **values: Any) -> Enrolment:
    spoken = {"oldest_protocol": versions.OLDEST, "newest_protocol": versions.NEWEST}
    told = {"host": "host", "version": "1.0", "capacity": CAPACITY, **spoken, **values}
    request = Enrol(group=group, token=token, worker=worker, **told)
    return await world.services.agents.enrol(request)


async def test_a_group_is_shown_with_what_it_carries(local) -> None:
    running, _ = await local.submit(), await local.submit()
    await local.start(running.id)
    shown = await local.services.groups.get(local.ada, "local")
    assert (shown.waiting, shown.running, shown.capacity.cpus) == (1, 1, 4)
    assert await local.services.groups.list(local.ada) == [shown]


async def test_a_group_is_its_owners_to_see(world) -> None:
    await world.group("lab", owners=["lab"])
    groups = world.services.groups
    assert [g.name for g in await groups.list(world.ada)] == ["lab"]
    assert [g.name for g in await groups.list(world.admin)] == ["lab"]
    assert await groups.list(world.eve) == []
    for name in ("lab", "none"):
        for call in (groups.get, groups.workers):
            with pytest.raises(UnknownGroup):
                await call(world.eve, name)


async def test_only_administrators_manage_groups(local) -> None:
    groups = local.services.groups
    for call in (
        groups.create(local.ada, "mine", GroupSettings()),
        groups.update(local.ada, "local", GroupSettings()),
        groups.delete(local.ada, "local"),
        groups.new_token(local.ada, "local"),
        groups.drain(local.ada, "local", new_id("wk")),
    ):
        with pytest.raises(Forbidden):
            await call


async def test_a_group_is_changed(local) -> None:
    settings = GroupSettings(description="new", max_workers=7)
    assert (await local.services.groups.update(local.admin, "local", settings)).max_workers == 7
    with pytest.raises(UnknownGroup):
        await local.services.groups.update(local.admin, "none", settings)


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "a\n", ".hidden", "x" * 65])
async def test_a_bad_name_is_refused(world, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await world.services.groups.create(world.admin, name, GroupSettings())


async def test_a_name_is_taken_once_and_limits_fit_together(local) -> None:
    with pytest.raises(Conflict):
        await local.group()
    with pytest.raises(InvalidSpec):
        await local.services.groups.update(local.admin, "local", GroupSettings(min_workers=2, max_workers=1))


@pytest.mark.parametrize("settings", [{"runtime": "docker"}, {"image": "python:3.12"}])
async def test_a_group_whose_work_would_not_be_isolated_as_it_asks_is_refused(local, settings: dict[str, str]) -> None:
    wanted = GroupSettings(**settings)
    for call in (
        local.services.groups.create(local.admin, "new", wanted),
        local.services.groups.update(local.admin, "local", wanted),
    ):
        with pytest.raises(RuntimeNotSupported) as refusal:
            await call
        assert (refusal.value.status, bool(refusal.value.hint)) == (422, True)
    assert [group.name for group in await local.services.groups.list(local.admin)] == ["local"]


async def test_no_agent_enrols_in_a_group_of_a_runtime_that_does_not_exist(world) -> None:
    token = await world.group()
    await world.store.groups.update("local", GroupSettings(runtime="docker"))
    with pytest.raises(RuntimeNotSupported):
        await enrol(world, token)
    assert await world.store.workers.live() == []


async def test_a_group_is_deleted_when_nothing_needs_it(local) -> None:
    made = await local.submit()
    groups = local.services.groups
    with pytest.raises(Conflict):
        await groups.delete(local.admin, "local")
    await local.services.executions.stop(local.ada, made.id)
    await groups.delete(local.admin, "local")
    assert await groups.list(local.admin) == []


# -------------------------------------------------------------------------------------------------- agents


async def test_an_agent_enrols_and_gets_a_redis_user(world) -> None:
    token = await world.group(warm_kernels=3)
    enrolment = await enrol(world, token)
    assert (enrolment.group, enrolment.runtime, enrolment.warm_kernels) == ("local", "process", 3)
    assert enrolment.renew_every < enrolment.lease
    group, secret = world.queue.granted[enrolment.worker]
    assert group == "local"
    assert secret == (await world.store.workers.get(enrolment.worker)).password_sha256
    assert secret not in enrolment.redis_url
    assert await world.bell.wait("scaler", 0)


@pytest.mark.parametrize(
    "spoken",
    [
        {"version": ""},
        {"version": "0.0.1"},
        {"oldest_protocol": 1, "newest_protocol": 1},
        {"oldest_protocol": 99, "newest_protocol": 99},
    ],
)
async def test_an_agent_of_another_protocol_is_refused_and_given_nothing(world, spoken: dict[str, Any]) -> None:
    token = await world.group()
    with pytest.raises(IncompatibleAgent):
        await enrol(world, token, **spoken)
    assert (await world.store.workers.live(), world.queue.granted) == ([], {})


async def test_an_agent_is_told_which_protocol_was_agreed_on(world) -> None:
    assert (await enrol(world, await world.group())).protocol == versions.NEWEST


async def test_a_worker_that_was_asked_for_enrols_once(world) -> None:
    token = await world.group()
    worker = await world.store.workers.start("local")
    assert (await enrol(world, token, worker=worker)).worker == worker
    before = world.queue.granted[worker]
    await world.queue.agent("local", worker).register(Resources(), "1", "host")
    with pytest.raises(Unauthenticated):
        await enrol(world, token, worker=worker)
    assert world.queue.granted[worker] == before


async def test_a_worker_whose_answer_was_lost_enrols_again(world) -> None:
    token = await world.group()
    worker = await world.store.workers.start("local")
    lost = await enrol(world, token, worker=worker)
    again = await enrol(world, token, worker=worker)
    assert again.worker == worker
    assert again.redis_url != lost.redis_url
    assert world.queue.granted[worker][1] == (await world.store.workers.get(worker)).password_sha256


async def test_whatever_is_wrong_the_answer_is_the_same(world) -> None:
    token = await world.group()
    await world.group("other")
    elsewhere = await world.store.workers.start("other")
    told = set()
    for values in (
        {"token": "wrong"},
        {"token": ""},
        {"token": token, "group": "other"},
        {"token": token, "group": "none"},
        {"token": token, "worker": elsewhere},
        {"token": token, "worker": new_id("wk")},
    ):
        with pytest.raises(Unauthenticated) as refusal:
            await enrol(world, **values)
        told.add(str(refusal.value.as_json()))
    assert len(told) == 1
    assert world.queue.granted == {}


async def test_a_new_token_replaces_the_old_one(world) -> None:
    old = await world.group()
    new = await world.services.groups.new_token(world.admin, "local")
    with pytest.raises(Unauthenticated):
        await enrol(world, old)
    assert (await enrol(world, new)).group == "local"


@pytest.mark.parametrize("asked_for", [True, False])
async def test_an_enrolment_that_redis_refuses_can_be_repeated(world, asked_for: bool) -> None:
    token = await world.group()
    worker = await world.store.workers.start("local") if asked_for else None
    world.queue.reachable = False
    with pytest.raises(Unavailable):
        await enrol(world, token, worker=worker)
    world.queue.reachable = True
    enrolment = await enrol(world, token, worker=worker)
    assert [row.id for row in await world.store.workers.live("local")] == [enrolment.worker]


async def test_an_agent_leaves(world) -> None:
    token = await world.group()
    worker = (await enrol(world, token)).worker
    for wrong in (("local", "wrong", worker), ("none", token, worker)):
        with pytest.raises(Unauthenticated):
            await world.services.agents.release(*wrong)
    await world.services.agents.release("local", token, worker)
    assert (await world.store.workers.live("local"), world.queue.granted) == ([], {})
    with pytest.raises(NotFound):
        await world.services.agents.release("local", token, new_id("wk"))


# ------------------------------------------------------------------------------------------------- workers


async def test_workers_are_shown_as_they_are(world) -> None:
    token = await world.group()
    worker = (await enrol(world, token)).worker
    await world.queue.agent("local", worker).register(CAPACITY, "1.0", "host")
    starting = await world.store.workers.start("local")
    world.worker = worker
    mine, theirs = await world.submit(world.ada), await world.submit(world.bob)
    for each in (mine, theirs):
        await world.start(each.id)
    shown = {each.id: each for each in await world.services.groups.workers(world.ada, "local")}
    assert (shown[worker].state, shown[worker].host, shown[worker].capacity) == ("busy", "host", CAPACITY)
    assert (shown[worker].executions, shown[worker].seen_at is None) == ([mine.id], False)
    assert (shown[starting].state, shown[starting].seen_at) == ("starting", None)
    everything = {each.id: each for each in await world.services.groups.workers(world.admin, "local")}
    assert set(everything[worker].executions) == {mine.id, theirs.id}


async def test_workers_are_shown_while_redis_is_away(world) -> None:
    worker = (await enrol(world, await world.group())).worker
    world.queue.reachable = False
    (shown,) = await world.services.groups.workers(world.ada, "local")
    assert (shown.id, shown.state, shown.seen_at) == (worker, "idle", None)


async def test_a_worker_is_drained(world) -> None:
    worker = (await enrol(world, await world.group())).worker
    agent = world.queue.agent("local", worker)
    await agent.register(CAPACITY, "1.0", "host")
    assert (await world.services.groups.drain(world.admin, "local", worker)).state == "draining"
    assert [message for _, message in await agent.listen("0", 0)] == [Drain()]
    assert await agent.claim(CAPACITY) is None


async def test_what_cannot_be_drained_is_said_so(world) -> None:
    await world.group()
    await world.group("other")
    starting = await world.store.workers.start("local")
    with pytest.raises(Conflict):
        await world.services.groups.drain(world.admin, "local", starting)
    for group, worker in (("other", starting), ("local", new_id("wk"))):
        with pytest.raises(NotFound):
            await world.services.groups.drain(world.admin, group, worker)


async def test_a_limited_token_enrols_so_many_agents_and_no_more(world) -> None:
    await world.group()
    made = await world.services.groups.limited_token(world.admin, "local", NewToken(uses=2))
    first, second = await enrol(world, made.token), await enrol(world, made.token)
    assert first.worker != second.worker
    with pytest.raises(Unauthenticated):
        await enrol(world, made.token)
    await world.group("other")
    theirs = await world.services.groups.limited_token(world.admin, "other", NewToken())
    with pytest.raises(Unauthenticated):
        await enrol(world, theirs.token)


async def test_a_limited_token_that_is_too_old_enrols_nobody(world) -> None:
    await world.group()
    made = await world.services.groups.limited_token(world.admin, "local", NewToken())
    async with world.store.write() as session:
        await session.execute(update(TokenRow).values(expires_at=db_now()))
    with pytest.raises(Unauthenticated):
        await enrol(world, made.token)


async def test_an_agent_that_is_refused_uses_nothing_up(world) -> None:
    await world.group()
    made = await world.services.groups.limited_token(world.admin, "local", NewToken())
    with pytest.raises(IncompatibleAgent):
        await enrol(world, made.token, version="0.0.1")
    world.queue.reachable = False
    with pytest.raises(Unavailable):
        await enrol(world, made.token)
    world.queue.reachable = True
    assert (await enrol(world, made.token)).group == "local"


async def test_a_machines_token_enrols_its_worker_once_and_nobody_else(world) -> None:
    await world.group()
    worker, other = await world.store.workers.start("local"), await world.store.workers.start("local")
    token = world.services.worker_keys.machine_token("local", worker)
    for wrong in (None, other):
        with pytest.raises(Unauthenticated):
            await enrol(world, token, worker=wrong)
    assert (await enrol(world, token, worker=worker)).worker == worker
    await world.queue.agent("local", worker).register(Resources(), "1", "host")
    with pytest.raises(Unauthenticated):
        await enrol(world, token, worker=worker)


async def test_a_machine_that_boots_while_another_replica_comes_to_lead_enrols_all_the_same(world) -> None:
    await world.group()
    worker = await world.store.workers.start("local")
    key = b"k" * 32
    token = WorkerKeys(key).machine_token("local", worker)
    other = Agents(world.store, world.queue, world.bell, WorkerKeys(key))
    spoken = {"oldest_protocol": versions.OLDEST, "newest_protocol": versions.NEWEST}
    request = Enrol(group="local", token=token, worker=worker, host="h", version="1", capacity=CAPACITY, **spoken)
    assert (await other.enrol(request)).worker == worker


async def test_an_evicted_worker_is_out_at_once_and_what_it_held_is_lost(world) -> None:
    await world.group()
    made = await world.services.groups.limited_token(world.admin, "local", NewToken())
    enrolment = await enrol(world, made.token)
    execution = await world.submit(spec={"command": "true", "group": "local", "retries": 1})
    world.worker = enrolment.worker
    await world.start(execution.id)
    await world.services.groups.evict(world.admin, "local", enrolment.worker)
    assert world.queue.granted == {}
    row = (await world.store.executions.find(world.admin.viewer, execution.id)).row
    assert (row.status, row.attempt, row.retries_left, row.worker) == ("queued", 2, 0, None)
    assert await world.services.groups.workers(world.admin, "local") == []
    with pytest.raises(Unauthenticated):
        await enrol(world, made.token)
    with pytest.raises(Unauthenticated):
        await enrol(world, made.token, worker=enrolment.worker)
    for loop in ("sweeper", "dispatcher", "scaler"):
        assert await world.bell.wait(loop, 0)
    await world.services.groups.evict(world.admin, "local", enrolment.worker)


async def test_only_an_administrator_evicts_and_only_a_groups_own_workers(world) -> None:
    token = await world.group()
    await world.group("other")
    enrolment = await enrol(world, token)
    with pytest.raises(Forbidden):
        await world.services.groups.evict(world.ada, "local", enrolment.worker)
    with pytest.raises(NotFound):
        await world.services.groups.evict(world.admin, "other", enrolment.worker)
    with pytest.raises(Forbidden):
        await world.services.groups.limited_token(world.ada, "local", NewToken())
    assert enrolment.worker in world.queue.granted


async def test_a_worker_that_enrolled_and_never_reached_redis_is_shown_as_unreachable(world) -> None:
    enrolment = await enrol(world, await world.group())
    (shown,) = await world.services.groups.workers(world.admin, "local")
    assert (shown.state, shown.seen_at, shown.enrolled_at is not None) == (WorkerState.UNREACHABLE, None, True)
    await world.queue.agent("local", enrolment.worker).register(Resources(), "1", "host")
    (shown,) = await world.services.groups.workers(world.admin, "local")
    assert shown.state is WorkerState.IDLE
