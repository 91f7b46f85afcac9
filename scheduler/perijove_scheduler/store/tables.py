"""The tables. Rows are read and written by the modules beside this one; nobody else builds SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    TextClause,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from perijove_scheduler.store.clock import UtcDateTime

Document = JSON().with_variant(JSONB(), "postgresql")
UTC = UtcDateTime()

# Written out, not bound: a database uses a partial index only where it can see that the condition implies it.
WAITING = text("status = 'created'")
LIVE = text("status IN ('queued', 'started', 'stopping')")
KEPT = text("archived_at IS NOT NULL AND removed_at IS NULL")
ENDED = text("ended_at IS NOT NULL")
#: Of an ended worker whose machine is still recorded: it may be there, and costs money.
MACHINE_LEFT = text("ended_at IS NOT NULL AND machine <> '{}'")

# Every constraint has a name, so that a later migration can name it too.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _partial(name: str, *columns: str | TextClause, where: TextClause) -> Index:
    """Return an index of the rows for which a condition holds, which is the same text on both databases."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class Table(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {dict[str, Any]: Document, list[Any]: Document, datetime: UTC}


class ProjectRow(Table):
    """A project. `next_number` is the number its next execution gets; `retention` is a `RetentionSettings`.

    `executions` is how many there are: who lists projects does not count them one by one.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(255), index=True)
    next_number: Mapped[int] = mapped_column(default=1)
    executions: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    retention: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("owner", "name"), Index("ix_projects_name", "name", "id"))


class MemberRow(Table):
    """A Hub user (`kind` ``user``) or Hub group (``group``) with a role in a project.

    A user's role holds from when they `accepted` it; before it is an invitation, by `invited_by`.
    """

    __tablename__ = "members"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    accepted: Mapped[bool] = mapped_column(default=True, server_default=true())
    invited_by: Mapped[str] = mapped_column(String(255), default="", server_default="")

    __table_args__ = (Index("ix_members_who", "kind", "name"),)


class CodeRow(Table):
    """A code version a project has; the object itself is stored once however many projects have it."""

    __tablename__ = "code_versions"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(String(72), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_code_versions_id", "id", "project_id"),)


class GroupRow(Table):
    """A worker group; `settings` is a `GroupSettings`. Of the enrolment token only the SHA-256 is kept."""

    __tablename__ = "groups"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    settings: Mapped[dict[str, Any]]
    token_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class WorkerRow(Table):
    """A worker, from the moment its machine is asked for until it is lost or gone (`WorkerState`).

    `machine` is what the provider needs to find and end the machine again, saved while it starts. `state` is what the
    master decided; whether the worker is alive is known from its renewals on Redis. `reached_at` is when it was first
    seen there: until then it has enrolled, and cannot reach Redis.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    group_name: Mapped[str] = mapped_column(ForeignKey("groups.name", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255), default="")
    version: Mapped[str] = mapped_column(String(64), default="")
    capacity: Mapped[dict[str, Any]] = mapped_column(default=dict)
    machine: Mapped[dict[str, Any]] = mapped_column(default=dict)
    password_sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    enrolled_at: Mapped[datetime | None]
    reached_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_workers_group", "group_name"),
        _partial("ix_workers_live", "group_name", where=text("ended_at IS NULL")),
        _partial("ix_workers_ended", "ended_at", where=ENDED),
        _partial("ix_workers_machine_left", "id", where=MACHINE_LEFT),
    )


class TokenRow(Table):
    """An enrolment token beside its group's own: good for `uses_left` agents, until `expires_at`."""

    __tablename__ = "enrolment_tokens"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    group_name: Mapped[str] = mapped_column(ForeignKey("groups.name", ondelete="CASCADE"))
    token_sha256: Mapped[str] = mapped_column(String(64))
    uses_left: Mapped[int]
    expires_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("group_name", "token_sha256"),)


class ExecutionRow(Table):
    """One execution. `attempt` is the fence: every write of an attempt's doing carries it in its WHERE.

    `notebook` is the digest of the document it runs, which several executions may share. `left_out` counts the files it
    left that are not among its outputs; its last attempt names the first of them.
    """

    __tablename__ = "executions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int]
    owner: Mapped[str] = mapped_column(String(255))
    group_name: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=1)
    retries_left: Mapped[int]
    free_retries: Mapped[int] = mapped_column(default=0, server_default="0")
    priority: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(200), default="")
    spec: Mapped[dict[str, Any]]
    code: Mapped[str | None] = mapped_column(String(72))
    notebook: Mapped[str | None] = mapped_column(String(64))
    worker: Mapped[str | None] = mapped_column(String(40))
    phase: Mapped[str | None] = mapped_column(String(16))
    waits_for: Mapped[str] = mapped_column(String(300), default="", server_default="")
    done: Mapped[int | None]
    total: Mapped[int | None]
    values: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    environment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    left_out: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        # One for each filter of a list that somebody may ask for alone, and in one project; the id gives the order.
        Index("ix_executions_project", "project_id", "id"),
        Index("ix_executions_project_status", "project_id", "status", "id"),
        Index("ix_executions_project_owner", "project_id", "owner", "id"),
        Index("ix_executions_project_group", "project_id", "group_name", "id"),
        Index("ix_executions_owner", "owner", "id"),
        Index("ix_executions_status", "status", "id"),
        Index("ix_executions_group", "group_name", "id"),
        # What retention asks: who uses this, and what has ended long ago?
        _partial("ix_executions_notebook", "notebook", "project_id", where=text("notebook IS NOT NULL")),
        _partial("ix_executions_code", "project_id", "code", where=text("code IS NOT NULL")),
        _partial("ix_executions_finished", "project_id", "finished_at", where=text("finished_at IS NOT NULL")),
        # What the loops ask.
        _partial("ix_executions_waiting", "group_name", "owner", text("priority DESC"), "id", where=WAITING),
        _partial("ix_executions_live", "group_name", "status", "owner", where=LIVE),
        _partial("ix_executions_worker", "worker", where=LIVE),
    )


class TagRow(Table):
    """A tag of an execution. It names the project too, where people look for tags."""

    __tablename__ = "tags"

    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)

    project_id: Mapped[str] = mapped_column(String(40), server_default=text("''"))

    __table_args__ = (
        Index("ix_tags_tag", "tag", "execution_id"),
        Index("ix_tags_project", "project_id", "tag", "execution_id"),
    )


class AttemptRow(Table):
    """One attempt: written when a worker claims it, completed when it ends. `records` is its last record's number.

    `left_out` is a list of `LeftOut`: the first files it left that could not be kept as outputs. `removed_at` is when
    the nightly sweep removed its archived records.
    """

    __tablename__ = "attempts"

    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str | None] = mapped_column(String(40))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(32))
    records: Mapped[int | None]
    left_out: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'"))
    archived_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        _partial("ix_attempts_to_archive", "finished_at", where=text("archived_at IS NULL")),
        _partial("ix_attempts_archive", "finished_at", where=KEPT),
    )


class SegmentRow(Table):
    """Records `first` to `last` of an attempt, which left Redis for the object store while the attempt went on."""

    __tablename__ = "log_segments"

    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)


class DatumRow(Table):
    """One output file. It exists only once its attempt's manifest is committed."""

    __tablename__ = "data"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    name: Mapped[str] = mapped_column(String(1024))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("execution_id", "name"),)


class UseRow(Table):
    """An execution that takes a datum as its input: while it is there, the sweep keeps the datum."""

    __tablename__ = "uses"

    execution_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    datum_id: Mapped[str] = mapped_column(ForeignKey("data.id"), primary_key=True, index=True)


class IdempotencyRow(Table):
    """An Idempotency-Key a caller used, what they asked with it, and what it `made`: by what that is found again."""

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    made: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(index=True)


class AccountRow(Table):
    """A Hub user who was seen, and when the Hub says that their account was made: another time is another person."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    created: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[datetime]


class AuditRow(Table):
    """Something an administrator did, or the platform by itself: who did what, from whom and to whom."""

    __tablename__ = "audit"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(255))
    target: Mapped[str] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class LeaseRow(Table):
    """Something that one replica holds for a time; `epoch` counts the holders, and fences what they write."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    epoch: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime]
    expires_at: Mapped[datetime]


class RejectedEventRow(Table):
    """An event that was not applied. What it names need not exist: anybody who reaches the stream may have made it."""

    __tablename__ = "rejected_events"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    group_name: Mapped[str] = mapped_column(String(64))
    worker: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    execution_id: Mapped[str] = mapped_column(String(40))
    attempt: Mapped[int]
    why: Mapped[str] = mapped_column(String(500))
    size: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str]
    rejected_at: Mapped[datetime]

    __table_args__ = (Index("ix_rejected_events_group_name", "group_name", "id"),)


class SettingRow(Table):
    """A value the master keeps for itself, such as the key it signs URLs with."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
