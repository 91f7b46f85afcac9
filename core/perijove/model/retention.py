"""For how long what has ended is kept, and what a sweep removes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from perijove.model.base import Model, Resource

Days = Annotated[int, Field(ge=1, le=36_500)]
#: What may be removed: records, outputs, code versions, whole executions, and uploads that belong to nothing.
Kind = Literal["logs", "outputs", "code", "executions", "orphans"]


class RetentionSettings(Model):
    """For how many days what has ended is kept; None: for ever, or in a project: as the platform says.

    Attributes
    ----------
    logs, outputs, executions : int, optional
        Days after an execution's end: its records, its output files, all that is left of it.
    code : int, optional
        Days after a code version was stored, when no execution uses it.

    Whatever they say, an execution with a tag stays as it is, and so does an output that is an input of another.
    """

    logs: Days | None = None
    outputs: Days | None = None
    code: Days | None = None
    executions: Days | None = None

    def over(self, platform: RetentionSettings) -> RetentionSettings:
        """Return these settings with the platform's where they say nothing."""
        return platform.model_copy(update={name: days for name, days in self if days is not None})


class Removal(Resource):
    """What of one kind, in one project, is removed: how many, and the bytes of their files. Orphans have no project."""

    kind: Kind
    project: str | None
    count: int
    bytes: int


class RetentionReport(Resource):
    """What the next sweep would remove if it ran now, and when the last one ran.

    Attributes
    ----------
    withheld : list of str
        The kinds of which it would be so large a share that a sweep removes them only when it is asked to.
    """

    settings: RetentionSettings
    swept_at: datetime | None
    removals: list[Removal]
    withheld: list[Kind] = []


class SweepRequest(Model):
    """A sweep that is asked for; `all` says that it may remove however large a share there is to remove."""

    all: bool = False
