"""The query strings the routes take."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator

from perijove.model.base import Model
from perijove.model.ids import Reference
from perijove.model.status import Status
from perijove.patterns import ID_PATTERN

_POSITION = re.compile(r"(\d{1,9})-(\d{1,15})")
#: The most a database counts to.
_MOST = 2**31 - 1
Cursor = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class Paging(Model):
    """Where a list starts and how much of it comes."""

    limit: Annotated[int, Field(ge=1, le=500, description="How many items at most")] = 50
    cursor: Annotated[Cursor | None, Field(description="The `next` of the page before")] = None


class ListExecutions(Paging):
    """Which executions to list; every condition given must hold."""

    project: Annotated[Reference | None, Field(description="A project's id, `owner/name` or name")] = None
    owner: Annotated[Reference | None, Field(description="Who submitted it")] = None
    status: Annotated[Status | None, Field(description="Its status")] = None
    group: Annotated[Reference | None, Field(description="The worker group's name")] = None
    tag: Annotated[Reference | None, Field(description="One of its tags")] = None
    search: Annotated[
        Reference | None,
        Field(description="Words of its title, notebook path, command, tags, group, owner, project or number"),
    ] = None
    number: Annotated[int | None, Field(ge=1, le=_MOST, description="Its number within its project")] = None
    metadata: Annotated[
        Reference | None,
        Field(description="Which metadata each carries, with commas between; else as much as there is room for"),
    ] = None


class Compare(Model):
    """Which executions to set side by side."""

    id: Annotated[list[Reference], Field(min_length=2, max_length=20, description="An execution; two to twenty times")]


class After(Model):
    """From which record an event stream goes on."""

    after: Annotated[
        str | None,
        Field(
            description="`<attempt>-<n>`: what comes after it; as `Last-Event-ID`",
            json_schema_extra={"pattern": rf"^({_POSITION.pattern})?$"},
        ),
    ] = None

    @field_validator("after")
    @classmethod
    def _a_position(cls, value: str | None) -> str | None:
        position(value)
        return value


class OfAttempt(Model):
    """Which attempt; by default the latest."""

    attempt: Annotated[int | None, Field(ge=1, le=_MOST, description="The attempt; by default the latest")] = None


class WhichNotebook(Model):
    """Which of an execution's two notebooks."""

    which: Annotated[
        Literal["executed", "submitted"], Field(description="With its outputs, or as it was submitted")
    ] = "executed"


class OfProject(Model):
    """Which project; by default the caller's personal one."""

    project: Annotated[
        Reference | None, Field(description="A project's id, `owner/name` or name; else your personal one")
    ] = None


class Signature(BaseModel):
    """What a signed URL carries beside its path; the service made it, nobody else can."""

    verb: Annotated[str, Field(description="`GET` or `PUT`")] = ""
    expires: Annotated[str, Field(description="Until when, in seconds since the epoch")] = ""
    name: Annotated[str, Field(description="The file name a download gets")] = ""
    type: Annotated[str, Field(description="The media type a download gets")] = ""
    signature: Annotated[str, Field(description="The HMAC over the verb, the key and all of these")] = ""


def position(text: str | None) -> tuple[int, int] | None:
    """Return the attempt and number in ``<attempt>-<n>``; None for none."""
    if not text:
        return None
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError("must look like '<attempt>-<n>', for instance '1-57'")
    return int(match[1]), int(match[2])
