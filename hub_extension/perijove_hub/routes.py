"""Every address of the REST API. Handlers, the OpenAPI document and ``docs/rest.md`` are made from this table."""

from __future__ import annotations

from typing import Any

from perijove import errors as e
from perijove.model import fleet
from perijove.model import resources as r
from perijove.model.retention import RetentionReport, RetentionSettings, SweepRequest
from perijove_hub import bodies, queries
from perijove_hub.handlers import (
    accounts,
    agents,
    code,
    executions,
    files,
    groups,
    info,
    outputs,
    projects,
    retention,
    service,
    story,
)
from perijove_hub.problems import TooMany
from perijove_hub.ranges import RangeNotSatisfiable
from perijove_hub.route import JSON_LIMIT, Route

_BYTES = "application/octet-stream"
#: What any reference to a project may be.
_PROJECT = (e.UnknownProject, e.AmbiguousProject)
_SPEC_ERRORS = (
    e.InvalidSpec, *_PROJECT, e.UnknownGroup, e.UnknownCode, e.InvalidParameter, e.InvalidNotebook,
    e.UnknownCell, e.ImageNotSupported, e.IdempotencyConflict, e.TooLarge,
)  # fmt: skip


def _notebook_limit(limits: Any) -> int:
    """Return the most bytes of a body that carries a notebook beside the spec."""
    return int(limits.notebook_limit) + JSON_LIMIT


def _snapshot_limit(limits: Any) -> int:
    return int(limits.snapshot_limit)


def _unlimited(_: Any) -> int:
    """Return no limit: a signed URL is for one object of an attempt, which the worker bounds."""
    return 2**62


#: Below ``api/v1/``.
API: tuple[Route, ...] = (
    Route("GET", "info", info.get, "What the service is, and who you are to it", answer=r.Info),
    Route("GET", "projects", projects.index, "List your projects", query=queries.Paging, answer=r.Project, paged=True),
    Route("POST", "projects", projects.create, "Make a project", "submit", body=r.CreateProject, answer=r.Project,
          status=201, idempotent=True, errors=(e.Conflict,)),
    Route("GET", "projects/{project}", projects.get, "A project", answer=r.Project, errors=(*_PROJECT,)),
    Route("DELETE", "projects/{project}", projects.delete, "Delete a project with everything it owns", "submit",
          status=204, errors=(*_PROJECT, e.Conflict)),
    Route("PUT", "projects/{project}/members/{kind}/{name}", projects.set_member, "Give a user or Hub group a role",
          "submit", body=r.SetMember, answer=r.Project, errors=(*_PROJECT,)),
    Route("DELETE", "projects/{project}/members/{kind}/{name}", projects.remove_member, "Take a role away", "submit",
          answer=r.Project, errors=(*_PROJECT,)),
    Route("GET", "invitations", projects.invitations, "List the projects you are asked to join",
          query=queries.Paging, answer=r.Invitation, paged=True),
    Route("POST", "invitations/{project}/accept", projects.accept, "Join a project", "submit", answer=r.Project,
          idempotent=True, errors=(e.NotFound, e.Conflict)),
    Route("POST", "invitations/{project}/decline", projects.decline, "Do not join a project, or leave it", "submit",
          status=204, idempotent=True, errors=(e.NotFound, e.Conflict)),
    Route("POST", "users/{user}/hand-over", accounts.hand_over, "Give all that a user owns to another", "admin",
          body=r.HandOver, answer=r.AuditEntry, idempotent=True, errors=(e.NotFound, e.Conflict)),
    Route("GET", "audit", accounts.audit, "What was handed over, or kept away from a new account", "admin",
          query=queries.Paging, answer=r.AuditEntry, paged=True),
    Route("GET", "projects/{project}/retention", retention.get, "For how long it keeps what has ended",
          answer=RetentionSettings, errors=(*_PROJECT,)),
    Route("PUT", "projects/{project}/retention", retention.put, "Say for how long it keeps what has ended", "submit",
          body=RetentionSettings, answer=RetentionSettings, errors=(*_PROJECT,)),
    Route("POST", "retention/sweep", retention.sweep, "Sweep now; returns what will be removed", "admin", harmless=True,
          body=SweepRequest, answer=RetentionReport, status=202),
    Route("GET", "retention", retention.report, "What the next nightly sweep would remove now", "admin",
          answer=RetentionReport),
    Route("GET", "executions", executions.index, "List executions, newest first", query=queries.ListExecutions,
          answer=r.Execution, paged=True, errors=(*_PROJECT,)),
    Route("POST", "executions", executions.create, "Submit an execution", "submit", body=r.CreateExecution,
          answer=r.Execution, status=201, idempotent=True, limit=_notebook_limit, errors=_SPEC_ERRORS),
    Route("POST", "executions/batch", executions.create_many, "Submit up to 10,000 executions: all of them, or none",
          "submit", body=r.CreateExecutions, answer=r.CreatedExecutions, status=201, idempotent=True,
          limit=_notebook_limit, errors=(*_SPEC_ERRORS, e.UnknownDatum)),
    Route("POST", "executions/stop", executions.stop_many, "Stop up to 10,000 executions", "submit",
          body=r.StopExecutions, answer=r.Stopping, harmless=True, errors=(e.UnknownExecution,)),
    Route("GET", "executions/compare", executions.compare, "Set executions side by side", query=queries.Compare,
          answer=r.Comparison, errors=(e.UnknownExecution,)),
    Route("GET", "executions/{execution}", executions.get, "An execution", answer=r.ExecutionDetail,
          errors=(e.UnknownExecution,)),
    Route("DELETE", "executions/{execution}", executions.delete, "Delete an ended execution and its files", "submit",
          status=204, errors=(e.UnknownExecution, e.Conflict)),
    Route("POST", "executions/{execution}/stop", executions.stop, "Stop an execution", "submit", answer=r.Execution,
          harmless=True, errors=(e.UnknownExecution, e.Conflict)),
    Route("POST", "executions/{execution}/copy", executions.copy, "Run it again, with changes", "submit",
          body=r.CopyExecution, answer=r.Execution, status=201, idempotent=True,
          errors=(e.UnknownExecution, *_SPEC_ERRORS)),
    Route("GET", "executions/{execution}/why", executions.why, "What it waits for, in a sentence", answer=r.Why,
          errors=(e.UnknownExecution,)),
    Route("GET", "executions/{execution}/events", story.events, "Follow it: server-sent events that resume",
          query=queries.After, answer="text/event-stream", errors=(e.UnknownExecution, e.Unavailable, TooMany)),
    Route("GET", "executions/{execution}/log", story.log, "Its log as text", query=queries.OfAttempt,
          answer="text/plain", errors=(e.UnknownExecution,)),
    Route("GET", "executions/{execution}/notebook", outputs.notebook, "Its notebook (redirects to the bytes)",
          query=queries.WhichNotebook, answer="application/x-ipynb+json", status=302,
          errors=(e.UnknownExecution, e.NotFound, e.Conflict)),
    Route("GET", "executions/{execution}/outputs", outputs.index, "Its outputs, by name", query=queries.Paging,
          answer=r.Outputs, errors=(e.UnknownExecution,)),
    Route("GET", "executions/{execution}/outputs/{name*}", outputs.get, "An output (redirects to the bytes)",
          answer=_BYTES, status=302, errors=(e.UnknownExecution, e.NotFound)),
    Route("GET", "executions/{execution}/payloads/{sha256}", outputs.payload,
          "The content of a record that was too large for it (redirects to the bytes)", query=queries.OfAttempt,
          answer="application/json", status=302, errors=(e.UnknownExecution, e.NotFound)),
    Route("GET", "executions/{execution}/metadata", story.metadata, "Its metadata: latest values and all points",
          answer=r.Metadata, errors=(e.UnknownExecution,)),
    Route("GET", "code/{code}", code.get, "A stored code version", query=queries.OfProject, answer=r.Code,
          errors=(*_PROJECT, e.UnknownCode)),
    Route("PUT", "code/{code}", code.put, "Store a snapshot (tar.zst, named by its SHA-256)", "submit",
          query=queries.OfProject, body="application/zstd", answer=r.Code, status=201, limit=_snapshot_limit,
          too_large=e.SnapshotTooLarge, errors=(*_PROJECT, e.SnapshotTooLarge, e.InvalidRequest)),
    Route("GET", "code/{code}/archive", code.archive, "A snapshot (redirects to the bytes)", query=queries.OfProject,
          answer="application/zstd", status=302, errors=(*_PROJECT, e.UnknownCode)),
    Route("GET", "groups", groups.index, "List the worker groups you may use", answer=fleet.Group, paged=True),
    Route("POST", "groups", groups.create, "Make a worker group", "admin", body=bodies.CreateGroup,
          answer=bodies.CreatedGroup, status=201, idempotent=True, errors=(e.Conflict, e.RuntimeNotSupported)),
    Route("GET", "groups/{group}", groups.get, "A worker group", answer=fleet.Group, errors=(e.UnknownGroup,)),
    Route("PUT", "groups/{group}", groups.update, "Replace a group's settings", "admin", body=bodies.ReplaceGroup,
          answer=fleet.Group, errors=(e.UnknownGroup, e.RuntimeNotSupported, e.Conflict)),
    Route("PATCH", "groups/{group}", groups.change, "Change some of a group's settings", "admin",
          body=bodies.ChangeGroup, answer=fleet.Group, errors=(e.UnknownGroup, e.RuntimeNotSupported)),
    Route("DELETE", "groups/{group}", groups.delete, "Delete a group that nothing uses", "admin", status=204,
          errors=(e.UnknownGroup, e.Conflict)),
    Route("POST", "groups/{group}/token", groups.new_token, "Replace its enrolment token", "admin",
          answer=bodies.EnrolmentToken, idempotent=True, errors=(e.UnknownGroup, e.Conflict)),
    Route("POST", "groups/{group}/tokens", groups.limited_token,
          "Make an enrolment token for some agents and some time, beside the group's own", "admin",
          body=fleet.NewToken, answer=fleet.LimitedToken, status=201, idempotent=True,
          errors=(e.UnknownGroup, e.Conflict)),
    Route("GET", "groups/{group}/workers", groups.workers, "Its workers", answer=fleet.Worker, paged=True,
          errors=(e.UnknownGroup,)),
    Route("DELETE", "groups/{group}/workers/{worker}", groups.evict,
          "Put a worker out at once: its rights end, and what it holds counts as lost", "admin", status=204,
          errors=(e.UnknownGroup, e.NotFound)),
    Route("POST", "groups/{group}/workers/{worker}/drain", groups.drain, "Let a worker finish and leave", "admin",
          answer=fleet.Worker, harmless=True, errors=(e.UnknownGroup, e.NotFound)),
    Route("GET", "events/rejected", groups.rejected, "Workers' events that were not applied, the latest first", "admin",
          query=queries.Paging, answer=fleet.RejectedEvent, paged=True),
    Route("POST", "agents", agents.enrol, "Enrol an agent, with its group's enrolment token", None, body=fleet.Enrol,
          answer=fleet.Enrolment, status=201,
          errors=(e.Unauthenticated, e.IncompatibleAgent, e.RuntimeNotSupported)),
    Route("POST", "agents/{worker}/release", agents.release, "An agent leaves for good", None, body=bodies.Release,
          status=204, errors=(e.Unauthenticated, e.NotFound)),
    Route("GET", "openapi.json", service.document, "This API as an OpenAPI 3.1 document", None,
          answer="application/json"),
)  # fmt: skip

#: Beside the API: what machines ask for without knowing its version.
SERVICE: tuple[Route, ...] = (
    Route("GET", "health", service.health, "Whether the service works", None, answer=bodies.Health),
    Route("GET", "metrics", service.metrics, "Prometheus metrics", "metrics", answer="text/plain"),
    Route("GET", "files/{key*}", files.get, "A signed download, with ranges", None, query=queries.Signature,
          answer=_BYTES, errors=(e.Forbidden, e.NotFound, RangeNotSatisfiable)),
    Route("HEAD", "files/{key*}", files.get, "A signed download's headers", None, query=queries.Signature,
          answer=_BYTES, errors=(e.Forbidden, e.NotFound)),
    Route("PUT", "files/{key*}", files.put, "A signed upload", None, query=queries.Signature, body=_BYTES, status=204,
          limit=_unlimited, errors=(e.Forbidden, e.InvalidRequest, e.InvalidPath)),
)  # fmt: skip

API_PREFIX = "api/v1/"
