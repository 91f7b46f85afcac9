"""The numbered records of one attempt: its log, cells, outputs, metadata, progress, statistics and phases.

An attempt's records are numbered 1, 2, 3 … by the agent and are never renumbered. They are spooled, streamed and
archived as JSON lines; ``n`` is the first key of every line. Times are seconds since the epoch by the worker's clock:
for people to read, never compared between machines.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from perijove.model.base import Model

#: A payload larger than this many bytes is stored as an object and referred to.
INLINE_LIMIT = 256 * 1024


class Phase(str, Enum):
    """What a started attempt is doing."""

    PREPARING = "preparing"
    RUNNING = "running"
    UPLOADING = "uploading"

    def __str__(self) -> str:
        return self.value


class CellState(str, Enum):
    """Where a cell stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class _Record(Model):
    n: int
    t: float


class LogRecord(_Record):
    """Text of the log, as it was written; not necessarily whole lines."""

    kind: Literal["log"] = "log"
    stream: Literal["stdout", "stderr", "system"]
    text: str


class CellRecord(_Record):
    """A cell began or ended. `index` counts from 1 among the `total` cells that run; `seconds` is its length."""

    kind: Literal["cell"] = "cell"
    cell: str
    state: CellState
    index: int
    total: int
    execution_count: int | None = None
    seconds: float | None = None


class OutputRecord(_Record):
    """An output message of a cell: a kernel message's type and content, in the order the kernel sent them.

    `message` is ``stream``, ``display_data``, ``execute_result``, ``error``, ``update_display_data`` or
    ``clear_output``. A `content` over `INLINE_LIMIT` bytes is None and lies in the object `ref`.
    """

    kind: Literal["output"] = "output"
    cell: str
    message: str
    content: dict[str, Any] | None
    ref: str | None = None


class MetadataRecord(_Record):
    """One JSON object the work printed on a line of its own."""

    kind: Literal["metadata"] = "metadata"
    values: dict[str, Any]


class ProgressRecord(_Record):
    """How much is done: `done` of `total` cells or commands."""

    kind: Literal["progress"] = "progress"
    done: int
    total: int


class StatsRecord(_Record):
    """A sample of what the work uses: CPUs (1.0 is one core), bytes of memory, and GPUs where there are any."""

    kind: Literal["stats"] = "stats"
    cpu: float
    memory: int
    gpus: list[dict[str, float]] = []


class PhaseRecord(_Record):
    """The attempt entered a phase."""

    kind: Literal["phase"] = "phase"
    phase: Phase
    detail: str = ""


Record = Annotated[
    LogRecord | CellRecord | OutputRecord | MetadataRecord | ProgressRecord | StatsRecord | PhaseRecord,
    Field(discriminator="kind"),
]

#: Reads one JSON line (or a parsed one) into its record.
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
