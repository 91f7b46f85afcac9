"""Hub accounts over REST; it takes an administrator."""

from __future__ import annotations

from perijove.client.api import Api, Driver, endpoint, fetch, pages, path, stream
from perijove.client.bodies import checked, creation
from perijove.client.flow import Flow, Stream
from perijove.model.resources import AuditEntry, HandOver, Page


class Accounts(Api[Driver]):
    """Who owns what by their Hub account's name."""

    @endpoint
    def hand_over(self, user: str, to: str, *, key: str | None = None) -> Flow[AuditEntry]:
        """Give all that a user owns to another: projects, executions, memberships."""
        body = checked(HandOver, to=to).model_dump(mode="json")
        return fetch(AuditEntry, creation(path("users", user, "hand-over"), body, key))

    @stream
    def audit(self, limit: int | None = None) -> Stream[AuditEntry]:
        """Iterate over what was handed over, or kept away from a new account, the newest first."""
        return pages(Page[AuditEntry], "audit", {}, limit)
