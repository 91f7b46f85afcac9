"""Worker groups over REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perijove.client.api import Api, Driver, endpoint, fetch, pages, path, stream
from perijove.client.bodies import checked, creation
from perijove.client.flow import Flow, Request, Stream
from perijove.client.transfer import send
from perijove.model.base import Resource
from perijove.model.fleet import Group, GroupSettings, LimitedToken, NewToken, Worker
from perijove.model.resources import Page


class EnrolledGroup(Resource):
    """A new group, and the token its agents enrol with; it is told once."""

    group: Group
    token: str


class Groups(Api[Driver]):
    """The worker groups the caller can use; changing them takes an administrator."""

    @stream
    def list(self) -> Stream[Group]:
        """Iterate over the groups."""
        return pages(Page[Group], "groups", {})

    @endpoint
    def get(self, group: str) -> Flow[Group]:
        """Return a group."""
        return fetch(Group, Request("GET", path("groups", group)))

    @endpoint
    def create(self, name: str, settings: GroupSettings, *, key: str | None = None) -> Flow[EnrolledGroup]:
        """Make a group; return it with its enrolment token."""
        body = {"name": name, "settings": settings.model_dump(mode="json", by_alias=True)}
        return fetch(EnrolledGroup, creation("groups", body, key))

    @endpoint
    def update(self, group: str, settings: GroupSettings) -> Flow[Group]:
        """Replace a group's settings."""
        body = settings.model_dump(mode="json", by_alias=True)
        return fetch(Group, Request("PUT", path("groups", group), json=body))

    @endpoint
    def change(self, group: str, settings: Mapping[str, Any]) -> Flow[Group]:
        """Change some of a group's settings, by their names; None sets one back to its default."""
        return fetch(Group, Request("PATCH", path("groups", group), json={**settings}))

    @endpoint
    def delete(self, group: str) -> Flow[None]:
        """Delete a group."""
        yield from send(Request("DELETE", path("groups", group)))

    @endpoint
    def new_token(self, group: str, *, key: str | None = None) -> Flow[str]:
        """Replace a group's enrolment token; agents that are enrolled stay."""
        response = yield from send(creation(path("groups", group, "token"), {}, key))
        return str(response.json()["token"])

    @endpoint
    def limited_token(
        self, group: str, uses: int = 1, expires_in: int = 86_400, *, key: str | None = None
    ) -> Flow[LimitedToken]:
        """Make a token with which `uses` agents may enrol within `expires_in` seconds; the group's own stays."""
        body = checked(NewToken, uses=uses, expires_in=expires_in).model_dump(mode="json")
        return fetch(LimitedToken, creation(path("groups", group, "tokens"), body, key))

    @endpoint
    def evict(self, group: str, worker: str) -> Flow[None]:
        """Put a worker out at once: its rights end, and what it holds counts as lost."""
        yield from send(Request("DELETE", path("groups", group, "workers", worker)))

    @endpoint
    def workers(self, group: str) -> Flow[Sequence[Worker]]:
        """Return a group's workers."""
        response = yield from send(Request("GET", path("groups", group, "workers")))
        return Page[Worker].model_validate_json(response.content).items

    @endpoint
    def drain(self, group: str, worker: str) -> Flow[Worker]:
        """Tell a worker to take nothing new and to leave when its work is done."""
        return fetch(Worker, Request("POST", path("groups", group, "workers", worker, "drain")))
