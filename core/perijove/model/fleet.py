"""What the REST API takes and answers about worker groups and the agents in them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from perijove.model.base import Model, Resource
from perijove.model.ids import Line, Name, Reference, WorkerId
from perijove.model.spec import Resources

#: The runtimes that exist. A group that asks for another is refused, and so is an agent that would not have it.
RUNTIMES = frozenset({"process"})
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"


class Group(Resource):
    """A worker group as its users see it; of its `owners` everybody sees the Hub groups they are in themselves.

    `note` says of a change what could not be checked. `isolation` is what keeps its work apart from the agent and from
    other work: ``unsandboxed`` is nothing, it runs as the agent's own user.
    """

    name: str
    description: str
    runtime: Literal["process", "docker"]
    isolation: Literal["unsandboxed"] = "unsandboxed"
    image: str | None
    provider: str
    min_workers: int
    max_workers: int
    grace_period: int
    capacity: Resources
    warm_kernels: int = 1
    owners: list[str] = []
    workers: int
    idle: int
    waiting: int
    running: int
    note: str = ""


class GroupSettings(Model):
    """What an administrator sets of a worker group.

    Attributes
    ----------
    provider : str
        What starts its machines: ``process`` (on the master's own machine), or ``manual`` (somebody starts agents).
    capacity : Resources
        What one worker offers.
    grace_period : int
        Seconds an idle worker is kept.
    owners : list of str
        Hub groups whose members may use it; empty for everybody.
    """

    description: Line = ""
    runtime: Literal["process", "docker"] = "process"
    image: str | None = None
    provider: Literal["process", "manual"] = "manual"
    min_workers: Annotated[int, Field(ge=0, le=10_000)] = 0
    max_workers: Annotated[int, Field(ge=0, le=10_000)] = 1
    grace_period: Annotated[int, Field(ge=0, le=366 * 86_400)] = 300
    capacity: Resources = Resources()
    warm_kernels: Annotated[int, Field(ge=0, le=64)] = 1
    owners: Annotated[list[Reference], Field(max_length=100)] = []


class WorkerState(str, Enum):
    """Where a worker stands."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    DRAINING = "draining"
    LOST = "lost"
    GONE = "gone"


class Worker(Resource):
    """One agent. One that is ``unreachable`` has enrolled, and Redis has not seen it since `enrolled_at`."""

    id: str
    group: str
    host: str
    state: WorkerState
    version: str
    capacity: Resources
    enrolled_at: datetime | None
    seen_at: datetime | None
    executions: list[str] = []


class NewToken(Model):
    """The body of POST groups/{group}/tokens: how many agents may enrol with it, and within how many seconds."""

    uses: Annotated[int, Field(ge=1, le=10_000)] = 1
    expires_in: Annotated[int, Field(ge=1, le=366 * 86_400)] = 86_400


class LimitedToken(Resource):
    """An enrolment token that is good for `uses` agents until `expires_at`; it is shown this once."""

    token: str
    uses: int
    expires_at: datetime


class RejectedEvent(Resource):
    """Something on a group's event stream that was not applied, and why.

    `worker`, `kind`, `execution` and `attempt` are what it says, whoever made it; `size` is its bytes, of which
    `document` shows the first 8 KiB.
    """

    id: str
    group: str
    worker: str
    kind: str
    execution: str
    attempt: int
    why: str
    size: int
    document: str
    rejected_at: datetime


class Enrol(Model):
    """The body of POST agents: an agent presents its group's enrolment token.

    `oldest_protocol` and `newest_protocol` are the versions of the wire it speaks (`perijove.wire.versions`).
    """

    group: Name
    token: Annotated[str, StringConstraints(max_length=1000)]
    host: Annotated[str, StringConstraints(max_length=255, pattern=_NO_CONTROL)]
    version: Annotated[str, StringConstraints(max_length=64, pattern=_NO_CONTROL)]
    capacity: Resources
    worker: WorkerId | None = None
    oldest_protocol: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    newest_protocol: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class Enrolment(Resource):
    """What an enrolled agent is given: its id, and a Redis user that may touch its group's keys only.

    `redis_url` holds the user and password, `event_key` what the worker seals its events with. `lease` and
    `renew_every` are seconds. `protocol` is the version of the wire that both sides speak from now on.
    """

    worker: str
    group: str
    redis_url: str
    event_key: str
    protocol: int
    runtime: str
    warm_kernels: int
    lease: float
    renew_every: float
