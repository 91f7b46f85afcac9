"""People, projects and groups through a real Hub: whose name is whose, and what the Hub knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from perijove_local.hub import Hub

from perijove.client.client import Client
from perijove.errors import AmbiguousProject, Forbidden, InvalidSpec, UnknownExecution
from perijove.model.fleet import GroupSettings

HubApi = Callable[..., httpx.Response]


@pytest.fixture
def hub_api(hub: Hub, admin: Client) -> HubApi:
    """Asks the Hub's own API, as its administrator."""
    headers = {"Authorization": f"token {admin.settings.token}"}

    def ask(method: str, path: str, **body: Any) -> httpx.Response:
        answer = httpx.request(method, f"{hub.url}hub/api/{path}", json=body, headers=headers, timeout=60)
        return answer.raise_for_status()

    return ask


@pytest.fixture
def account(hub: Hub, hub_api: HubApi) -> Iterator[Callable[[str], Client]]:
    """Makes a user of the Hub and returns their client; a user of that name is removed before."""
    with ExitStack() as stack:

        def make(name: str) -> Client:
            if any(user["name"] == name for user in hub_api("GET", "users").json()):
                hub_api("DELETE", f"users/{name}")
            hub_api("POST", f"users/{name}")
            token = hub_api("POST", f"users/{name}/tokens", note="test").json()["token"]
            return stack.enter_context(Client(hub.service_url, token))

        yield make


def test_owner_and_name_mean_one_project_through_the_hubs_proxy(alice: Client, bob: Client) -> None:
    mine, theirs = alice.projects.create("named-alike"), bob.projects.create("named-alike")
    bob.projects.set_member("named-alike", "user", "alice", "member")
    assert alice.projects.get("named-alike").id == mine.id
    assert [(each.owner, each.name, each.invited_by) for each in alice.projects.invitations()] == [
        ("bob", "named-alike", "bob")
    ]
    assert alice.projects.accept("bob/named-alike").id == theirs.id
    with pytest.raises(AmbiguousProject, match="alice/named-alike, bob/named-alike"):
        alice.projects.get("named-alike")
    assert alice.projects.get("bob/named-alike").id == theirs.id
    with pytest.raises(UnknownExecution, match="bob/named-alike"):
        alice.executions.find("bob/named-alike/1")
    alice.projects.decline("bob/named-alike")
    assert alice.projects.get("named-alike").id == mine.id
    alice.projects.delete("named-alike")
    bob.projects.delete("named-alike")


def test_a_new_account_of_an_old_name_starts_with_nothing_and_a_hand_over_gives_it(
    account: Callable[[str], Client], admin: Client, bob: Client
) -> None:
    made = account("passing").projects.create("precious")
    assert [each.id for each in account("passing").projects.list()] == []
    (entry,) = [each for each in admin.accounts.audit() if each.source == "passing"]
    assert (entry.action, entry.actor, entry.target.startswith("former:passing:")) == ("park", "perijove", True)
    given = admin.accounts.hand_over(entry.target, "bob", key="give-it")
    assert given.detail["projects"] == 1
    assert admin.accounts.hand_over(entry.target, "bob", key="give-it") == given
    assert bob.projects.get("precious").id == made.id
    bob.projects.delete("precious")


@pytest.mark.parametrize("name", ["service:perijove-setup", "former:alice:x"])
def test_a_hub_user_named_like_a_service_or_a_former_account_is_refused(
    account: Callable[[str], Client], hub_api: HubApi, name: str
) -> None:
    with pytest.raises(Forbidden, match="begins as only names of services"):
        account(name).info()
    hub_api("DELETE", f"users/{name}")


def test_what_is_read_of_a_resource_can_be_written_back(admin: Client, http_of_admin: httpx.Client, hub_api) -> None:
    hub_api("POST", "groups/round-trip")
    settings = GroupSettings(owners=["round-trip"], warm_kernels=3, description="d", max_workers=2, grace_period=7)
    admin.groups.create("round-trip", settings)
    project = admin.projects.create("round-trip")
    http_of_admin.put(f"api/v1/projects/{project.id}/retention", json={"logs": 30, "code": 7}).raise_for_status()
    for address in ("api/v1/groups/round-trip", f"api/v1/projects/{project.id}/retention"):
        read = http_of_admin.get(address).raise_for_status().json()
        http_of_admin.put(address, json=read).raise_for_status()
        assert http_of_admin.get(address).json() == read
    read = http_of_admin.get("api/v1/groups/round-trip").json()
    assert (read["owners"], read["warm_kernels"], read["grace_period"]) == (["round-trip"], 3, 7)
    changed = admin.groups.change("round-trip", {"warm_kernels": 0, "grace_period": None})
    assert (changed.warm_kernels, changed.grace_period, changed.owners) == (0, 300, ["round-trip"])
    admin.groups.delete("round-trip")
    admin.projects.delete("round-trip")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_owners_that_are_no_groups_of_the_hub_are_refused(admin: Client, http_of_admin, method: str) -> None:
    name = f"of-nobody-{method.lower()}"
    settings = {"owners": ["no-such-group"]}
    if method == "POST":
        with pytest.raises(InvalidSpec, match="The Hub has no group no-such-group"):
            admin.groups.create(name, GroupSettings(**settings))
        return
    admin.groups.create(name, GroupSettings())
    refused = http_of_admin.request(method, f"api/v1/groups/{name}", json=settings)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_spec")
    assert admin.groups.get(name).owners == []
    admin.groups.delete(name)


def test_a_body_that_names_another_group_is_refused(http_of_admin: httpx.Client) -> None:
    refused = http_of_admin.put("api/v1/groups/local", json={"name": "other"})
    assert (refused.status_code, "other" in refused.json()["error"]["message"]) == (409, True)


def test_a_group_made_twice_with_one_key_has_one_token(admin: Client) -> None:
    first = admin.groups.create("made-once", GroupSettings(), key="a-key-of-this-test")
    assert admin.groups.create("made-once", GroupSettings(), key="a-key-of-this-test").token == first.token
    admin.groups.delete("made-once")
