"""Request and answer bodies that only the service itself needs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import create_model

from perijove.model.base import Model, Resource
from perijove.model.fleet import Group, GroupSettings
from perijove.model.ids import Name


class CreateGroup(Model):
    """The body of POST groups."""

    name: Name
    settings: GroupSettings = GroupSettings()


class _Group(GroupSettings):
    """A group's settings, beside what else is read of it."""

    def settings(self) -> GroupSettings:
        """Return the settings alone."""
        return GroupSettings.model_validate(self.model_dump(include=set(GroupSettings.model_fields)))


def _beside(resource: type[Resource], settings: type[Model]) -> dict[str, Any]:
    """Return those fields of what is read that are no settings; none of them has to be given."""
    fields: dict[str, Any] = {}
    for name, field in resource.model_fields.items():
        if name not in settings.model_fields:
            kind: Any = field.annotation
            fields[name] = (kind | None, None)
    return fields


ReplaceGroup: type[Model] = create_model(
    "ReplaceGroup",
    __base__=_Group,
    __doc__="The body of PUT groups/{group}: a group as it is read, or its settings only. What a group's settings do "
    "not say, such as how many workers it has, may stand in it and changes nothing.",
    **_beside(Group, GroupSettings),
)


def _optional(settings: type[Model]) -> dict[str, Any]:
    """Return the fields of a model, none of which has to be given; null stands for a setting's default."""
    fields: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        kind: Any = field.annotation
        fields[name] = ((Annotated[(kind, *field.metadata)] if field.metadata else kind) | None, None)
    return fields


ChangeGroup: type[Model] = create_model(
    "ChangeGroup",
    __base__=Model,
    __doc__="The body of PATCH groups/{group}: the settings to change; null sets one back to its default.",
    **_optional(GroupSettings),
)


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
