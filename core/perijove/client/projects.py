"""Projects over REST."""

from __future__ import annotations

from typing import Literal

from perijove.client.api import Api, Driver, endpoint, fetch, pages, path, stream
from perijove.client.bodies import checked, creation
from perijove.client.flow import Flow, Request, Stream
from perijove.client.transfer import send
from perijove.model.resources import CreateProject, Invitation, Page, Project, Role, SetMember

MemberKind = Literal["user", "group"]


class Projects(Api[Driver]):
    """The projects the caller can see; `project` is an id, ``owner/name``, or a name that only one of them has."""

    @stream
    def list(self, limit: int | None = None) -> Stream[Project]:
        """Iterate over the projects."""
        return pages(Page[Project], "projects", {}, limit)

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
        """Give everybody of a Hub group a role, or offer it to a Hub user, for whom it holds once they accept it."""
        body = checked(SetMember, role=role).model_dump(mode="json")
        return fetch(Project, Request("PUT", path("projects", project, "members", kind, name), json=body))

    @endpoint
    def remove_member(self, project: str, kind: MemberKind, name: str) -> Flow[None]:
        """Take a member's role, or an invitation, away."""
        yield from send(Request("DELETE", path("projects", project, "members", kind, name)))

    @stream
    def invitations(self) -> Stream[Invitation]:
        """Iterate over the projects that others ask the caller to join."""
        return pages(Page[Invitation], "invitations", {})

    @endpoint
    def accept(self, project: str, *, key: str | None = None) -> Flow[Project]:
        """Join a project."""
        return fetch(Project, creation(path("invitations", project, "accept"), None, key))

    @endpoint
    def decline(self, project: str, *, key: str | None = None) -> Flow[None]:
        """Do not join a project, or leave it."""
        yield from send(creation(path("invitations", project, "decline"), None, key))
