"""What the REST API takes and answers. JSON names are snake_case; a spec inside keeps its kebab-case.

Times are RFC 3339 strings in UTC, by the database's clock.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, StringConstraints

from perijove.model.base import Model, Resource
from perijove.model.events import LeftOut
from perijove.model.ids import REFERENCE_PATTERN, ExecutionId, Line, Name, Reference
from perijove.model.reasons import Reason
from perijove.model.records import Phase
from perijove.model.spec import ParameterValue, Spec
from perijove.model.status import Status

T = TypeVar("T")


class Page(Resource, Generic[T]):
    """One page of a list; `next` is the cursor of the following one, or None at the end."""

    items: list[T]
    next: str | None = None


class Role(str, Enum):
    """What a member may do in a project; each role includes the ones before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


class Member(Resource):
    """A Hub user, or everybody of a Hub group, in a project.

    `invited` users have not accepted yet: until then the role does not hold, and only the project's admins see them.
    """

    kind: Literal["user", "group"]
    name: str
    role: Role
    invited: bool = False


class Project(Resource):
    """Owns executions, code versions, settings and members. `role` is the caller's."""

    id: str
    name: str
    owner: str
    role: Role
    executions: int
    created_at: datetime
    members: list[Member] = []


class Invitation(Resource):
    """A project that somebody asks the caller to join: its id, its name, its owner, and the role it would give."""

    project: str
    name: str
    owner: str
    role: Role
    invited_by: str


class HandOver(Model):
    """The body of POST users/{user}/hand-over: who gets what that user owns."""

    to: Annotated[str, StringConstraints(pattern=REFERENCE_PATTERN, max_length=255)]


class AuditEntry(Resource):
    """Something that was done with what belongs to people: who did what, and when, from whom and to whom."""

    id: str
    at: datetime
    actor: str
    action: str
    source: str
    target: str
    detail: dict[str, int]


class CreateProject(Model):
    """The body of POST projects."""

    name: Name


class SetMember(Model):
    """The body of PUT projects/{project}/members/{kind}/{name}."""

    role: Role


class CreateExecution(Model):
    """The body of POST executions.

    `project` is a project's id, `owner/name` or name; by default the caller's personal project, which carries their
    name and is made when it is first needed. `notebook` is the converted document of a notebook spec.
    """

    project: Reference | None = None
    spec: Spec
    notebook: dict[str, Any] | None = None


class CreateExecutions(Model):
    """The body of POST executions/batch: all of them are made, or none.

    `notebook` is the converted document that every notebook spec runs which does not name a stored one by its digest.
    """

    project: Reference | None = None
    specs: Annotated[list[Spec], Field(min_length=1, max_length=10_000)]
    notebook: dict[str, Any] | None = None


class StopExecutions(Model):
    """The body of POST executions/stop: all of them are asked to stop, or none where one is not yours to stop."""

    executions: Annotated[list[ExecutionId], Field(min_length=1, max_length=10_000)]


class Stopping(Resource):
    """How many executions a request stopped, or asked to stop; those that had ended or were stopping do not count."""

    stopping: int


class CopyExecution(Model):
    """The body of POST executions/{id}/copy: what differs from the original. Parameters are merged by name."""

    parameters: dict[str, ParameterValue] = {}
    title: Line | None = None
    tags: list[str] | None = None
    group: Name | None = None


class Progress(Resource):
    """`done` of `total` cells or commands."""

    done: int
    total: int


class Attempt(Resource):
    """One try at an execution."""

    attempt: int
    worker: str | None
    started_at: datetime | None
    finished_at: datetime | None
    reason: Reason | None
    records: int | None
    archived: bool


class Execution(Resource):
    """One execution as everybody sees it; `sentence` and `hint` say in words why it stands where it stands.

    `left_out` counts the files it left that are not among its outputs.
    `waits_for` is a sentence about what holds a started one up just now, such as a store that is full; empty if nothing
    does.
    Where it is one of many, and in its event stream, `metadata` holds as much as a list has room for, or what was
    asked for, and `metadata_truncated` says that there is more: `GET executions/{execution}` has it.
    """

    id: str
    number: int
    project: str
    project_name: str
    owner: str
    status: Status
    reason: Reason | None
    detail: str
    sentence: str
    hint: str
    attempt: int
    phase: Phase | None
    waits_for: str
    progress: Progress | None
    left_out: int = 0
    metadata: dict[str, Any]
    metadata_truncated: bool = False
    spec: Spec
    worker: str | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    url: str


class CreatedExecution(Resource):
    """One execution of a batch, in short: `GET executions/{id}` has the rest."""

    id: str
    number: int


class CreatedExecutions(Resource):
    """What a batch made, in the order of its specs; what was deleted since is left out of a repeated answer."""

    project: str
    executions: list[CreatedExecution]


class ExecutionDetail(Execution):
    """An execution with its attempts and the environment it really ran in.

    `left_out_files` names the first of the files that are not among its outputs, and says why.
    """

    attempts: list[Attempt]
    environment: dict[str, Any]
    left_out_files: list[LeftOut] = []


class Why(Resource):
    """What an execution is waiting for, in a sentence."""

    sentence: str
    hint: str = ""
    position: int | None = None
    waiting: int | None = None


class Output(Resource):
    """A datum: one output file of an execution."""

    id: str
    execution: str
    name: str
    size: int
    sha256: str
    media_type: str
    created_at: datetime
    url: str


class Outputs(Page[Output]):
    """A page of an execution's outputs, and the files it left that are not among them.

    `left_out` counts those; `left_out_files` names the first of them and says why.
    """

    left_out: int = 0
    left_out_files: list[LeftOut] = []


class MetadataPoint(Resource):
    """One metadata record: its number in the attempt, its time, its values."""

    n: int
    t: float
    values: dict[str, Any]


class Metadata(Resource):
    """An execution's metadata: the latest value of every key, and its points in order.

    There are `total` points; where they are too many for one answer, `points` has every second, fourth … (`every`) of
    them, from the first on, and the last.
    """

    latest: dict[str, Any]
    points: list[MetadataPoint]
    total: int = 0
    every: int = 1


class Comparison(Resource):
    """Several executions side by side: for each key one value per execution, None where it has none."""

    executions: list[Execution]
    parameters: dict[str, list[Any]]
    metadata: dict[str, list[Any]]
    environment: dict[str, list[Any]]


class Code(Resource):
    """A stored code version."""

    id: str
    project: str
    size: int
    created_by: str
    created_at: datetime


class Info(Resource):
    """What the service says of itself and of the caller.

    `replica` is the name of the one that answers, `leader` that of the one whose loops run; administrators see them.
    """

    version: str
    user: str | None
    admin: bool
    scopes: list[str]
    snapshot_limit: int
    notebook_limit: int
    replica: str | None = None
    leader: str | None = None
