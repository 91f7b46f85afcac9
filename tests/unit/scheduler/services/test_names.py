"""Which project a name means, and who is in one: nobody else decides either."""

from __future__ import annotations

import pytest

from perijove.errors import AmbiguousProject, Conflict, InvalidRequest, NotFound, UnknownProject
from perijove.model.ids import new_id
from perijove.model.resources import CreateProject, Role
from perijove_scheduler.services.caller import Caller
from perijove_scheduler.services.executions import ExecutionFilter

SCOPES = frozenset({"read", "submit"})


async def project(world, owner: Caller, name: str = "team-x") -> str:
    return (await world.services.projects.create(owner, CreateProject(name=name))).id


async def test_a_stranger_cannot_redirect_a_name_by_inviting_somebody_to_a_project_of_that_name(local) -> None:
    theirs = await project(local, local.bob)
    await local.join(local.bob, theirs, local.ada, Role.MEMBER)
    forged = await project(local, local.eve)
    await local.services.projects.set_member(local.eve, forged, "user", "ada", Role.ADMIN)
    made = await local.submit(local.ada, project="team-x")
    assert made.project == theirs
    assert [each.id for each in (await local.services.projects.list(local.ada)).items] == [theirs]


async def test_a_name_of_several_projects_is_refused_and_their_full_names_are_listed(local) -> None:
    mine, theirs = await project(local, local.ada), await project(local, local.bob)
    await local.join(local.bob, theirs, local.ada, Role.MEMBER)
    asked = (
        local.submit(local.ada, project="team-x"),
        local.services.projects.get(local.ada, "team-x"),
        local.services.projects.delete(local.ada, "team-x"),
        local.services.executions.list(local.ada, ExecutionFilter(project="team-x")),
        local.services.code.get(local.ada, "team-x", "~" + "0" * 64),
        local.services.retention.of_project(local.ada, "team-x"),
    )
    for ask in asked:
        with pytest.raises(AmbiguousProject, match="ada/team-x, bob/team-x") as refused:
            await ask
        assert (refused.value.status, refused.value.code) == (409, "ambiguous_project")
    assert (await local.submit(local.ada, project="ada/team-x")).project == mine
    assert (await local.submit(local.ada, project="bob/team-x")).project == theirs
    assert (await local.submit(local.ada, project=theirs)).project == theirs


async def test_a_group_that_is_given_a_project_does_not_hide_or_block_somebodys_own(local) -> None:
    mine = await project(local, local.ada)
    forged = await project(local, local.bob)
    await local.services.projects.set_member(local.bob, forged, "group", "lab", Role.ADMIN)
    assert (await local.submit(local.ada, project="team-x")).project == mine
    assert (await local.submit(local.ada, project="bob/team-x")).project == forged


async def test_of_two_projects_that_groups_were_given_neither_is_picked(local) -> None:
    first, second = await project(local, local.bob), await project(local, local.eve)
    for owner, each in ((local.bob, first), (local.eve, second)):
        await local.services.projects.set_member(owner, each, "group", "lab", Role.MEMBER)
    with pytest.raises(AmbiguousProject):
        await local.submit(local.ada, project="team-x")


async def test_an_accepted_project_and_one_of_a_group_are_both_named(local) -> None:
    first, second = await project(local, local.bob), await project(local, local.eve)
    await local.join(local.bob, first, local.ada, Role.MEMBER)
    await local.services.projects.set_member(local.eve, second, "group", "lab", Role.MEMBER)
    with pytest.raises(AmbiguousProject, match="bob/team-x, eve/team-x"):
        await local.submit(local.ada, project="team-x")


async def test_what_an_administrator_merely_sees_is_not_in_their_way(local) -> None:
    await project(local, local.ada)
    await project(local, local.bob)
    with pytest.raises(AmbiguousProject):
        await local.services.projects.get(local.admin, "team-x")
    mine = await project(local, local.admin)
    assert (await local.services.projects.get(local.admin, "team-x")).id == mine
    assert (await local.services.projects.get(local.admin, "bob/team-x")).owner == "bob"


async def test_many_projects_of_one_name_are_listed_up_to_ten(world) -> None:
    for n in range(12):
        await project(world, Caller(f"p{n:02}", scopes=SCOPES))
    with pytest.raises(AmbiguousProject, match=r"p00/team-x, .*p09/team-x and others"):
        await world.services.projects.get(world.admin, "team-x")


async def test_a_name_that_looks_like_an_id_names_nothing(world) -> None:
    theirs = await project(world, world.bob)
    with pytest.raises(InvalidRequest, match="look like an id"):
        await project(world, world.ada, theirs)
    with pytest.raises(UnknownProject):
        await world.services.projects.get(world.ada, new_id("pr"))


async def test_two_people_whose_names_begin_alike_have_each_their_own_personal_project(local) -> None:
    people = [Caller("x" * 64 + end, scopes=SCOPES) for end in ("-one", "-two")]
    first, second = [await local.submit(who) for who in people]
    assert first.project != second.project
    assert (first.number, second.number) == (1, 1)
    await local.join(people[0], first.project, people[1], Role.MEMBER)
    assert (await local.submit(people[1])).project == second.project


# ---------------------------------------------------------------------------------------------- invitations


async def test_nobody_is_a_member_before_they_accept(local) -> None:
    theirs = await project(local, local.ada)
    shown = await local.services.projects.set_member(local.ada, theirs, "user", "bob", Role.MEMBER)
    assert [(each.name, each.invited) for each in shown.members] == [("bob", True)]
    assert (await local.services.projects.list(local.bob)).items == []
    with pytest.raises(UnknownProject):
        await local.submit(local.bob, project=theirs)
    (invitation,) = (await local.services.projects.invitations(local.bob)).items
    assert (invitation.project, invitation.name, invitation.owner) == (theirs, "team-x", "ada")
    assert (invitation.role, invitation.invited_by) == ("member", "ada")
    assert (await local.services.projects.accept(local.bob, "ada/team-x")).role == "member"
    assert (await local.submit(local.bob, project=theirs)).project == theirs
    assert (await local.services.projects.invitations(local.bob)).items == []
    assert [each.invited for each in (await local.services.projects.get(local.ada, theirs)).members] == [False]


async def test_an_invitation_that_is_declined_is_gone_and_a_member_may_leave(world) -> None:
    projects = world.services.projects
    theirs = await project(world, world.ada)
    await projects.set_member(world.ada, theirs, "user", "bob", Role.MEMBER)
    await projects.decline(world.bob, theirs)
    assert (await projects.get(world.ada, theirs)).members == []
    for ask in (projects.accept(world.bob, theirs), projects.decline(world.bob, theirs)):
        with pytest.raises(NotFound):
            await ask
    await world.join(world.ada, theirs, world.bob, Role.VIEWER)
    await projects.remove_member(world.bob, theirs, "user", "bob")
    with pytest.raises(UnknownProject):
        await projects.get(world.bob, theirs)


async def test_only_its_admins_see_who_is_invited_to_a_project(world) -> None:
    theirs = await project(world, world.ada)
    await world.join(world.ada, theirs, world.bob, Role.MEMBER)
    await world.services.projects.set_member(world.ada, theirs, "user", "eve", Role.MEMBER)
    assert [each.name for each in (await world.services.projects.get(world.ada, theirs)).members] == ["bob", "eve"]
    assert [each.name for each in (await world.services.projects.get(world.bob, theirs)).members] == ["bob"]


async def test_a_members_role_is_changed_without_another_invitation(world) -> None:
    theirs = await project(world, world.ada)
    await world.join(world.ada, theirs, world.bob, Role.VIEWER)
    await world.services.projects.set_member(world.ada, theirs, "user", "bob", Role.ADMIN)
    assert (await world.services.projects.get(world.bob, theirs)).role == "admin"


async def test_invitations_are_paged_and_those_of_one_name_are_told_apart(world) -> None:
    projects = world.services.projects
    for n in range(3):
        owner = Caller(f"p{n}", scopes=SCOPES)
        await projects.set_member(owner, await project(world, owner), "user", "bob", Role.MEMBER)
    first = await projects.invitations(world.bob, None, 2)
    rest = await projects.invitations(world.bob, first.next, 2)
    assert [each.owner for each in (*first.items, *rest.items)] == ["p2", "p1", "p0"]
    assert rest.next is None
    with pytest.raises(AmbiguousProject, match="p0/team-x, p1/team-x, p2/team-x"):
        await projects.accept(world.bob, "team-x")
    assert (await projects.accept(world.bob, "p1/team-x")).owner == "p1"


async def test_the_owner_is_not_invited(world) -> None:
    theirs = await project(world, world.ada)
    with pytest.raises(InvalidRequest, match="owns"):
        await world.services.projects.set_member(world.ada, theirs, "user", "ada", Role.VIEWER)


async def test_a_project_has_a_bounded_number_of_members(world, monkeypatch) -> None:
    monkeypatch.setattr("perijove_scheduler.store.projects.MOST_MEMBERS", 2)
    theirs = await project(world, world.ada)
    for name in ("a", "b", "a"):
        await world.services.projects.set_member(world.ada, theirs, "user", name, Role.VIEWER)
    with pytest.raises(Conflict, match="at most"):
        await world.services.projects.set_member(world.ada, theirs, "user", "c", Role.VIEWER)
