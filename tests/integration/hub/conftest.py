"""Bare HTTP clients of the service, and a browser's session."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from browsers import signed_in
from perijove_local.hub import Hub

from perijove.client.client import Client


def _bare(client: Client) -> httpx.Client:
    headers = {"Authorization": f"token {client.settings.token}"}
    return httpx.Client(base_url=client.settings.url, headers=headers, timeout=30)


@pytest.fixture
def http(alice: Client) -> Iterator[httpx.Client]:
    """A client with alice's token, based at the service's own address."""
    with _bare(alice) as client:
        yield client


@pytest.fixture
def http_of_bob(bob: Client) -> Iterator[httpx.Client]:
    """The same with bob's token."""
    with _bare(bob) as client:
        yield client


@pytest.fixture
def http_of_admin(admin: Client) -> Iterator[httpx.Client]:
    """The same with an administrator's token."""
    with _bare(admin) as client:
        yield client


@pytest.fixture
def nobody(hub: Hub) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=hub.service_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def own_address(hub: Hub, admin: Client) -> str:
    """Where the service itself listens: the Hub's proxy mends or holds back some of what is odd."""
    headers = {"Authorization": f"token {admin.settings.token}"}
    told = httpx.get(f"{hub.url}hub/api/services/perijove", headers=headers, timeout=60).raise_for_status().json()
    return f"{told['url']}/services/perijove/"


@pytest.fixture
def browser(hub: Hub) -> Iterator[httpx.Client]:
    """A browser in which alice has signed in to the Hub with the password of its data folder."""
    with signed_in(hub, "alice") as client:
        yield client
