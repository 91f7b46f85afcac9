"""A request repeated with its Idempotency-Key makes nothing twice, whatever it makes."""

from __future__ import annotations

import asyncio

import pytest

from perijove.errors import Conflict, IdempotencyConflict, InvalidRequest, NotFound, UnknownGroup
from perijove.model.fleet import GroupSettings
from perijove.model.resources import CreateProject, Role
from perijove_scheduler.services import tokens


async def create_project(world, key, name="vision"):
    return (await world.services.projects.create(world.ada, CreateProject(name=name), key)).id


async def create_group(world, key, name="gpus"):
    group, token = await world.services.groups.create(world.admin, name, GroupSettings(), key)
    return group.name, token


async def new_token(world, key, name="local"):
    return await world.services.groups.new_token(world.admin, name, key)


async def accept(world, key, owner="ada"):
    return (await world.services.projects.accept(world.bob, f"{owner}/invited", key)).id


async def hand_over(world, key, to="grace"):
    return (await world.services.accounts.hand_over(world.admin, "ada", to, key)).id


MAKING = [create_project, create_group, new_token, accept, hand_over]
OTHER = {create_project: "x", create_group: "x", new_token: "other", accept: "eve", hand_over: "x"}


@pytest.fixture
async def ready(local):
    await local.group("other")
    for owner in (local.ada, local.eve):
        made = await local.services.projects.create(owner, CreateProject(name="invited"))
        await local.services.projects.set_member(owner, made.id, "user", "bob", Role.MEMBER)
    return local


@pytest.mark.parametrize("make", MAKING)
async def test_the_same_request_with_its_key_has_the_same_answer(ready, make) -> None:
    first = await make(ready, "k")
    assert await make(ready, "k") == first


@pytest.mark.parametrize("make", MAKING)
async def test_many_at_once_with_one_key_make_it_once(ready, make) -> None:
    made = await asyncio.gather(*(make(ready, "k") for _ in range(6)))
    assert made == [made[0]] * 6


@pytest.mark.parametrize("make", MAKING)
async def test_a_key_is_for_one_request_only(ready, make) -> None:
    await make(ready, "k")
    with pytest.raises(IdempotencyConflict):
        await make(ready, "k", OTHER[make])


@pytest.mark.parametrize("make", MAKING)
async def test_a_key_that_is_none_is_refused(ready, make) -> None:
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        await make(ready, "two words")


async def test_a_group_whose_answer_was_lost_still_has_the_token_it_was_made_with(local) -> None:
    _, token = await create_group(local, "k")
    assert tokens.matches(token, (await local.store.groups.get("gpus")).token_sha256)
    assert (await create_group(local, "k"))[1] == token


async def test_of_a_token_nothing_is_kept_that_gives_it_away(local) -> None:
    _, token = await create_group(local, "k")
    row = await local.store.idempotency.find("root", "k")
    group = await local.store.groups.get("gpus")
    assert token not in (row.made, group.token_sha256)
    secret = await local.store.settings.get("derivation_key")
    assert token.encode() not in secret


async def test_without_a_key_every_token_is_another_one(local) -> None:
    made = {await local.services.groups.new_token(local.admin, "local") for _ in range(5)}
    assert len(made) == 5


async def test_a_late_repetition_does_not_bring_an_older_token_back(local) -> None:
    old = await new_token(local, "k")
    current = await new_token(local, None)
    assert await new_token(local, "k") == old
    assert tokens.matches(current, (await local.store.groups.get("local")).token_sha256)


async def test_what_could_not_be_made_uses_no_key_up(local) -> None:
    await create_project(local, None)
    with pytest.raises(Conflict, match="already"):
        await create_project(local, "k")
    await local.services.projects.delete(local.ada, "vision")
    assert await create_project(local, "k")
    with pytest.raises(NotFound):
        await accept(local, "a")
    assert await local.store.idempotency.find("bob", "a") is None


async def test_what_was_deleted_since_is_not_made_again(local) -> None:
    made = await create_project(local, "k")
    await local.services.projects.delete(local.ada, made)
    with pytest.raises(Conflict, match="deleted since"):
        await create_project(local, "k")
    execution = await local.submit(key="x")
    await local.services.executions.stop(local.ada, execution.id)
    await local.services.executions.delete(local.ada, execution.id)
    with pytest.raises(Conflict, match="deleted since"):
        await local.submit(key="x")


async def test_what_was_made_is_the_answer_though_it_could_not_be_made_now(local) -> None:
    await local.group("gone")
    spec = {"command": "true", "group": "gone"}
    made = await local.submit(key="k", spec=spec)
    await local.services.executions.stop(local.ada, made.id)
    await local.services.groups.delete(local.admin, "gone")
    assert (await local.submit(key="k", spec=spec)).id == made.id
    with pytest.raises(UnknownGroup):
        await local.submit(key="other", spec=spec)


async def test_an_invitation_declined_twice_with_one_key_is_declined_once(ready) -> None:
    for _ in range(2):
        await ready.services.projects.decline(ready.bob, "ada/invited", "k")
    with pytest.raises(NotFound):
        await ready.services.projects.decline(ready.bob, "ada/invited", "other")
