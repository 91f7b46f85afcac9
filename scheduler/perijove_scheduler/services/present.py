"""How rows become what the REST API answers. Every resource is built here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote

from perijove.model.events import LeftOut
from perijove.model.reasons import MEANINGS, Reason
from perijove.model.records import Phase
from perijove.model.resources import (
    Attempt,
    Code,
    Execution,
    ExecutionDetail,
    Invitation,
    Member,
    Output,
    Outputs,
    Progress,
    Project,
    Role,
)
from perijove.model.spec import Spec
from perijove.model.status import Status
from perijove_scheduler.services import excerpts
from perijove_scheduler.services.limits import Limits
from perijove_scheduler.store.executions import FoundExecution
from perijove_scheduler.store.projects import FoundInvitation, FoundProject, ProjectDetails
from perijove_scheduler.store.tables import AttemptRow, CodeRow, DatumRow, ExecutionRow, MemberRow

_SENTENCES = {
    Status.CREATED: "It waits for its turn.",
    Status.QUEUED: "It waits for a worker.",
    Status.STARTED: "It has started.",
    Status.STOPPING: "It is being stopped.",
}
_PHASES = {
    Phase.PREPARING: "It is preparing its code, image and inputs.",
    Phase.RUNNING: "It is running.",
    Phase.UPLOADING: "It is uploading its outputs.",
}
#: What helps where files were left out and nothing else went wrong.
LEFT_OUT_HINT = "Its list of outputs and its log name them and say why."


def sentence_of(row: ExecutionRow) -> tuple[str, str]:
    """Return the sentence and the hint that say why an execution stands where it stands."""
    if row.reason is not None:
        meaning = MEANINGS[Reason(row.reason)]
        if row.left_out:
            return f"{meaning.sentence} {_left_out(row.left_out)}", meaning.hint or LEFT_OUT_HINT
        return meaning.sentence, meaning.hint
    started = row.status == Status.STARTED and row.phase is not None
    sentence = _PHASES[Phase(row.phase)] if started and row.phase else _SENTENCES.get(Status(row.status), "")
    return f"{sentence} {row.waits_for}".strip(), ""


def execution(found: FoundExecution, limits: Limits, wanted: Collection[str] | None = None) -> Execution:
    """Return an execution as a list shows it, with the metadata `wanted`, or as much as there is room for."""
    metadata, truncated = excerpts.of_metadata(found.row.values, wanted)
    less = {"metadata": metadata, "metadata_truncated": truncated}
    return Execution.model_validate({**_execution_fields(found, limits), **less})


def detail(found: FoundExecution, limits: Limits) -> ExecutionDetail:
    """Return an execution that was found whole, with its attempts and its environment."""
    more = {"attempts": [attempt(row) for row in found.attempts], "environment": found.row.environment}
    named = {"left_out_files": left_out_files(found)}
    return ExecutionDetail.model_validate({**_execution_fields(found, limits), **more, **named})


def left_out_files(found: FoundExecution) -> list[LeftOut]:
    """Return the first files that an execution, found whole, left and that are not among its outputs."""
    last = (row.left_out for row in found.attempts if row.attempt == found.row.attempt)
    return [LeftOut.model_validate(each) for each in next(last, [])]


def outputs(found: FoundExecution, rows: Sequence[DatumRow], limit: int, limits: Limits) -> Outputs:
    """Return up to `limit` outputs of an execution that was found whole, and what is not among its outputs."""
    items = excerpts.of_page([output(row, limits) for row in rows], limit)
    after = items[-1].id if len(rows) > len(items) else None
    return Outputs(items=items, next=after, left_out=found.row.left_out, left_out_files=left_out_files(found))


def attempt(row: AttemptRow) -> Attempt:
    """Return one attempt."""
    return Attempt(
        attempt=row.attempt,
        worker=row.worker,
        started_at=row.started_at,
        finished_at=row.finished_at,
        reason=None if row.reason is None else Reason(row.reason),
        records=row.records,
        archived=row.archived_at is not None,
    )


def project(found: FoundProject, details: ProjectDetails) -> Project:
    """Return a project as the one who asked sees it."""
    row = found.row
    return Project(
        id=row.id,
        name=row.name,
        owner=row.owner,
        role=found.role,
        executions=details.executions,
        created_at=row.created_at,
        members=[_member(member) for member in details.members if member.accepted or found.role is Role.ADMIN],
    )


def _member(row: MemberRow) -> Member:
    return Member.model_validate(
        {"kind": row.kind, "name": row.name, "role": Role(row.role), "invited": not row.accepted}
    )


def invitation(found: FoundInvitation) -> Invitation:
    """Return an invitation as who is invited sees it."""
    project, member = found.project, found.member
    return Invitation(
        project=project.id, name=project.name, owner=project.owner, role=Role(member.role), invited_by=member.invited_by
    )


def output(row: DatumRow, limits: Limits) -> Output:
    """Return an output; its address redirects to its bytes."""
    return Output(
        id=row.id,
        execution=row.execution_id,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        media_type=row.media_type,
        created_at=row.created_at,
        url=limits.api(f"executions/{row.execution_id}/outputs/{quote(row.name)}"),
    )


def code(row: CodeRow) -> Code:
    """Return a code version."""
    return Code(id=row.id, project=row.project_id, size=row.size, created_by=row.created_by, created_at=row.created_at)


def _left_out(count: int) -> str:
    return "One file it left could not be kept." if count == 1 else f"{count:,} files it left could not be kept."


def _execution_fields(found: FoundExecution, limits: Limits) -> dict[str, object]:
    row = found.row
    sentence, hint = sentence_of(row)
    known = row.done is not None and row.total is not None
    return {
        "id": row.id,
        "number": row.number,
        "project": row.project_id,
        "project_name": found.project_name,
        "owner": row.owner,
        "status": Status(row.status),
        "reason": row.reason and Reason(row.reason),
        "detail": row.detail,
        "sentence": sentence,
        "hint": hint,
        "attempt": row.attempt,
        "phase": row.phase and Phase(row.phase),
        "waits_for": row.waits_for,
        "progress": Progress(done=row.done or 0, total=row.total or 0) if known else None,
        "left_out": row.left_out,
        "metadata": row.values,
        "spec": Spec.model_validate(row.spec),
        "worker": row.worker,
        "created_at": row.created_at,
        "queued_at": row.queued_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "url": limits.api(f"executions/{row.id}"),
    }
