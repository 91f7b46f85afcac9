from __future__ import annotations

import asyncio

import pytest

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound, UnknownProject
from perijove.model.resources import CreateProject, Role
from perijove_scheduler.services.caller import Caller


async def shared(world, role: Role = Role.VIEWER, kind: str = "user", name: str = "bob") -> str:
    project = await world.services.projects.create(world.ada, CreateProject(name="shared"))
    await world.services.projects.set_member(world.ada, project.id, kind, name, role)
    if (kind, name) == ("user", "bob"):
        await world.services.projects.accept(world.bob, project.id)
    return project.id


async def test_a_project_is_its_owners(world) -> None:
    made = await world.services.projects.create(world.ada, CreateProject(name="vision"))
    assert (made.owner, made.role, made.executions) == ("ada", "admin", 0)
    assert await world.services.projects.get(world.ada, "vision") == made
    assert await world.services.projects.get(world.ada, made.id) == made


async def test_a_name_is_taken_once_per_owner(world) -> None:
    await world.services.projects.create(world.ada, CreateProject(name="vision"))
    await world.services.projects.create(world.bob, CreateProject(name="vision"))
    with pytest.raises(Conflict):
        await world.services.projects.create(world.ada, CreateProject(name="vision"))
    assert (await world.services.projects.get(world.bob, "vision")).owner == "bob"


async def test_others_see_nothing_of_it(world) -> None:
    made = await world.services.projects.create(world.ada, CreateProject(name="vision"))
    for ref in (made.id, "vision", "no such"):
        with pytest.raises(UnknownProject):
            await world.services.projects.get(world.bob, ref)
    assert (await world.services.projects.list(world.bob)).items == []


@pytest.mark.parametrize(("kind", "name"), [("user", "bob"), ("group", "lab")])
async def test_members_see_it_with_their_role(world, kind: str, name: str) -> None:
    project = await shared(world, Role.MEMBER, kind, name)
    seen = await world.services.projects.get(world.bob, project)
    assert (seen.role, [(m.kind, m.name, m.role) for m in seen.members]) == ("member", [(kind, name, "member")])
    assert [p.id for p in (await world.services.projects.list(world.bob)).items] == [project]
    with pytest.raises(UnknownProject):
        await world.services.projects.get(world.eve, project)


async def test_the_greatest_of_several_roles_counts(world) -> None:
    project = await shared(world, Role.VIEWER)
    await world.services.projects.set_member(world.ada, project, "group", "lab", Role.ADMIN)
    assert (await world.services.projects.get(world.bob, project)).role == "admin"


async def test_a_user_named_like_a_group_is_not_the_group(world) -> None:
    project = await shared(world, Role.VIEWER, "group", "eve")
    with pytest.raises(UnknownProject):
        await world.services.projects.get(world.eve, project)


async def test_an_administrator_of_the_platform_sees_all(world) -> None:
    project = await shared(world)
    assert (await world.services.projects.get(world.admin, project)).role == "admin"


async def test_only_its_admins_share_or_delete_it(world) -> None:
    project = await shared(world, Role.MEMBER)
    projects = world.services.projects
    for attempt in (
        projects.set_member(world.bob, project, "user", "eve", Role.VIEWER),
        projects.remove_member(world.bob, project, "user", "eve"),
        projects.delete(world.bob, project),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_role_is_changed_and_taken_away(world) -> None:
    project = await shared(world)
    projects = world.services.projects
    assert (await projects.set_member(world.ada, project, "user", "bob", Role.ADMIN)).members[0].role == "admin"
    assert (await projects.remove_member(world.bob, project, "user", "bob")).members == []
    with pytest.raises(UnknownProject):
        await projects.get(world.bob, project)
    with pytest.raises(NotFound):
        await projects.remove_member(world.ada, project, "user", "bob")


@pytest.mark.parametrize(
    ("kind", "name"), [("robot", "x"), ("user", ""), ("user", "a\0b"), ("user", "a\n"), ("user", "x" * 256)]
)
async def test_what_is_no_member_is_refused(world, kind: str, name: str) -> None:
    project = await shared(world)
    with pytest.raises(InvalidRequest):
        await world.services.projects.set_member(world.ada, project, kind, name, Role.VIEWER)


async def test_lists_are_paged(world) -> None:
    for name in ("a", "b", "c"):
        await world.services.projects.create(world.ada, CreateProject(name=name))
    first = await world.services.projects.list(world.ada, None, 2)
    rest = await world.services.projects.list(world.ada, first.next, 2)
    assert len(first.items) == 2
    assert {p.name for p in (*first.items, *rest.items)} == {"a", "b", "c"}
    assert rest.next is None
    with pytest.raises(InvalidRequest):
        await world.services.projects.list(world.ada, "'; DROP", 2)


async def test_the_personal_project_is_made_once(world) -> None:
    made = await asyncio.gather(*(world.services.projects.resolve(world.ada, None, Role.MEMBER) for _ in range(5)))
    assert {(p.id, p.name) for p in made} == {(made[0].id, "ada")}


async def test_anothers_project_of_ones_own_name_is_not_the_personal_one(world) -> None:
    theirs = await world.services.projects.create(world.bob, CreateProject(name="ada"))
    await world.join(world.bob, theirs.id, world.ada, Role.ADMIN)
    mine = await world.services.projects.resolve(world.ada, None, Role.MEMBER)
    assert (mine.owner, mine.id == theirs.id) == ("ada", False)


async def test_deleting_a_project_deletes_its_executions_and_their_files(local) -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    made = await local.submit(spec={"notebook": {"path": "a.ipynb"}, "group": "local"}, notebook=document)
    await local.start(made.id)
    with pytest.raises(Conflict):
        await local.services.projects.delete(local.ada, "ada")
    await local.finish(made.id)
    await local.archive(made.id, b'{"n":1}')
    await local.services.projects.delete(local.ada, "ada")
    assert (await local.executions(), local.stored()) == (0, [])


async def test_reading_takes_the_scope_to_read(world) -> None:
    with pytest.raises(Forbidden):
        await world.services.projects.list(Caller("ada"))
