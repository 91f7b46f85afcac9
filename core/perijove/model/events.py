"""What agents tell the master, through their group's event stream.

Every event of an execution carries ``(execution, attempt)``: the fence. The applier changes nothing for an attempt that
is not the row's, so applying an event late or twice is harmless.

All of it is bounded: what an agent may say is what the master, the database and whoever reads it later can take.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter

from perijove import safe_json
from perijove.model.base import Model
from perijove.model.ids import ExecutionId, RelativePath, Sha256, WorkerId
from perijove.model.reasons import Reason
from perijove.model.records import Phase

#: The number of a record; what a database's integer holds.
RecordNumber = Annotated[int, Field(ge=1, lt=2**31)]
#: How many files that are left out an event names, and the most characters of a name and of a reason.
LEFT_OUT_NAMED, LEFT_OUT_LENGTH = 100, 400
#: The most characters of a sentence about what an attempt waits for.
WAITS_LIMIT = 300
#: The most outputs of an attempt, and the most objects of one request for signed URLs.
OUTPUTS, OBJECTS = 100_000, 1_000
#: The most attempts of an execution.
ATTEMPTS = 1_000_000
_DETAIL = 2_000
#: What an attempt's environment may hold: the packages of an interpreter, above all.
ENVIRONMENT = safe_json.Bounds(depth=8, values=20_000, characters=2 * 1024 * 1024)


def _within(bounds: safe_json.Bounds) -> AfterValidator:
    def check(value: dict[str, Any]) -> dict[str, Any]:
        if not safe_json.fits(value, bounds):
            raise ValueError(f"must not be larger, or nested deeper, than {bounds}")
        return value

    return AfterValidator(check)


def _shortened(value: Any) -> Any:
    """Cut a text that is too long; the log has all of it."""
    return f"{value[: _DETAIL - 1]}…" if isinstance(value, str) and len(value) > _DETAIL else value


#: A count that every database holds.
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
#: A sentence; one that is longer than 2,000 characters is cut.
Detail = Annotated[str, BeforeValidator(_shortened)]
Metadata = Annotated[dict[str, Any], _within(safe_json.METADATA)]


class OutputFile(Model):
    """One line of an output manifest: a file the attempt uploaded under its own prefix."""

    name: RelativePath
    size: Annotated[int, Field(ge=0, le=2**63 - 1)]
    sha256: Sha256
    media_type: Annotated[str, StringConstraints(max_length=255)] = "application/octet-stream"


class LeftOut(Model):
    """A file that work left and that is not among its outputs: its name, as people may read it, and why."""

    name: Annotated[str, Field(max_length=LEFT_OUT_LENGTH)]
    why: Annotated[str, Field(max_length=LEFT_OUT_LENGTH)]


class Verb(str, Enum):
    """What may be done with a signed URL."""

    GET = "GET"
    PUT = "PUT"


class _WorkerEvent(Model):
    worker: WorkerId

    @property
    def runner(self) -> str:
        """The worker that ran what this is about: the sender, unless it names another."""
        return self.worker


class _AttemptEvent(_WorkerEvent):
    execution: ExecutionId
    attempt: Annotated[int, Field(ge=1, le=ATTEMPTS)]


class Claimed(_AttemptEvent):
    """A worker took the ticket. It goes before whatever else the worker says of the attempt."""

    kind: Literal["claimed"] = "claimed"


class Held(_AttemptEvent):
    """A worker announces again what it holds, after Redis forgot it."""

    kind: Literal["held"] = "held"


class Advanced(_AttemptEvent):
    """The phase, the progress or the latest metadata changed; sent at most about once a second.

    Attributes
    ----------
    waits : str, optional
        A sentence about what the attempt waits for just now; empty when it waits for nothing any more.
    """

    kind: Literal["advanced"] = "advanced"
    phase: Phase | None = None
    done: Count | None = None
    total: Count | None = None
    metadata: Metadata = {}
    waits: Annotated[str, Field(max_length=WAITS_LIMIT)] | None = None


class Finished(_AttemptEvent):
    """The attempt ended. Its outputs become visible by the applier's write of this manifest, all at once.

    Attributes
    ----------
    detail : str
        A sentence about this very failure, such as the exception's last line; empty if there is nothing to add.
    exit_status : int, optional
        Of the command that ended it.
    done, total : int, optional
        How many cells or commands were done, of how many.
    left_out : list of LeftOut
        The first files that could not be kept as outputs.
    left_out_count : int
        How many there were.
    metadata : dict
        The latest value of every metadata key.
    environment : dict
        What it really ran with: ``python``, ``platform``, ``kernel``, ``packages`` (name → version).
    records : int
        The number of the attempt's last record.
    """

    kind: Literal["finished"] = "finished"
    reason: Reason
    detail: Detail = ""
    exit_status: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    done: Count | None = None
    total: Count | None = None
    outputs: Annotated[list[OutputFile], Field(max_length=OUTPUTS)] = []
    left_out: Annotated[list[LeftOut], Field(max_length=LEFT_OUT_NAMED)] = []
    left_out_count: Count = 0
    metadata: Metadata = {}
    environment: Annotated[dict[str, Any], _within(ENVIRONMENT)] = {}
    records: Count = 0


class FormerWorker(Model):
    """The worker that ran an attempt, named by the agent that came after it on its disk and archives what it left.

    Attributes
    ----------
    proof : str
        That the sender has the key of this attempt's records, see `perijove.wire.envelopes.records_proof`.
    """

    worker: WorkerId
    proof: Sha256


class _RecordsEvent(_AttemptEvent):
    ran_by: FormerWorker | None = None

    @property
    def runner(self) -> str:
        """The worker that ran the attempt: the one it names, else the sender."""
        return self.ran_by.worker if self.ran_by else self.worker


class Archived(_RecordsEvent):
    """The attempt's records lie, compressed, in the object store; its live stream may go."""

    kind: Literal["archived"] = "archived"
    records: Count
    size: Annotated[int, Field(ge=0, le=2**63 - 1)]
    sha256: Sha256


class Segmented(_AttemptEvent):
    """Records `first` to `last` lie, compressed, in the object store, while the attempt goes on.

    Attributes
    ----------
    size : int
        Bytes of the object.
    """

    kind: Literal["segmented"] = "segmented"
    first: RecordNumber
    last: RecordNumber
    size: Annotated[int, Field(ge=0, le=2**63 - 1)]
    sha256: Sha256


class ObjectRequest(Model):
    """One object of a sign request.

    `what` says whose it is: ``code`` (name: code version), ``notebook`` (its sha256), ``datum`` (datum id) are read;
    ``output`` (its name), ``log`` (no name), ``segment`` (``<first>-<last>``, of its records) and ``payload`` (its
    sha256) are written under the attempt's own prefix.
    """

    what: Literal["code", "notebook", "datum", "output", "log", "segment", "payload"]
    name: Annotated[str, StringConstraints(max_length=2048)] = ""
    sha256: Sha256 | None = None


class SignRequest(_RecordsEvent):
    """A worker asks for signed URLs; the answer comes on its control stream under the same `request`."""

    kind: Literal["sign"] = "sign"
    request: Annotated[str, StringConstraints(max_length=100)]
    objects: Annotated[list[ObjectRequest], Field(max_length=OBJECTS)]


class Stopped(_WorkerEvent):
    """A worker has left for good and holds nothing; sent as its last event."""

    kind: Literal["stopped"] = "stopped"


Event = Annotated[
    Claimed | Held | Advanced | Finished | Segmented | Archived | SignRequest | Stopped, Field(discriminator="kind")
]

#: Reads one JSON document into its event.
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
