"""Projects over REST."""

from __future__ import annotations

from typing import Literal

from perijove.client.api import Api, Driver, endpoint, fetch, pages, path, stream
from perijove.client.bodies import checked, creation
from perijove.client.flow import Flow, Request, Stream
from perijove.client.transfer import send
from perijove.model.resources import CreateProject, Project, Role, SetMember

MemberKind = Literal["user", "group"]


class Projects(Api[Driver]):
    """The projects the caller can see; `project` is a name or an id."""

    @stream
    def list(self, limit: int | None = None) -> Stream[Project]:
        """Iterate over the projects."""
        return pages(Project, "projects", {}, limit)

    @endpoint
    def get(self, project: str) -> Flow[Project]:
        """Return a project with its members."""
        return fetch(Project, Request("GET", path("projects", project)))

    @endpoint
    def create(self, name: str, *, key: str | None = None) -> Flow[Project]:
        """Make a project; the caller becomes its admin."""
        body = checked(CreateProject, name=name).model_dump(mode="json")
        return fetch(Project, creation("projects", body, key))

    @endpoint
    def delete(self, project: str) -> Flow[None]:
        """Delete a project."""
        yield from send(Request("DELETE", path("projects", project)))

    @endpoint
    def set_member(self, project: str, kind: MemberKind, name: str, role: Role | str) -> Flow[Project]:
        """Give a Hub user, or everybody of a Hub group, a role."""
        body = checked(SetMember, role=role).model_dump(mode="json")
        return fetch(Project, Request("PUT", path("projects", project, "members", kind, name), json=body))

    @endpoint
    def remove_member(self, project: str, kind: MemberKind, name: str) -> Flow[None]:
        """Take a member's role away."""
        yield from send(Request("DELETE", path("projects", project, "members", kind, name)))
