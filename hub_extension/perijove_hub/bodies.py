"""Request and answer bodies that only the service itself needs."""

from __future__ import annotations

from perijove.model.base import Model, Resource
from perijove.model.fleet import Group, GroupSettings
from perijove.model.ids import Name


class CreateGroup(Model):
    """The body of POST groups."""

    name: Name
    settings: GroupSettings = GroupSettings()


class CreatedGroup(Resource):
    """A new group, and the token its agents enrol with; the service keeps only the token's digest."""

    group: Group
    token: str


class EnrolmentToken(Resource):
    """A group's new enrolment token; the one before is worth nothing any more."""

    token: str


class Release(Model):
    """The body of POST agents/{worker}/release: an agent leaves, and says so with its group's enrolment token."""

    group: Name
    token: str


class Health(Resource):
    """Whether the service's parts answer; `leading` is whether the loops run in this replica, and not in another."""

    status: str
    database: bool
    redis: bool
    leading: bool
