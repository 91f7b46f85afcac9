"""A Hub name is not a person: what belongs to one goes to another by an administrator, and never by itself."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from perijove.errors import Conflict, Forbidden, InvalidRequest, NotFound, UnknownProject
from perijove.model.resources import CreateProject, Role
from perijove_scheduler.services.caller import FORMER, Caller

FIRST, SECOND = "2026-01-02T03:04:05.678901Z", "2026-11-26T10:00:00.000001Z"
GRACE = Caller("grace", frozenset(), frozenset({"read", "submit"}))


async def owned(world) -> tuple[str, str]:
    """Let ada own a project and an execution in her personal one, and be a member of bob's."""
    await world.services.projects.create(world.ada, CreateProject(name="vision"))
    await world.services.projects.create(world.bob, CreateProject(name="bobs"))
    await world.join(world.bob, "bobs", world.ada, Role.MEMBER)
    made = await world.submit(world.ada, key="k")
    return made.id, made.project


async def names(world, caller: Caller) -> set[str]:
    return {f"{each.owner}/{each.name}" for each in (await world.services.projects.list(caller)).items}


async def test_a_new_account_of_an_old_name_starts_with_nothing(local) -> None:
    accounts = local.services.accounts
    await accounts.meet("ada", FIRST)
    execution, project = await owned(local)
    await accounts.meet("ada", FIRST)
    assert await names(local, local.ada) == {"ada/ada", "ada/vision", "bob/bobs"}
    await accounts.meet("ada", SECOND)
    assert await names(local, local.ada) == set()
    with pytest.raises(NotFound):
        await local.services.executions.get(local.ada, execution)
    assert (await local.submit(local.ada, key="k")).number == 1
    (entry,) = (await accounts.audit(local.admin)).items
    assert (entry.actor, entry.action, entry.source) == ("perijove", "park", "ada")
    assert entry.target.startswith(f"{FORMER}ada:")
    assert (await local.services.projects.get(local.admin, project)).owner == entry.target


async def test_what_was_kept_away_is_handed_over_by_an_administrator(local) -> None:
    accounts = local.services.accounts
    await accounts.meet("ada", FIRST)
    execution, _ = await owned(local)
    await accounts.meet("ada", SECOND)
    (entry,) = (await accounts.audit(local.admin)).items
    given = await accounts.hand_over(local.admin, entry.target, "grace")
    assert given.detail == {"projects": 2, "executions": 1, "memberships": 1}
    assert (await local.services.executions.get(GRACE, execution)).owner == "grace"


async def test_many_requests_of_a_new_account_at_once_keep_it_away_once(local) -> None:
    await local.services.accounts.meet("ada", FIRST)
    await owned(local)
    await asyncio.gather(*(local.services.accounts.meet("ada", SECOND) for _ in range(8)))
    assert len((await local.services.accounts.audit(local.admin)).items) == 1


async def test_an_earlier_account_whose_token_is_still_remembered_takes_nothing_back(local) -> None:
    accounts = local.services.accounts
    await accounts.meet("ada", SECOND)
    await owned(local)
    with pytest.raises(Forbidden, match="older"):
        await accounts.meet("ada", FIRST)
    assert await names(local, local.ada) == {"ada/ada", "ada/vision", "bob/bobs"}
    assert (await accounts.audit(local.admin)).items == []


async def test_a_hub_whose_database_was_made_anew_may_say_that_people_are_the_same(local) -> None:
    await local.services.accounts.meet("ada", FIRST)
    await owned(local)
    await local.services.accounts.meet("ada", SECOND, keeps=True)
    assert await names(local, local.ada) == {"ada/ada", "ada/vision", "bob/bobs"}
    await local.services.accounts.meet("ada", SECOND)
    assert await names(local, local.ada) == {"ada/ada", "ada/vision", "bob/bobs"}


async def test_a_user_who_was_renamed_has_everything_again_after_the_hand_over(local) -> None:
    execution, project = await owned(local)
    entry = await local.services.accounts.hand_over(local.admin, "ada", "grace")
    assert (entry.actor, entry.action, entry.source, entry.target) == ("root", "hand_over", "ada", "grace")
    assert await names(local, GRACE) == {"grace/grace", "grace/vision", "bob/bobs"}
    assert (await local.services.executions.get(GRACE, execution)).owner == "grace"
    assert (await local.submit(GRACE)).project == project
    assert (await local.submit(GRACE, key="k")).id == execution
    assert await names(local, local.ada) == set()


async def test_a_name_that_was_handed_over_is_a_new_persons(local) -> None:
    accounts = local.services.accounts
    await accounts.meet("ada", FIRST)
    await owned(local)
    await accounts.hand_over(local.admin, "ada", "grace")
    await accounts.meet("ada", SECOND)
    assert [each.action for each in (await accounts.audit(local.admin)).items] == ["hand_over"]


async def test_names_that_are_taken_already_get_a_number(local) -> None:
    await owned(local)
    await local.submit(GRACE)
    await local.services.projects.create(GRACE, CreateProject(name="vision"))
    await local.services.accounts.hand_over(local.admin, "ada", "grace")
    expected = {"grace/grace", "grace/vision", "grace/ada", "grace/vision-2", "bob/bobs"}
    assert await names(local, GRACE) == expected


async def test_of_two_memberships_the_better_stays_and_an_owner_needs_none(local) -> None:
    await owned(local)
    await local.services.projects.set_member(local.bob, "bobs", "user", "grace", Role.ADMIN)
    await local.join(local.ada, "vision", GRACE, Role.VIEWER)
    await local.services.accounts.hand_over(local.admin, "ada", "grace")
    shared = await local.services.projects.get(GRACE, "bob/bobs")
    assert (shared.role, len(shared.members)) == ("member", 1)
    mine = await local.services.projects.get(GRACE, "vision")
    assert (mine.role, mine.members) == ("admin", [])


async def test_only_an_administrator_hands_over_and_reads_the_audit(local) -> None:
    await owned(local)
    for ask in (local.services.accounts.hand_over(local.ada, "ada", "bob"), local.services.accounts.audit(local.ada)):
        with pytest.raises(Forbidden):
            await ask


@pytest.mark.parametrize("to", ["ada", "", f"{FORMER}x", "a\nb"])
async def test_what_is_no_name_gets_nothing(local, to: str) -> None:
    await owned(local)
    with pytest.raises((InvalidRequest, Conflict)):
        await local.services.accounts.hand_over(local.admin, "ada", to)
    assert (await local.services.projects.get(local.ada, "vision")).owner == "ada"


async def test_of_nothing_there_is_nothing_to_hand_over(local) -> None:
    with pytest.raises(NotFound, match="Nothing belongs"):
        await local.services.accounts.hand_over(local.admin, "nobody", "grace")
    assert (await local.services.accounts.audit(local.admin)).items == []


async def test_the_audit_is_paged_and_keeps_the_newest(local, monkeypatch) -> None:
    monkeypatch.setattr("perijove_scheduler.store.accounts.AUDIT_KEPT", 3)
    accounts = local.services.accounts
    await local.services.projects.create(local.ada, CreateProject(name="vision"))
    people = ["ada", "b", "c", "d", "e", "f"]
    for source, target in itertools.pairwise(people):
        await accounts.hand_over(local.admin, source, target)
    first = await accounts.audit(local.admin, None, 2)
    rest = await accounts.audit(local.admin, first.next, 2)
    assert [each.target for each in (*first.items, *rest.items)] == ["f", "e", "d"]
    assert rest.next is None
    with pytest.raises(UnknownProject):
        await local.services.projects.get(local.ada, "vision")
